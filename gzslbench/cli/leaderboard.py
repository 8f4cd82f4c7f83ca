"""``gzslbench leaderboard``: print the tables, write them as pages, or check that the pages are up to date."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.options import roots_option
from gzslbench.cli.pages import as_markdown, check_pages, pages_options, print_tables, require_one, update_pages
from gzslbench.contract.protocol import PROTOCOLS
from gzslbench.errors import UsageError, nearest

if TYPE_CHECKING:
    from gzslbench.records.summary import RecordSummary
    from gzslbench.report.formats.pages import Page
    from gzslbench.report.leaderboard import Leaderboard

_FORMATS = {".md": "markdown", ".html": "html", ".csv": "csv", ".json": "json", ".tex": "latex"}
"""Formats by the ending of a file's name."""


@click.command()
@roots_option
@click.option("--dataset", "-d", "data_sets", multiple=True, help="Print this data set only; repeatable.")
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=click.Choice(list(PROTOCOLS)),
    help="Print this protocol only; repeatable.",
)
@pages_options("leaderboards", "the pages")
@click.option(
    "--format",
    "format_",
    type=click.Choice([*_FORMATS.values()]),
    help="Write this instead of tables for a terminal; html is a page to browse, one file that needs no network.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Write to a file instead of printing; its ending ({', '.join(_FORMATS)}) names the format, too.",
)
def leaderboard(
    roots: Sequence[Path],
    data_sets: Sequence[str],
    protocols: Sequence[str],
    write_to: Path | None,
    check_in: Path | None,
    format_: str | None,
    out: Path | None,
) -> None:
    """Tabulate the results: per data set, split and protocol, and over all data sets.

    Pages keep what is written by hand outside their markers. Times are comparable inside one machine class only, and
    numbers from papers are marked unless they were obtained on the same features.
    """
    require_one(write_to, check_in)
    if (write_to or check_in) and (data_sets or protocols):
        raise UsageError("pages hold every data set and protocol", "leave out --dataset and --protocol")
    if (write_to or check_in) and (format_ or out):
        raise UsageError("pages are markdown, in a folder", "leave out --format and --out")
    format_ = format_ or _format_of(out)
    with _nothing_collected():
        results = _selected(_read(roots), data_sets, protocols)
        if format_ and results:
            _deliver(_formatted(results, roots, format_), out)
        else:
            _report(results, roots, write_to, check_in)


def _format_of(out: Path | None) -> str | None:
    if out and out.suffix not in _FORMATS:
        raise UsageError(f"the name {out} doesn't tell the format", f"add --format, or end it in {', '.join(_FORMATS)}")
    return _FORMATS[out.suffix] if out else None


def _formatted(results: Sequence[RecordSummary], roots: Sequence[Path], format_: str) -> str:
    if format_ == "markdown":
        return as_markdown(_board(results, roots).tables)
    if format_ == "html":
        from gzslbench.report.page import render_page

        return render_page(_board(results, roots), results)
    from gzslbench.records.store import Store
    from gzslbench.report.formats.exports import to_csv, to_json
    from gzslbench.report.formats.latex import to_latex
    from gzslbench.report.table_inputs import TableInputs

    inputs = TableInputs.of(results, list(map(Store, roots)))
    if format_ == "latex":
        return to_latex(inputs.tables)
    return to_csv(inputs) if format_ == "csv" else to_json(inputs)


def _deliver(text: str, out: Path | None) -> None:
    """Print, or write a file and say so."""
    if out is None:
        click.echo(text.removesuffix("\n"))
        return
    try:
        out.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(
            f"can't write {out}: {error.strerror}", "name a file in a folder that you can write"
        ) from error
    click.echo(f"wrote {out}")


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Spare the search for garbage, a third of the time that many thousands of results take: there is next to none."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _report(
    results: Sequence[RecordSummary], roots: Sequence[Path], write_to: Path | None, check_in: Path | None
) -> None:
    if check_in:
        check_pages(_pages(results, roots), check_in, "leaderboard")
    elif write_to:
        update_pages(_pages(results, roots), write_to)
    elif results:
        print_tables(_board(results, roots).tables)
    else:
        looked_in = ", ".join(map(str, roots))
        click.echo(f"No records in {looked_in}. Make some with: gzslbench run --plugin eszsl")


def _read(roots: Sequence[Path]) -> list[RecordSummary]:
    from gzslbench.records.store import Store

    return [result for root in roots for result in Store(root).results()]


def _selected(
    results: Sequence[RecordSummary], data_sets: Sequence[str], protocols: Sequence[str]
) -> list[RecordSummary]:
    present = {result.key.data_set for result in results}
    for name in data_sets:
        if present and name not in present:
            raise UsageError(f"there is no record of data set '{name}'", nearest(name, present))
    return [
        result
        for result in results
        if (not data_sets or result.key.data_set in data_sets) and (not protocols or result.key.protocol in protocols)
    ]


def _board(results: Sequence[RecordSummary], roots: Sequence[Path]) -> Leaderboard:
    from gzslbench.records.store import Store
    from gzslbench.report.leaderboard import build_leaderboard

    return build_leaderboard(results, list(map(Store, roots)))


def _pages(results: Sequence[RecordSummary], roots: Sequence[Path]) -> list[Page]:
    from gzslbench.report.formats.pages import leaderboard_pages

    return leaderboard_pages(_board(results, roots))
