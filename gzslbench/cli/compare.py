"""``gzslbench compare``: two methods side by side, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from gzslbench.cli.options import data_sets_option, roots_option
from gzslbench.cli.tables import of_data_sets, open_all, print_tables, read_results
from gzslbench.contract.protocol import PROTOCOLS
from gzslbench.errors import UsageError


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@roots_option
@data_sets_option("Compare on")
@click.option(
    "--protocol",
    type=click.Choice(list(PROTOCOLS)),
    metavar="PROTOCOL",
    help="Compare results of this protocol [default: inductive, or the first that there are records of].",
)
@click.option(
    "--against",
    type=click.Choice(list(PROTOCOLS)),
    metavar="PROTOCOL",
    help="Take B's results of this protocol instead.",
)
def compare(
    a: str, b: str, roots: Sequence[Path], data_sets: Sequence[str], protocol: str | None, against: str | None
) -> None:
    """Compare the methods A and B: H and its difference with 95% intervals, wins and losses by class.

    Each is named as in the leaderboard's tables, with its budget where there are several:

    \b
    gzslbench compare gsmflow f-clswgan
    gzslbench compare gsmflow:quick gsmflow:full -d CUB
    gzslbench compare "eszsl (gamma=1)" sae
    gzslbench compare early-gan gsmflow --against inductive-calibrated

    Intervals cover the choice of test samples within each class and that of seeds, paired where A and B share them.
    """
    from gzslbench.report.comparison.tables import compare_tables, recorded_protocol

    places = open_all(roots)
    results = read_results(places)
    protocol = protocol or recorded_protocol(of_data_sets(results, data_sets), *([a] if against else [a, b]))
    for name in (protocol, against or protocol):
        if not any(result.key.protocol == name for result in results):
            looked_in = ", ".join(map(str, roots))
            raise UsageError(f"there are no records of the protocol '{name}' in {looked_in}", "run some methods first")
    print_tables(compare_tables(of_data_sets(results, data_sets), places, a, b, protocol, against or ""))
