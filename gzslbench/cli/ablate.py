"""``gzslbench ablate``: run a method and its variants, and tabulate what each part of the method is worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gzslbench.cli.main import INTERRUPTED
from gzslbench.cli.options import complete_plugins, flag, plugin_files_option
from gzslbench.cli.run import run, run_options
from gzslbench.cli.tables import of_data_sets, open_all, pages_options, print_tables, read_results, write_or_check
from gzslbench.errors import UsageError

if TYPE_CHECKING:
    from gzslbench.report.tables import Table

_NOT_SHARED = (
    "plugins",
    "generators",
    "gates",
    "classifiers",
    "everything",
    "grid",
    "tuned",
    "as_json",
    "plan_file",
    "groups",
)
"""Options of ``run`` that say what to run, which is what METHOD does here."""


@click.command(params=[option for option in run.params if option.name not in _NOT_SHARED])
@click.argument("method", shell_complete=complete_plugins)
@plugin_files_option
@flag("--sweep", "swept", help="Also run METHOD with each value of its sweeps, one at a time.")
@pages_options("leaderboards/ablations", "the page of METHOD")
@flag("--no-run", help="Run nothing; print or write what is in the results.")
@click.pass_context
def ablate(
    ctx: click.Context, /, method: str, write_to: Path | None, check_in: Path | None, no_run: bool, **options: Any
) -> None:
    """Run METHOD and its variants, and tabulate by how much each changes H.

    Variants are the methods that plugins declare with variant_of="METHOD". Cells that have a record are skipped, as by
    'gzslbench run'. The table holds what is in the results for the data sets and protocols that are named, or for all;
    a page holds all in any case.
    """
    no_run, to_pages = no_run or bool(check_in), bool(write_to or check_in)
    protocols_named = ctx.get_parameter_source("protocols") is not ParameterSource.DEFAULT
    if no_run and to_pages and (options["data_sets"] or protocols_named):
        raise UsageError("pages hold every data set and protocol", "leave out --dataset and --protocol")
    protocols = options.pop("protocols") or ("inductive",)
    code = 0 if no_run else run_options({**options, "protocols": protocols, "ablated": method})
    if options["dry_run"] or options["explain"] or code == INTERRUPTED:
        ctx.exit(code)
    shown = protocols if protocols_named and not to_pages else ()
    tables = _tables(method, options, () if to_pages else options["data_sets"], shown)
    if to_pages:
        from gzslbench.report.ablation.tables import ablation_page

        write_or_check([ablation_page(method, tables)], write_to, check_in, f"ablate {method} --no-run")
    elif tables:
        print_tables(tables)
    elif not code:
        what = f"there is no record of '{method}' as it is set up here in '{options['results']}'"
        raise UsageError(what, "leave out --no-run to make some" if no_run else "--dry-run says what can be run")
    ctx.exit(code)


def _tables(
    method: str, options: dict[str, Any], data_sets: Sequence[str], protocols: Sequence[str]
) -> Sequence[Table]:
    from gzslbench.registry.hosts import open_plugins
    from gzslbench.registry.settings import parse_assignments
    from gzslbench.report.ablation.tables import method_tables

    registry = open_plugins(options["files"])
    places = open_all([options["results"]])
    chosen = of_data_sets(read_results(places, protocols), data_sets)
    return method_tables(registry, method, parse_assignments(options["assignments"]), chosen, places)
