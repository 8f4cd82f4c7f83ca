"""``gzslbench leaderboard``: print the tables, write them as pages, or check that the pages are up to date."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.options import roots_option
from gzslbench.errors import UsageError
from gzslbench.protocol import PROTOCOLS
from gzslbench.suggest import nearest

if TYPE_CHECKING:
    from gzslbench.report import Page
    from gzslbench.report.tables import Table
    from gzslbench.result import Result

_PAGES = "leaderboards"
_FOLDER = click.Path(file_okay=False, path_type=Path)


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
@click.option(
    "--write",
    "write_to",
    type=_FOLDER,
    is_flag=False,
    flag_value=_PAGES,
    help=f"Write the pages into a folder ({_PAGES} if none is named) instead of printing.",
)
@click.option(
    "--check",
    "check_in",
    type=_FOLDER,
    is_flag=False,
    flag_value=_PAGES,
    help="Exit with 1 and show what differs if --write would change a page there.",
)
def leaderboard(
    roots: Sequence[Path],
    data_sets: Sequence[str],
    protocols: Sequence[str],
    write_to: Path | None,
    check_in: Path | None,
) -> None:
    """Tabulate the results: per data set, split and protocol, and over all data sets.

    Pages keep what is written by hand outside their markers. Times are comparable inside one machine class only, and
    numbers from papers are marked unless they were obtained on the same features.
    """
    if write_to and check_in:
        raise UsageError("--write and --check can't go together", "give one of them")
    if (write_to or check_in) and (data_sets or protocols):
        raise UsageError("pages hold every data set and protocol", "leave out --dataset and --protocol")
    with _nothing_collected():
        _report(_selected(_read(roots), data_sets, protocols), roots, write_to, check_in)


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


def _report(results: Sequence[Result], roots: Sequence[Path], write_to: Path | None, check_in: Path | None) -> None:
    if check_in:
        check_pages(_pages(results), check_in, "leaderboard")
    elif write_to:
        update_pages(_pages(results), write_to)
    elif results:
        from gzslbench.report import build_leaderboard

        print_tables(build_leaderboard(results).tables)
    else:
        looked_in = ", ".join(map(str, roots))
        click.echo(f"No records in {looked_in}. Make some with: gzslbench run --plugin eszsl")


def _read(roots: Sequence[Path]) -> list[Result]:
    from gzslbench.store import Store

    return [result for root in roots for result in Store(root).results()]


def _selected(results: Sequence[Result], data_sets: Sequence[str], protocols: Sequence[str]) -> list[Result]:
    present = {result.key.data_set for result in results}
    for name in data_sets:
        if present and name not in present:
            raise UsageError(f"there is no record of data set '{name}'", nearest(name, present))
    return [
        result
        for result in results
        if (not data_sets or result.key.data_set in data_sets) and (not protocols or result.key.protocol in protocols)
    ]


def _pages(results: Sequence[Result]) -> list[Page]:
    from gzslbench.report import build_leaderboard, leaderboard_pages

    return leaderboard_pages(build_leaderboard(results))


def print_tables(tables: Sequence[Table]) -> None:
    """Print to a terminal as tables that fit it, to anything else as markdown."""
    if sys.stdout.isatty():
        _print_to_terminal(tables)
    else:
        _print_markdown(tables)


def _print_to_terminal(tables: Sequence[Table]) -> None:
    from rich.console import Console

    from gzslbench.report.terminal import print_table

    console = Console()
    for table in tables:
        print_table(table, console)


def _print_markdown(tables: Sequence[Table]) -> None:
    from gzslbench.report.markdown import to_markdown

    click.echo("\n\n".join(to_markdown(table) for table in tables))


def update_pages(pages: Sequence[Page], folder: Path) -> None:
    """Write the pages that have changed, and say which."""
    from gzslbench.report import write_pages

    changed = write_pages(pages, folder)
    for path in changed:
        click.echo(f"wrote {path}")
    if not changed:
        click.echo(f"{folder} was up to date")


def check_pages(pages: Sequence[Page], folder: Path, command: str) -> None:
    """Show what ``gzslbench COMMAND --write`` would change, and exit with 1 if there is anything."""
    from gzslbench.report import stale_pages

    stale = stale_pages(pages, folder)
    for path, diff in stale.items():
        click.echo(f"{path} is out of date:\n{diff}\n", err=True)
    if stale:
        click.echo(f"bring it up to date with: gzslbench {command} --write {folder}", err=True)
        raise SystemExit(1)
    click.echo(f"{folder} is up to date")
