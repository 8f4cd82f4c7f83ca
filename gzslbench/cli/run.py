"""``gzslbench run``: plan, run what is missing, and say how it went."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gzslbench.cli.options import (
    OF_PROTOCOLS,
    PathName,
    complete_data_sets,
    complete_plugins,
    complete_settings,
    data_options,
    duration,
    flag,
    many,
    results_option,
    seeds,
    set_option,
    tracking_uri_option,
)
from gzslbench.contract.protocol import HEADLINE, PROTOCOLS
from gzslbench.errors import UsageError

_COUNT = click.IntRange(1, 4096)


@click.command()
@many(
    "--plugin",
    "-p",
    "plugins",
    shell_complete=complete_plugins,
    help="A method, a plugin, a plugin file, or the folder of a package; repeatable.",
)
@many("--generator", "-g", "generators", help="Combine this generator ('none' for none).")
@many("--gate", "gates", help="Combine this gate, or take it in place of a method's own.")
@many("--classifier", "-c", "classifiers", help="Combine this classifier, or take it in place of a method's own.")
@flag("--all", "everything", help="Every compatible combination of everything.")
@many(
    "--dataset",
    "-d",
    "data_sets",
    shell_complete=complete_data_sets,
    help="A data set [default: the bundled one]; repeatable.",
)
@flag("--all-datasets", help="The bundled data set and all that are found.")
@many("--split", "splits", help="A split of the data sets [default: their first]; repeatable.")
@many(
    "--protocol",
    "protocols",
    type=click.Choice(list(PROTOCOLS)),
    metavar="PROTOCOL",
    help="What training may see, and how state and operating point are chosen; repeatable "
    f"[default: {' and '.join(HEADLINE)}]. {OF_PROTOCOLS}",
)
@click.option("--seeds", type=seeds, default="0-4", show_default=True, help="Seeds, such as 0-4 or 0,2,7.")
@set_option
@many(
    "--grid",
    metavar="COMPONENT.SETTING=V,V,..",
    shell_complete=complete_settings,
    help="Run, or select from, several values.",
)
@click.option(
    "--budget",
    default="auto",
    show_default=True,
    help="'full' (the recipes' own), another one that they offer, or 'auto': quick without a GPU, else full.",
)
@flag("--tuned", help="In place of the budget, settings of 'gzslbench tune' in the results, or of the plugin.")
@click.option("--jobs", type=_COUNT, help="Groups at once [default: one a core, or one a GPU].")
@click.option("--threads", type=_COUNT, default=1, show_default=True, help="CPU threads of each group.")
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
    help="Where groups run: in processes of this machine, or on a Ray cluster.",
)
@click.option(
    "--address",
    help="Ray's cluster, host:port or auto [default: that of RAY_ADDRESS, or one of this machine alone].",
)
@click.option(
    "--gpus-per-group",
    type=click.FloatRange(0.01, 64),
    help="GPUs of a node of Ray's that a group takes, such as 0.25 [default: 1 where it runs on a GPU].",
)
@click.option(
    "--seeds-together/--seeds-apart",
    default=None,
    help="Train the generators of all seeds as one batched model, where the method allows [default: on a GPU].",
)
@click.option(
    "--timeout",
    type=duration,
    help="Limit for each fit or prediction, and the import of each foreign plugin [60s there], such as 90s, 15m or 2h.",
)
@many(
    "--limit",
    "limits",
    metavar="NAME=VALUE",
    help="What a group may take with all that it starts: memory [default: 90 % of the machine's, divided by --jobs], "
    "processes and their threads [128, and 8 a core], log [16M], or file, for each that it writes [16G]; repeatable.",
)
@flag("--keep-scores", help="Store the scores of all classes, not of the best ones alone.")
@flag("--keep-samples", help="Store some of the samples that methods make, for figures.")
@flag("--force", help="Run cells again that have a record.")
@flag("--fail-fast", help="Stop at the first failure.")
@flag("--dry-run", help="Show what would be run, what is there, and what can't be run and why.")
@flag("--explain", help="Say for each missing cell how it differs from what is there.")
@click.option(
    "--plan",
    "plan_file",
    type=PathName(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what would be run for another scheduler: JSON, with a name for each group and its expected seconds.",
)
@many("--group", "groups", metavar="NAME", help="Run this group of the plan only; repeatable.")
@flag("--no-track", help="Do without MLflow; 'gzslbench track sync' can catch up.")
@tracking_uri_option
@flag("--json", "as_json", help="Print one JSON object a line.")
@results_option
@data_options
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
    runs_here = not (options["dry_run"] or options["explain"] or options.get("plan_file"))
    if runs_here and options["executor"] == "local":
        from gzslbench.processes.child import start_fork_server

        start_fork_server(options["threads"])  # its imports run beside ours
    from gzslbench.runner.request import Request
    from gzslbench.runner.session import run_session

    return run_session(Request(**options))
