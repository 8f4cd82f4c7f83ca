"""What verbs that tabulate have in common: the results that they read, and tables on a terminal or in pages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.cli.options import FOLDER, F
from gzslbench.errors import RecordError, UsageError, nearest, usable

if TYPE_CHECKING:
    from gzslbench.records.results import Results
    from gzslbench.records.summary import RecordSummary
    from gzslbench.report.formats.pages import Page
    from gzslbench.report.tables import Table


_LEAST_COLUMNS = 40


def open_all(roots: Sequence[Path]) -> list[Results]:
    """Open results for reading, in whichever form they are; of several, one that can't be read or trusted is left out.

    Raises :class:`RecordError` where none can.
    """
    from gzslbench.records.exchange.opening import open_results
    from gzslbench.records.provenance import provenance_of

    def opened(root: Path) -> Results:
        place = open_results(root)
        provenance_of(place.root)
        return place

    return usable(roots, opened, RecordError)


def read_results(places: Sequence[Results], protocols: Sequence[str] = ()) -> list[RecordSummary]:
    """Read the results of several places, of some protocols alone where any are named."""
    from gzslbench.records.results import summaries

    results = [result for place in places for result in summaries(place)]
    return [result for result in results if not protocols or result.key.protocol in protocols]


def of_data_sets(results: Sequence[RecordSummary], names: Sequence[str]) -> list[RecordSummary]:
    """Choose the results of the data sets that are named, or all; where there are any, refuses a name without some."""
    present = {result.key.data_set for result in results}
    for name in names:
        if present and name not in present:
            raise UsageError(f"there is no record of data set '{name}'", nearest(name, present))
    return [result for result in results if not names or result.key.data_set in names]


def pages_options(folder: str, what: str) -> Callable[[F], F]:
    """Add ``--write`` and ``--check``, as ``write_to`` and ``check_in``; ``folder`` is meant where none is named."""
    attributes: dict[str, Any] = {"type": FOLDER, "is_flag": False, "flag_value": folder, "callback": _alone}
    text = f"Write {what} into a folder ({folder} if none is named) instead of printing."
    write = click.option("--write", "write_to", help=text, **attributes)
    text = "Run nothing; exit with 1 and show what differs if --write would change a page there."
    check = click.option("--check", "check_in", help=text, **attributes)
    return lambda command: write(check(command))


def _alone(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    if value and (ctx.params.get("write_to") or ctx.params.get("check_in")):
        raise UsageError("--write and --check can't go together", "give one of them")
    return value


def print_tables(tables: Sequence[Table], brief: bool = False, upwards: bool = False) -> None:
    """Print to a terminal as tables that fit it, to anything else in lines of one row each.

    On a terminal tables can be ``brief``, with no more columns than fit side by side, and go ``upwards``: the first
    stands last, above the prompt.
    """
    from gzslbench.report.formats.layout import readable

    tables = readable(tables)
    if not sys.stdout.isatty():
        from gzslbench.report.formats.markdown import to_plain

        click.echo("\n\n".join(map(to_plain, tables)))
        return
    from rich.console import Console

    from gzslbench.report.formats.terminal import print_table

    console = Console()
    console.width = max(console.width, _LEAST_COLUMNS)  # whatever COLUMNS says
    for table in reversed(tables) if upwards else tables:
        print_table(table, console, brief)


def write_or_check(pages: Sequence[Page], write_to: Path | None, check_in: Path | None, command: str) -> None:
    """Write the pages that have changed and say which, or exit with 1 where ``gzslbench COMMAND`` would change any."""
    from gzslbench.report.formats.pages import stale_pages, write_pages

    if write_to:
        changed = write_pages(pages, write_to)
        click.echo("\n".join(f"wrote {path}" for path in changed) or f"{write_to} was up to date")
    elif check_in:
        stale = stale_pages(pages, check_in)
        for path, diff in stale.items():
            click.echo(f"{path} is out of date:\n{diff}\n", err=True)
        if stale:
            click.echo(f"bring it up to date with: gzslbench {command} --write {check_in}", err=True)
            raise SystemExit(1)
        click.echo(f"{check_in} is up to date")
