"""``gzslbench plugins``: load every plugin and show what it registers, or why it can't be used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gzslbench.registry.registry import Registry


@click.command()
@click.option("--plugin", "files", multiple=True, type=click.Path(path_type=Path), help="Also load this plugin file.")
@click.option("--traceback", is_flag=True, help="Show where broken plugins failed.")
def plugins(files: Sequence[Path], traceback: bool) -> None:
    """Load all plugins and say which of them are broken, and why; exits with 1 if any is."""
    from gzslbench.registry.registry import load_plugins

    registry = load_plugins(files)
    _show_loaded(registry)
    for broken in registry.broken:
        click.secho(f"broken  {broken}", fg="red")
        if traceback:
            click.echo(broken.traceback)
    if registry.broken:
        click.get_current_context().exit(1)


def _show_loaded(registry: Registry) -> None:
    for plugin in registry.recipes:
        entries = [f"{entry.kind} {entry.name}" for entry in registry.entries.values() if entry.plugin == plugin]
        click.echo(f"ok      {plugin}: {', '.join(entries) or 'registers nothing'}")
