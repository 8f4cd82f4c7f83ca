"""``gzslbench new``: write the package of a plugin to start from."""

from __future__ import annotations

from pathlib import Path

import click

from gzslbench.registry.scaffold.packages import KINDS, Kind, write_package


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder in which the package's folder is made [default: here].",
)
def new(kind: Kind, name: str, out: Path) -> None:
    """Write a plugin package to start from: it works, and has its tests.

    NAME is that of the plugin and of what it registers, in lower case with hyphens.
    """
    written = write_package(kind, name, out)
    home = out / name
    for path in written:
        click.echo(path)
    click.echo(f'\nnext: pip install -e "{home}[dev]", pytest {home}, gzslbench check {name}')
