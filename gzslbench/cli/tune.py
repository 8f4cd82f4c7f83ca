"""``gzslbench tune``: search the settings of methods on validation classes, equally for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gzslbench.cli.options import complete_plugins, duration, plugin_files_option, seeds
from gzslbench.cli.run import run
from gzslbench.errors import UsageError

_SHARED = (
    *("data_sets", "all_datasets", "assignments", "budget", "jobs", "threads", "device", "precision", "timeout"),
    *("limits", "as_json", "results", "data_dirs", "cache"),
)
"""Options of ``run`` that mean the same here."""


@click.command(params=[option for option in run.params if option.name in _SHARED])
@click.argument("methods", nargs=-1, metavar="METHOD...", shell_complete=complete_plugins)
@plugin_files_option
@click.option("--trials", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Points to try for each.")
@click.option("--time", "time_s", type=duration, default="30m", show_default=True, help="No trial begins after that.")
@click.option(
    "--objective",
    type=click.Choice(["calibrated-h", "ausuc"]),
    default="calibrated-h",
    show_default=True,
    help="What trials are compared by: the best H on the seen-unseen curve of a fold, or the area under it.",
)
@click.option(
    "--protocol",
    type=click.Choice(["strict", "inductive"]),
    default="inductive",
    show_default=True,
    help="What training may see.",
)
@click.option(
    "--seeds", type=seeds, default="0,1", show_default=True, help="A fold for each; scores are means over them."
)
def tune(
    methods: tuple[str, ...],
    files: tuple[Path, ...],
    trials: int,
    time_s: float,
    objective: str,
    protocol: str,
    **options: Any,
) -> None:
    """Tune METHOD... on validation classes, each with as many trials and as much time on each data set.

    Without METHOD, what the plugins of --plugin register is tuned.

    What is searched is the [space] beside a method's recipe, from the recipe on. Validation classes are cut inside the
    training samples, so no test sample takes part. Trials lie in the results, and the same command continues after any
    interruption; 'gzslbench run --tuned' takes what was best.
    """
    if not methods and not files:
        raise UsageError("nothing to tune was named", "give a METHOD (see 'gzslbench list'), or --plugin FILE")
    from gzslbench.processes.child import start_fork_server

    start_fork_server(options["threads"])  # its imports run beside ours
    from gzslbench.runner.request import Request
    from gzslbench.runner.tuning import Bounds, tune

    plugins = methods or tuple(str(file.absolute()) for file in files)
    request = Request(plugins=plugins, files=files, protocols=(protocol,), **options)
    click.get_current_context().exit(tune(request, Bounds(trials, time_s, objective)))
