"""``gzslbench results`` and ``rescore``: results packed, moved between machines, compared, and scored anew."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.data import find_data
from gzslbench.cli.options import (
    FOLDER,
    PathName,
    data_options,
    data_sets_option,
    flag,
    many,
    protocols_option,
    results_option,
    roots_option,
)
from gzslbench.cli.tables import of_data_sets
from gzslbench.errors import UsageError, counted, leave_out

if TYPE_CHECKING:
    from gzslbench.records.exchange.merge import Merged, Preference
    from gzslbench.records.record import Record
    from gzslbench.records.rescore import Rescoring, Unscored
    from gzslbench.records.store import Store

_PATH = PathName(path_type=Path)


@click.group()
def results() -> None:
    """Pack results for git or for sending, unpack, merge and pull them, and see how they differ."""


@results.command(short_help="Write results in the compact form.")
@click.argument("out", type=_PATH)
@roots_option
@data_sets_option("Pack")
@many("--method", "methods", help="Pack this method, or combination, only; repeatable.")
@protocols_option("Pack")
@click.option("--list", "name", default="", metavar="NAME", help="Add what is packed to the list OUT/NAME.txt.")
def pack(out: Path, roots: Sequence[Path], name: str, **wanted: Sequence[str]) -> None:
    """Write results in the compact form to OUT: a file if it ends in .zip, else a folder, beside what it holds already.

    Every table, interval and comparison can be made of it; the scores of all classes are left out. The same results
    give the same bytes. A folder, or a list in it, can be given wherever results are read, a .zip file to the verbs of
    'gzslbench results'.
    """
    from gzslbench.records.differences import named
    from gzslbench.records.exchange.pack import Wanted
    from gzslbench.records.exchange.pack import pack as write_packed

    packed = write_packed(roots, out, Wanted(**wanted), name)
    for error in packed.damaged:
        leave_out(error)
    for record in packed.kept:
        click.echo(f"there already, in another run: {named(record)}", err=True)
    if packed.cells:
        click.echo(f"{out}: {counted(len(packed.cells), 'record')}, {counted(len(packed.answer_keys), 'answer key')}")
    else:
        click.echo("nothing was written: what was asked for is damaged, or not there", err=True)
    click.get_current_context().exit(int(bool(packed.damaged or not packed.cells)))


@results.command(short_help="Turn packed results into a folder that runs go on in.")
@click.argument("source", metavar="FROM", type=_PATH)
@click.option("--into", required=True, type=FOLDER, help="Folder to fill, which must be new or empty.")
def unpack(source: Path, into: Path) -> None:
    """Turn FROM, packed results or a list of them, into a folder with a record per cell, in which runs go on."""
    from gzslbench.records.exchange.merge import merge as merge_results

    if into.is_dir() and any(into.iterdir()):
        raise UsageError(f"{into} is not empty", f"gzslbench results merge {source} --into {into} adds to it")
    merged = merge_results([source], into)
    if not merged.added:
        shutil.rmtree(into)
    for error in merged.damaged:
        leave_out(error)
    click.echo(f"{into}: {counted(merged.added, 'record')}, {counted(merged.answer_keys, 'answer key')}")
    click.get_current_context().exit(int(bool(merged.damaged)))


_prefer_option = click.option(
    "--prefer",
    type=click.Choice(["newer", "older", "theirs", "ours"]),
    help="Which of two different records of the same cell to keep [default: ours, and exit with 1].",
)


@results.command(short_help="Bring results into one folder.")
@click.argument("sources", metavar="FROM...", nargs=-1, required=True, type=_PATH)
@click.option("--into", required=True, type=FOLDER, help="Folder to merge into.")
@_prefer_option
def merge(sources: tuple[Path, ...], into: Path, prefer: Preference | None) -> None:
    """Bring results, packed or not, into one folder.

    A cell that is there already with the same content is skipped. One that differs stays as it is and is named, unless
    --prefer says what to do. Metrics are taken as they come; 'gzslbench rescore --check' puts them to the test.
    """
    from gzslbench.records.exchange.merge import merge as merge_results

    _tell(merge_results(sources, into, prefer), into)


@results.command(short_help="Bring results from MLflow into a folder.")
@click.option(
    "--tracking-uri", envvar="MLFLOW_TRACKING_URI", show_envvar=True, required=True, help="MLflow server or database."
)
@click.option("--into", required=True, type=FOLDER, help="Folder to bring them into.")
@_prefer_option
def pull(tracking_uri: str, into: Path, prefer: Preference | None) -> None:
    """Bring all results that an MLflow server or database has into a folder.

    They are checked like any results from elsewhere, and cells that are there already are dealt with as by 'merge'.
    """
    from gzslbench.tracking.pull import pull as pull_results

    _tell(pull_results(tracking_uri, into, prefer), into)


def _tell(merged: Merged, into: Path) -> None:
    """Say what came of merging, and exit with 1 where something was not taken."""
    for error in merged.damaged:
        leave_out(error)
    for line in merged.refused:
        click.echo(f"differs: {line}", err=True)
    if merged.refused:
        click.echo("ours were kept; say which to take with --prefer newer, older, theirs or ours", err=True)
    counts = {
        "added": merged.added,
        "the same": merged.same,
        "replaced": merged.replaced,
        "kept though different": merged.kept,
        "refused": len(merged.refused),
        "damaged": len(merged.damaged),
        "answer key added" if merged.answer_keys == 1 else "answer keys added": merged.answer_keys,
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    click.echo(f"{into}: {told or 'nothing to do'}")
    click.get_current_context().exit(int(bool(merged.damaged or merged.refused)))


@results.command(short_help="Compare two sets of results.")
@click.argument("first", metavar="A", type=_PATH)
@click.argument("second", metavar="B", type=_PATH)
def diff(first: Path, second: Path) -> None:
    """Compare two sets of results, packed or not: their cells, and the metrics of cells in both.

    Exit codes: 0 equal, 1 different or damaged.
    """
    from gzslbench.records.differences import change_text
    from gzslbench.records.exchange.compare import compare

    difference = compare(first, second)
    for error in difference.damaged:
        leave_out(error)
    for name in difference.only_first:
        click.echo(f"only in {first}: {name}")
    for name in difference.only_second:
        click.echo(f"only in {second}: {name}")
    for name, changes in difference.changed.items():
        click.echo(f"{name}: {change_text(changes)}")
    click.echo(
        f"{counted(difference.same, 'cell')} with the same metrics, {len(difference.changed)} with others, "
        f"{len(difference.only_first)} only in {first}, {len(difference.only_second)} only in {second}"
    )
    click.get_current_context().exit(int(not difference.equal))


@click.command()
@results_option
@data_sets_option("Rescore")
@flag("--check", help="Change nothing; exit with 1 if something would change.")
@data_options
@click.pass_context
def rescore(
    ctx: click.Context, results: Path, data_sets: Sequence[str], check: bool, data_dirs: Sequence[Path], cache: Path
) -> None:
    """Compute the metrics of records anew from their stored predictions.

    Labels come from the answer keys beside the records; where one is missing, from the data, and it is then kept. A
    record stays the measurement that it was: only metrics change, and the record's notes say what they were. Records
    learn in what they depart from the recipes of the installed plugins, which may have changed since they were made.
    """
    from gzslbench.records.exchange.opening import open_results
    from gzslbench.records.rescore import Rescoring
    from gzslbench.records.results import read_records
    from gzslbench.records.store import Store, open_store
    from gzslbench.records.summary import summary_of

    place = open_results(results) if check else open_store(results)
    records = read_records(place)[0]
    if not of_data_sets([summary_of(record) for record in records], data_sets):
        raise UsageError(f"there is no record in {results}", "name the folder of the records by --results")
    rescoring = Rescoring(place, lambda name: find_data(data_dirs, cache).open(name, cache), check)
    with place.writing() if isinstance(place, Store) and not check else nullcontext():
        if isinstance(place, Store) and not check:
            _hold_against_recipes(place, records)
        failed = _go_through(rescoring, frozenset(data_sets))
    ctx.exit(int(failed))


def _hold_against_recipes(store: Store, records: Sequence[Record]) -> None:
    from gzslbench.records.against_recipes import against_recipes
    from gzslbench.registry.hosts import open_plugins

    changed = against_recipes(records, open_plugins())
    for record in changed:
        store.rewrite(record)
    if changed:
        click.echo(f"{counted(len(changed), 'record')} held against the recipes of the installed plugins")


def _go_through(rescoring: Rescoring, data_sets: frozenset[str]) -> bool:
    """Rescore, say what comes out, and tell whether it makes the command fail."""
    from gzslbench.records.differences import change_text, named
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
    click.echo(f"{counted(counts['changed'], 'record')} {would}changed, {counts['same']} as before{failed}")
    return bool(counts["unscored"] or (rescoring.check and (counts["changed"] or rescoring.found)))
