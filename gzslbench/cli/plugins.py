"""``gzslbench plugins``, ``check`` and ``new``: what authors of plugins use."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from gzslbench.cli.options import FOLDER, complete_plugins, duration, flag, plugin_files_option, set_option
from gzslbench.registry.scaffold.packages import KINDS, Kind, write_package
from gzslbench.testing import DEFAULT_TIMEOUT_S

_COLOURS = {"ok": "green", "FAILED": "red", "skipped": "yellow"}


@click.command()
@plugin_files_option
@flag("--traceback", help="Show where broken plugins failed.")
@click.pass_context
def plugins(ctx: click.Context, files: Sequence[Path], traceback: bool) -> None:
    """Load all plugins and say which of them are broken, and why; exits with 1 if any is."""
    from gzslbench.registry.hosts import open_plugins

    registry = open_plugins(files)
    for plugin in registry.recipes:
        entries = [f"{entry.kind} {entry.name}" for entry in registry.entries.values() if entry.plugin == plugin]
        click.echo(f"ok      {plugin}: {', '.join(entries) or 'registers nothing'}")
    for broken in registry.broken:
        click.secho(f"broken  {broken}", fg="red")
        if traceback:
            click.echo(broken.traceback)
    ctx.exit(1 if registry.broken else 0)


@click.command()
@click.argument("plugins", metavar="PLUGIN...", nargs=-1, required=True, shell_complete=complete_plugins)
@set_option
@click.option(
    "--timeout",
    type=duration,
    default=f"{DEFAULT_TIMEOUT_S:g}s",
    show_default=True,
    help="Limit for each check, such as 5m.",
)
@flag("--json", "as_json", help="Print JSON.")
@click.pass_context
def check(
    ctx: click.Context, plugins: Sequence[str], assignments: Sequence[str], timeout: float, as_json: bool
) -> None:
    """Put plugins, components, methods or plugin files through the contract's tests; exits with 1 if any fails.

    Everything is tried on a tiny data set, for a few training steps, on the CPU, in a process of its own.
    """
    from gzslbench.processes.child import start_fork_server

    start_fork_server(threads=1)  # its imports run beside ours
    from gzslbench.registry.settings import parse_assignments
    from gzslbench.testing.session import check_subjects, find_subjects

    settings = parse_assignments(assignments)
    found = [each for name in dict.fromkeys(plugins) for each in find_subjects(name)]
    outcomes = []
    for outcome in itertools.chain(*(check_subjects(*each, settings, timeout) for each in found)):
        outcomes.append(outcome)
        if not as_json:
            status = click.style(f"{outcome.status:<7}", fg=_COLOURS[outcome.status])
            click.echo(f"{status}  {outcome.subject}: {outcome.check}  {outcome.detail}".rstrip())
    counts = Counter(outcome.status for outcome in outcomes)
    if as_json:
        values = [vars(o.subject) | {"check": o.check, "status": o.status, "detail": o.detail} for o in outcomes]
        click.echo(json.dumps(values, indent=1))
    else:
        click.echo(f"{counts['ok']} ok, {counts['FAILED']} failed, {counts['skipped']} skipped")
    ctx.exit(1 if counts["FAILED"] else 0)


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option(
    "--out", type=FOLDER, default=Path(), help="Folder in which the package's folder is made [default: here]."
)
def new(kind: Kind, name: str, out: Path) -> None:
    """Write a plugin package to start from: it works, and has its tests.

    NAME is that of the plugin and of what it registers, in lower case with hyphens.
    """
    for path in write_package(kind, name, out):
        click.echo(path)
    home = out / name
    click.echo(f'\nnext: pip install -e "{home}[dev]", pytest {home}, gzslbench check {name}')
