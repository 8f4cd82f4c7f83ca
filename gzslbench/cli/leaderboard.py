"""``gzslbench leaderboard`` and ``reported``: the tables of the results, and the audit of the numbers in papers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.options import PathName, data_sets_option, flag, protocols_option, roots_option
from gzslbench.cli.tables import of_data_sets, open_all, pages_options, print_tables, read_results, write_or_check
from gzslbench.errors import UsageError

if TYPE_CHECKING:
    from gzslbench.records.results import Results
    from gzslbench.records.summary import RecordSummary
    from gzslbench.report.tables import Table

_FORMATS = {".md": "markdown", ".html": "html", ".csv": "csv", ".json": "json", ".tex": "latex"}
"""Formats by the ending of a file's name."""


@click.command()
@roots_option
@data_sets_option("Print")
@protocols_option("Print")
@pages_options("leaderboards", "the pages")
@flag("--headline", help="With --write or --check: only the short table of a README, between its markers.")
@click.option(
    "--format",
    "format_",
    type=click.Choice([*_FORMATS.values()]),
    help="Write this instead of tables for a terminal; html is a page to browse, one file that needs no network.",
)
@click.option(
    "--out",
    type=PathName(dir_okay=False, path_type=Path),
    help=f"Write to a file instead of printing; its ending ({', '.join(_FORMATS)}) names the format, too.",
)
@click.option(
    "--columns",
    metavar="NAME,NAME,...",
    help="In tables as text, show these columns beside method and H; 'fit' means 'fit (s)', 'H' every H.",
)
@flag("--grid", help="Tabulate combinations of generator, gate and classifier instead, and which part matters.")
@flag("--wide", help="On a terminal, show the columns that it has no width for, too, in further blocks.")
def leaderboard(
    roots: Sequence[Path],
    data_sets: Sequence[str],
    protocols: Sequence[str],
    write_to: Path | None,
    check_in: Path | None,
    headline: bool,
    format_: str | None,
    out: Path | None,
    columns: str | None,
    wide: bool,
    grid: bool,
) -> None:
    """Tabulate the results: per data set, split and protocol, and over all data sets.

    Pages keep what is written by hand outside their markers. Times are comparable inside one machine class only, and
    numbers from papers are marked unless they were obtained on the same features.
    """
    to_pages = write_to or check_in
    if to_pages and (data_sets or protocols):
        raise UsageError("pages hold every data set and protocol", "leave out --dataset and --protocol")
    if to_pages and (format_ or out):
        raise UsageError("pages are markdown, in a folder", "leave out --format and --out")
    if to_pages and columns:
        raise UsageError("pages hold every column", "leave out --columns")
    if headline and not to_pages:
        raise UsageError("--headline is for the table of a README", "add --write FOLDER or --check FOLDER")
    if out and not format_:
        endings = ", ".join(_FORMATS)
        if out.suffix not in _FORMATS:
            raise UsageError(f"the name {out} doesn't tell the format", f"add --format, or end it in {endings}")
        format_ = _FORMATS[out.suffix]
    if out and format_ != _FORMATS.get(out.suffix, format_):
        raise UsageError(f"the name {out} is that of another format than {format_}", "change one of the two")
    if grid and (columns or headline or format_ not in (None, "markdown")):
        raise UsageError(
            "--grid gives tables as text with all of their columns", "leave out --columns, --headline and --format"
        )
    if columns and format_ not in (None, "markdown"):
        raise UsageError(f"--columns chooses those of tables as text, not of {format_}", "leave it out")
    from gzslbench.report.formats.layout import choose_columns
    from gzslbench.report.formats.pages import as_text, headline_page, leaderboard_pages
    from gzslbench.report.leaderboard import build_leaderboard

    places = open_all(roots)
    results = of_data_sets(read_results(places), data_sets)
    results = [result for result in results if not protocols or result.key.protocol in protocols]
    if grid:
        _tabulate_grid(results, places, write_to, check_in, out)
    elif to_pages:
        board = build_leaderboard(results, places)
        pages = [headline_page(board)] if headline else leaderboard_pages(board)
        write_or_check(pages, write_to, check_in, "leaderboard --headline" if headline else "leaderboard")
    elif not results:
        places_named = " and ".join(f"'{root}'" for root in roots)
        raise UsageError(f"there are no records in {places_named}", "make some with: gzslbench run --plugin eszsl")
    elif format_ and format_ != "markdown":
        _deliver(_formatted(results, places, format_), out)
    else:
        tables: Sequence[Table] = build_leaderboard(results, places).tables
        if columns:
            tables = choose_columns(tables, [word.strip() for word in columns.split(",")])
        if format_:
            _deliver(as_text(tables), out)
        else:
            print_tables(tables, brief=not (wide or columns), upwards=True)


def _tabulate_grid(
    results: Sequence[RecordSummary],
    places: Sequence[Results],
    write_to: Path | None,
    check_in: Path | None,
    out: Path | None,
) -> None:
    from gzslbench.report.combinations.tables import combination_tables, combinations_page
    from gzslbench.report.formats.pages import as_text

    tables = combination_tables(results, places)
    if write_to or check_in:
        write_or_check([combinations_page(tables)], write_to, check_in, "leaderboard --grid")
    elif out:
        _deliver(as_text(tables), out)
    else:
        print_tables(tables, upwards=True)


def _formatted(results: Sequence[RecordSummary], places: Sequence[Results], format_: str) -> str:
    from gzslbench.report.formats.exports import to_csv, to_json
    from gzslbench.report.formats.latex import to_latex
    from gzslbench.report.leaderboard import build_leaderboard
    from gzslbench.report.page.render import render_page
    from gzslbench.report.rows import leaderboard_rows

    match format_:
        case "html":
            return render_page(build_leaderboard(results, places))
        case "latex":
            return to_latex(build_leaderboard(results, places).tables)
        case "csv":
            return to_csv(leaderboard_rows(results, places))
    return to_json(leaderboard_rows(results, places))


def _deliver(text: str, out: Path | None) -> None:
    """Print, or write a file and say so."""
    if out is None:
        click.echo(text.removesuffix("\n"))
        return
    try:
        out.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"can't write {out}: {error.strerror}", "name a file in a writable folder") from error
    click.echo(f"wrote {out}")


@click.command()
@pages_options("leaderboards", "the page")
def reported(write_to: Path | None, check_in: Path | None) -> None:
    """Tabulate what is wrong with numbers that papers print, and how often test labels were read for them.

    What the numbers themselves tell is computed, such as an H that is not the harmonic mean of its U and S; the rest
    says how it is known.
    """
    from gzslbench.report.formats.audit_tables import audit_page, audit_tables

    if write_to or check_in:
        write_or_check([audit_page()], write_to, check_in, "reported")
    else:
        print_tables(audit_tables())
