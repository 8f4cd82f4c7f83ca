"""Tables on a terminal, and as pages of markdown in a folder: what several verbs print, write and check."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gzslbench.errors import UsageError

if TYPE_CHECKING:
    from gzslbench.report.formats.pages import Page
    from gzslbench.report.tables import Table

F = TypeVar("F", bound=Callable[..., Any])
_FOLDER = click.Path(file_okay=False, path_type=Path)


def pages_options(folder: str, what: str) -> Callable[[F], F]:
    """Add ``--write`` and ``--check``, as ``write_to`` and ``check_in``; ``folder`` is meant where none is named."""
    write = click.option(
        "--write",
        "write_to",
        type=_FOLDER,
        is_flag=False,
        flag_value=folder,
        help=f"Write {what} into a folder ({folder} if none is named) instead of printing.",
    )
    check = click.option(
        "--check",
        "check_in",
        type=_FOLDER,
        is_flag=False,
        flag_value=folder,
        help="Run nothing; exit with 1 and show what differs if --write would change a page there.",
    )
    return lambda command: write(check(command))


def require_one(write_to: Path | None, check_in: Path | None) -> None:
    """Refuse ``--write`` together with ``--check``."""
    if write_to and check_in:
        raise UsageError("--write and --check can't go together", "give one of them")


def print_tables(tables: Sequence[Table]) -> None:
    """Print to a terminal as tables that fit it, to anything else as markdown."""
    if sys.stdout.isatty():
        _print_to_terminal(tables)
    else:
        click.echo(as_markdown(tables))


def _print_to_terminal(tables: Sequence[Table]) -> None:
    from rich.console import Console

    from gzslbench.report.formats.terminal import print_table

    console = Console()
    for table in tables:
        print_table(table, console)


def as_markdown(tables: Sequence[Table]) -> str:
    """Lay tables out as markdown."""
    from gzslbench.report.formats.markdown import to_markdown

    return "\n\n".join(to_markdown(table) for table in tables)


def update_pages(pages: Sequence[Page], folder: Path) -> None:
    """Write the pages that have changed, and say which."""
    from gzslbench.report.formats.pages import write_pages

    changed = write_pages(pages, folder)
    for path in changed:
        click.echo(f"wrote {path}")
    if not changed:
        click.echo(f"{folder} was up to date")


def check_pages(pages: Sequence[Page], folder: Path, command: str) -> None:
    """Show what ``gzslbench COMMAND --write`` would change, and exit with 1 if there is anything."""
    from gzslbench.report.formats.pages import stale_pages

    stale = stale_pages(pages, folder)
    for path, diff in stale.items():
        click.echo(f"{path} is out of date:\n{diff}\n", err=True)
    if stale:
        click.echo(f"bring it up to date with: gzslbench {command} --write {folder}", err=True)
        raise SystemExit(1)
    click.echo(f"{folder} is up to date")
