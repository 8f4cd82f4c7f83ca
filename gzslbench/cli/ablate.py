"""``gzslbench ablate``: run a method and its variants, and tabulate what each part of the method is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gzslbench.cli.completion import complete_plugins
from gzslbench.cli.pages import check_pages, pages_options, print_tables, require_one, update_pages
from gzslbench.cli.run import run, run_options
from gzslbench.errors import UsageError

if TYPE_CHECKING:
    from gzslbench.report.tables import Table

INTERRUPTED = 130
_NOT_SHARED = ("plugins", "generators", "gates", "classifiers", "everything", "grid", "as_json")
"""Options of ``run`` that say what to run, which is what METHOD does here."""


@dataclass(frozen=True)
class _Selection:
    """Which results to tabulate; empty for all."""

    data_sets: Sequence[str]
    protocols: Sequence[str]


@click.command(params=[option for option in run.params if option.name not in _NOT_SHARED])
@click.argument("method", shell_complete=complete_plugins)
@click.option("--plugin", "plugins", multiple=True, type=click.Path(dir_okay=False), help="Also load this plugin file.")
@click.option("--sweep", "swept", is_flag=True, help="Also run METHOD with each value of its sweeps, one at a time.")
@pages_options("leaderboards/ablations", "the page of METHOD")
@click.option("--no-run", is_flag=True, help="Run nothing; print or write what is in the results.")
@click.pass_context
def ablate(
    ctx: click.Context, /, method: str, write_to: Path | None, check_in: Path | None, no_run: bool, **options: Any
) -> None:
    """Run METHOD and its variants, and tabulate by how much each changes H.

    Variants are the methods that plugins declare with variant_of="METHOD". Cells that have a record are skipped, as by
    'gzslbench run'. The table holds what is in the results for the data sets and protocols that are named, or for all;
    a page holds all in any case.
    """
    require_one(write_to, check_in)
    selection = _Selection(options["data_sets"], _given(ctx, "protocols", options))
    if (no_run or check_in) and (write_to or check_in) and (selection.data_sets or selection.protocols):
        raise UsageError("pages hold every data set and protocol", "leave out --dataset and --protocol")
    code = 0 if no_run or check_in else run_options({**options, "ablated": method})
    if not (options["dry_run"] or options["explain"] or code == INTERRUPTED):
        _report(method, options, selection, write_to, check_in)
    ctx.exit(code)


def _given(ctx: click.Context, name: str, options: dict[str, Any]) -> Sequence[str]:
    """Give the values of an option, or nothing where they are its default."""
    values: Sequence[str] = options[name]
    return () if ctx.get_parameter_source(name) is ParameterSource.DEFAULT else values


def _report(
    method: str, options: dict[str, Any], selection: _Selection, write_to: Path | None, check_in: Path | None
) -> None:
    from gzslbench.report.ablation.tables import ablation_page

    if write_to or check_in:
        pages = [ablation_page(method, _tables(method, options, _Selection((), ())))]
        if write_to:
            update_pages(pages, write_to)
        elif check_in:
            check_pages(pages, check_in, f"ablate {method} --no-run")
        return
    tables = _tables(method, options, selection)
    if tables:
        print_tables(tables)
    else:
        click.echo(f"No records of {method} as it is set up here in {options['results']}.")


def _tables(method: str, options: dict[str, Any], selection: _Selection) -> list[Table]:
    from gzslbench.records.store import Store
    from gzslbench.registry.combinations import plugin_files
    from gzslbench.registry.registry import load_plugins
    from gzslbench.registry.settings import parse_assignments
    from gzslbench.report.ablation.design import designs
    from gzslbench.report.ablation.tables import ablation_tables

    registry = load_plugins(plugin_files(options["plugins"]))
    registry.get("method", method)  # refuses what is none, even where there are no results
    chosen = parse_assignments(options["assignments"])
    results = [
        result
        for result in Store(options["results"]).results()
        if (not selection.data_sets or result.key.data_set in selection.data_sets)
        and (not selection.protocols or result.key.protocol in selection.protocols)
    ]
    budgets = {result.budget for result in results}
    data_sets = {result.key.data_set for result in results}
    return ablation_tables({name: designs(registry, method, name, budgets, chosen) for name in data_sets}, results)
