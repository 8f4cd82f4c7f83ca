"""``gzslbench rescore``: the metrics of stored records, computed anew from their predictions."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.options import cache_option, data_dir_option, results_option
from gzslbench.errors import UsageError, nearest

if TYPE_CHECKING:
    from gzslbench.contract.dataset import DataSet
    from gzslbench.records.rescore import Rescoring, Unscored


@click.command()
@results_option
@click.option("--dataset", "-d", "data_sets", multiple=True, help="Rescore this data set only; repeatable.")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if something would change.")
@data_dir_option
@cache_option
def rescore(results: Path, data_sets: tuple[str, ...], check: bool, data_dirs: tuple[Path, ...], cache: Path) -> None:
    """Compute the metrics of records anew from their stored predictions.

    Labels come from the answer keys beside the records; where one is missing, from the data, and it is then kept. A
    record stays the measurement that it was: only metrics change, and the record's notes say what they were.
    """
    from gzslbench.records.rescore import Rescoring
    from gzslbench.records.store import Store

    store = Store(results)
    _require(store.root, data_sets)
    rescoring = Rescoring(store, lambda name: _open(name, data_dirs, cache), check)
    with nullcontext() if check else store.writing():
        changed = _go_through(rescoring, frozenset(data_sets))
    click.get_current_context().exit(int(changed))


def _go_through(rescoring: Rescoring, data_sets: frozenset[str]) -> bool:
    """Tell what comes out, and say whether it makes the command fail."""
    from gzslbench.records.exchange.changes import change_text, named
    from gzslbench.records.rescore import Rescored

    same, changed, unscored = 0, 0, 0
    warned: set[Unscored] = set()
    for outcome in rescoring.run(data_sets):
        if not isinstance(outcome, Rescored):
            unscored += 1
            if outcome not in warned:
                click.echo(f"not rescored: {outcome.what}: {outcome.error}", err=True)
            warned.add(outcome)
        elif outcome.changes:
            changed += 1
            click.echo(f"{named(outcome.record)}: {change_text(outcome.changes)}")
        else:
            same += 1
    _summarise(rescoring, same, changed, unscored)
    return bool(unscored or (rescoring.check and (changed or rescoring.found)))


def _summarise(rescoring: Rescoring, same: int, changed: int, unscored: int) -> None:
    would = "would be " if rescoring.check else ""
    for what in rescoring.found:
        click.echo(f"{what}: its answer key {would or 'was '}stored")
    failed = f", {unscored} could not be rescored" if unscored else ""
    click.echo(f"{changed} records {would}changed, {same} as they were{failed}")


def _require(root: Path, data_sets: Sequence[str]) -> None:
    """Check that there are records, and some of each data set that was named."""
    from gzslbench.records.store import Store

    present = {result.key.data_set for result in Store(root).results()}
    if not present:
        raise UsageError(f"there is no record in {root}", "name the folder of the records by --results")
    for name in data_sets:
        if name not in present:
            raise UsageError(f"there is no record of data set '{name}' in {root}", nearest(name, present))


def _open(name: str, data_dirs: tuple[Path, ...], cache: Path) -> DataSet:
    """Open a data set; plugins are searched only where the data folders don't have it."""
    from gzslbench.data.catalogue import Catalogue

    catalogue = Catalogue.find(data_dirs, cache_dir=cache)
    if name not in catalogue.names():
        from gzslbench.registry.registry import load_plugins

        sources = {source: entry.what for source, entry in load_plugins().of_kind("data set").items()}
        catalogue = Catalogue.find(data_dirs, sources, cache)
    return catalogue.open(name, cache)
