"""``gzslbench compare``: two methods side by side, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.options import data_sets_option, roots_option
from gzslbench.cli.tables import of_data_sets, print_tables, read_results
from gzslbench.contract.protocol import PROTOCOLS
from gzslbench.errors import UsageError

if TYPE_CHECKING:
    from gzslbench.report.comparison.recipe_rows import IsRecipe


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@roots_option
@data_sets_option("Compare on")
@click.option(
    "--protocol",
    default="inductive",
    show_default=True,
    type=click.Choice(list(PROTOCOLS)),
    help="Compare results of this protocol.",
)
def compare(a: str, b: str, roots: Sequence[Path], data_sets: Sequence[str], protocol: str) -> None:
    """Compare the methods A and B: H and its difference with 95% intervals, wins and losses by class.

    Each is named as in the leaderboard's tables, with its budget where there are several. The name of a method alone
    stands for the settings of its recipe where others were tried, too:

    \b
    gzslbench compare gsmflow f-clswgan
    gzslbench compare gsmflow:quick gsmflow:full -d CUB
    gzslbench compare "eszsl (eszsl.gamma=1.0)" sae

    Intervals come from a bootstrap over test samples within each class and over seeds, with the same draws for A and B.
    """
    from gzslbench.records.store import Store
    from gzslbench.report.comparison.tables import compare_tables

    results = read_results(roots, [protocol])
    if not results:
        looked_in = ", ".join(map(str, roots))
        raise UsageError(f"there are no records of the protocol '{protocol}' in {looked_in}", "run some methods first")
    chosen = of_data_sets(results, data_sets)
    print_tables(compare_tables(chosen, list(map(Store, roots)), a, b, lambda group: _recipes()(group)))


@cache
def _recipes() -> IsRecipe:
    """Load the plugins, only where a name may mean several rows, to tell the rows of recipes."""
    from gzslbench.registry.registry import load_plugins
    from gzslbench.report.comparison.recipe_rows import recipes_of

    return recipes_of(load_plugins())
