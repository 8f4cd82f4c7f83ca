"""``gzslbench rescore``: the metrics of stored records, computed anew from their predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.data import find_data
from gzslbench.cli.options import cache_option, data_dir_option, data_sets_option, flag, results_option
from gzslbench.cli.tables import of_data_sets, read_results
from gzslbench.errors import UsageError

if TYPE_CHECKING:
    from gzslbench.records.rescore import Rescoring, Unscored


@click.command()
@results_option
@data_sets_option("Rescore")
@flag("--check", help="Change nothing; exit with 1 if something would change.")
@data_dir_option
@cache_option
@click.pass_context
def rescore(
    ctx: click.Context, results: Path, data_sets: Sequence[str], check: bool, data_dirs: Sequence[Path], cache: Path
) -> None:
    """Compute the metrics of records anew from their stored predictions.

    Labels come from the answer keys beside the records; where one is missing, from the data, and it is then kept. A
    record stays the measurement that it was: only metrics change, and the record's notes say what they were.
    """
    from gzslbench.records.rescore import Rescoring
    from gzslbench.records.store import Store

    if not of_data_sets(read_results([results]), data_sets):
        raise UsageError(f"there is no record in {results}", "name the folder of the records by --results")
    store = Store(results)
    rescoring = Rescoring(store, lambda name: find_data(data_dirs, cache).open(name, cache), check)
    with nullcontext() if check else store.writing():
        failed = _go_through(rescoring, frozenset(data_sets))
    ctx.exit(int(failed))


def _go_through(rescoring: Rescoring, data_sets: frozenset[str]) -> bool:
    """Rescore, say what comes out, and tell whether it makes the command fail."""
    from gzslbench.records.exchange.changes import change_text, named
    from gzslbench.records.rescore import Rescored

    counts: Counter[str] = Counter()
    warned: set[Unscored] = set()
    for outcome in rescoring.run(data_sets):
        if not isinstance(outcome, Rescored):
            counts["unscored"] += 1
            if outcome not in warned:
                click.echo(f"not rescored: {outcome.what}: {outcome.error}", err=True)
            warned.add(outcome)
        elif outcome.changes:
            counts["changed"] += 1
            click.echo(f"{named(outcome.record)}: {change_text(outcome.changes)}")
        else:
            counts["same"] += 1
    would = "would be " if rescoring.check else ""
    for what in rescoring.found:
        click.echo(f"{what}: its answer key {would or 'was '}stored")
    failed = f", {counts['unscored']} could not be rescored" if counts["unscored"] else ""
    click.echo(f"{counts['changed']} records {would}changed, {counts['same']} as they were{failed}")
    return bool(counts["unscored"] or (rescoring.check and (counts["changed"] or rescoring.found)))
