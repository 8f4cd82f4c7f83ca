"""``gzslbench results`` and ``rescore``: results moved between machines, compared, and scored anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.data import find_data
from gzslbench.cli.options import FOLDER, data_options, data_sets_option, flag, many, protocols_option, results_option
from gzslbench.cli.tables import of_data_sets, read_results
from gzslbench.errors import UsageError, counted

if TYPE_CHECKING:
    from gzslbench.records.exchange.merge import Preference
    from gzslbench.records.rescore import Rescoring, Unscored

_PATH = click.Path(path_type=Path)


@click.group()
def results() -> None:
    """Move results between machines, and see how they differ."""


@results.command()
@click.argument("out", type=_PATH)
@results_option
@data_sets_option("Export")
@many("--method", "methods", help="Export this method, or combination, only; repeatable.")
@protocols_option("Export")
def export(
    out: Path, results: Path, data_sets: Sequence[str], methods: Sequence[str], protocols: Sequence[str]
) -> None:
    """Write records with predictions, samples and answer keys to OUT: a file if it ends in .zip, else a folder."""
    from gzslbench.records.exchange.export import Wanted
    from gzslbench.records.exchange.export import export as write_export
    from gzslbench.records.store import Store

    exported = write_export(Store(results), out, Wanted(data_sets, methods, protocols))
    _name_damaged(exported.damaged)
    if exported.cells:
        click.echo(f"wrote {out}: {counted(exported.cells, 'record')}, {counted(exported.answer_keys, 'answer key')}")
    else:
        click.echo("nothing was written: no sound record is all of what was asked for", err=True)
    click.get_current_context().exit(int(bool(exported.damaged or not exported.cells)))


@results.command()
@click.argument("sources", metavar="FROM...", nargs=-1, required=True, type=_PATH)
@click.option("--into", required=True, type=FOLDER, help="Folder to merge into.")
@click.option(
    "--prefer",
    type=click.Choice(["newer", "older", "theirs", "ours"]),
    help="Which of two different records of the same cell to keep [default: ours, and exit with 1].",
)
def merge(sources: tuple[Path, ...], into: Path, prefer: Preference | None) -> None:
    """Bring folders of results, or exports, into one folder.

    A cell that is there already with the same content is skipped. One that differs stays as it is and is named, unless
    --prefer says what to do. Metrics are taken as they come; 'gzslbench rescore --check' puts them to the test.
    """
    from gzslbench.records.exchange.merge import merge as merge_results

    merged = merge_results(sources, into, prefer)
    _name_damaged(merged.damaged)
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


@results.command()
@click.argument("first", metavar="A", type=_PATH)
@click.argument("second", metavar="B", type=_PATH)
def diff(first: Path, second: Path) -> None:
    """Compare two folders of results, or exports: their cells, and the metrics of cells in both.

    Exit codes: 0 equal, 1 different or damaged.
    """
    from gzslbench.records.exchange.changes import change_text
    from gzslbench.records.exchange.compare import compare

    difference = compare(first, second)
    _name_damaged(difference.damaged)
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


def _name_damaged(errors: Sequence[Exception]) -> None:
    for error in errors:
        click.echo(f"left out: {error}", err=True)


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
    click.echo(f"{counted(counts['changed'], 'record')} {would}changed, {counts['same']} as before{failed}")
    return bool(counts["unscored"] or (rescoring.check and (counts["changed"] or rescoring.found)))
