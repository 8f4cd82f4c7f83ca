"""``gzslbench run``: plan, run what is missing, and say how it went."""

from __future__ import annotations

import re
from typing import Any

import click

from gzslbench.cli.completion import complete_data_sets, complete_plugins
from gzslbench.cli.options import cache_option, data_dir_option, results_option
from gzslbench.contract.protocol import PROTOCOLS
from gzslbench.errors import UsageError

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Seeds(click.ParamType[tuple[int, ...]]):
    """Seeds written as ``0-4`` or ``0,2,7-9``."""

    name = "seeds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Read seeds, each once and in the order given."""
        if isinstance(value, tuple):
            return value
        seeds: list[int] = []
        for part in str(value).split(","):
            match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
            if not match:
                self.fail(f"'{value}' is no list of seeds; write 0-4 or 0,2,7", param, ctx)
            first, last = int(match[1]), int(match[2] or match[1])
            if last < first:
                self.fail(f"'{part.strip()}' holds no seed; write the smaller number first", param, ctx)
            seeds += range(first, last + 1)
        return tuple(dict.fromkeys(seeds))


class Duration(click.ParamType[float]):
    """A time written as ``90``, ``90s``, ``15m`` or ``2h``; in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a duration in seconds."""
        match = _DURATION.fullmatch(str(value).strip())
        if not match or float(match[1]) <= 0:
            self.fail(f"'{value}' is no duration; write 90s, 15m or 2h", param, ctx)
        return float(match[1]) * _SECONDS[match[2]]


@click.command()
@click.option(
    "--plugin",
    "-p",
    "plugins",
    multiple=True,
    shell_complete=complete_plugins,
    help="A method, a plugin, or a plugin file; repeatable.",
)
@click.option("--generator", "-g", "generators", multiple=True, help="Combine this generator ('none' for none).")
@click.option("--gate", "gates", multiple=True, help="Combine this gate, or take it in place of a method's own.")
@click.option(
    "--classifier",
    "-c",
    "classifiers",
    multiple=True,
    help="Combine this classifier, or take it in place of a method's own.",
)
@click.option("--all", "everything", is_flag=True, help="Every compatible combination of everything.")
@click.option(
    "--dataset",
    "-d",
    "data_sets",
    multiple=True,
    shell_complete=complete_data_sets,
    help="A data set [default: the bundled one]; repeatable.",
)
@click.option("--all-datasets", is_flag=True, help="The bundled data set and all that are found.")
@click.option("--split", "splits", multiple=True, help="A split of the data sets [default: their first]; repeatable.")
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    default=("inductive",),
    show_default=True,
    type=click.Choice(list(PROTOCOLS)),
    help="What training may see and which state is kept; repeatable.",
)
@click.option("--seeds", type=Seeds(), default="0-4", show_default=True, help="Seeds, such as 0-4 or 0,2,7.")
@click.option("--set", "assignments", multiple=True, metavar="COMPONENT.SETTING=VALUE", help="Change a setting.")
@click.option(
    "--grid", "grid", multiple=True, metavar="COMPONENT.SETTING=V,V,..", help="Run, or select from, several values."
)
@click.option(
    "--budget",
    default="auto",
    show_default=True,
    help="'full' (the recipes' own), another one that they offer, or 'auto': quick without a GPU, else full.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=None, help="Groups at once [default: one a core, or one a GPU]."
)
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="CPU threads of each group.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1.")
@click.option(
    "--precision",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "float32", "bfloat16"]),
    help="Format of matrix products, for methods that were shown to be unharmed by it; auto: bfloat16 where the "
    "processor has it. Part of the record.",
)
@click.option(
    "--executor",
    default="local",
    show_default=True,
    type=click.Choice(["local", "ray"]),
    help="Where groups run: processes on this machine, or a Ray cluster (RAY_ADDRESS).",
)
@click.option(
    "--seeds-together/--seeds-apart",
    default=None,
    help="Train the generators of all seeds as one batched model, where the method allows [default: on a GPU].",
)
@click.option(
    "--timeout", type=Duration(), default=None, help="Limit for each fit or prediction, such as 90s, 15m or 2h."
)
@click.option("--keep-scores", is_flag=True, help="Store the scores of all classes, not of the best ones alone.")
@click.option("--keep-samples", is_flag=True, help="Store some of the samples that methods make, for figures.")
@click.option("--force", is_flag=True, help="Run cells again that have a record.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first failure.")
@click.option("--dry-run", is_flag=True, help="Show what would be run, what is there, and what can't be run and why.")
@click.option("--explain", is_flag=True, help="Say for each missing cell how it differs from what is there.")
@click.option("--no-track", is_flag=True, help="Do without MLflow; 'gzslbench track sync' can catch up.")
@click.option(
    "--tracking-uri", envvar="MLFLOW_TRACKING_URI", default=None, help="MLflow server [default: SQLite in the results]."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@results_option
@data_dir_option
@cache_option
def run(**options: Any) -> None:
    """Run methods on data sets.

    Each cell (data set, split, generator, gate, classifier, protocol, seed) leaves one record; a cell that has its
    record is skipped, so the same command continues after any interruption and retries what failed.
    """
    if not (options["plugins"] or options["everything"] or options["generators"] or options["classifiers"]):
        raise UsageError("nothing to run was named", "give --plugin NAME (see 'gzslbench list'), or --all")
    click.get_current_context().exit(run_options(options))


def run_options(options: dict[str, Any]) -> int:
    """Do what the options ask for; gives the exit code."""
    if not (options["dry_run"] or options["explain"] or options["executor"] == "ray"):
        from gzslbench.runner.server import start_fork_server

        start_fork_server(options["threads"])  # its imports run beside ours
    from gzslbench.runner.request import Request
    from gzslbench.runner.session import run_session

    return run_session(Request(**options))
