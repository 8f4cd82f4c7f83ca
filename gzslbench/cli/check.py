"""``gzslbench check``: put plugins through the contract's tests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from gzslbench.cli.completion import complete_plugins
from gzslbench.cli.run import Duration
from gzslbench.testing import DEFAULT_TIMEOUT_S

if TYPE_CHECKING:
    from gzslbench.testing.outcomes import Outcome

_COLOURS = {"ok": "green", "FAILED": "red", "skipped": "yellow"}


@click.command()
@click.argument("plugins", metavar="PLUGIN...", nargs=-1, required=True, shell_complete=complete_plugins)
@click.option("--set", "assignments", multiple=True, metavar="COMPONENT.SETTING=VALUE", help="Change a setting.")
@click.option(
    "--timeout",
    type=Duration(),
    default=DEFAULT_TIMEOUT_S,
    show_default="60s",
    help="Limit for each check, such as 5m.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(plugins: Sequence[str], assignments: Sequence[str], timeout: float, as_json: bool) -> None:
    """Put plugins, components, methods or plugin files through the contract's tests; exits with 1 if any fails.

    Everything is tried on a tiny data set, for a few training steps, on the CPU, in a process of its own.
    """
    outcomes = []
    for outcome in _outcomes(plugins, assignments, timeout):
        outcomes.append(outcome)
        if not as_json:
            _show(outcome)
    counts = Counter(outcome.status for outcome in outcomes)
    if as_json:
        click.echo(json.dumps([outcome.as_values() for outcome in outcomes], indent=1))
    else:
        click.echo(f"{counts['ok']} ok, {counts['FAILED']} failed, {counts['skipped']} skipped")
    click.get_current_context().exit(1 if counts["FAILED"] else 0)


def _outcomes(plugins: Sequence[str], assignments: Sequence[str], timeout_s: float) -> Iterator[Outcome]:
    from gzslbench.runner.server import start_fork_server

    start_fork_server(threads=1)  # its imports run beside ours
    from gzslbench.registry.settings import parse_assignments
    from gzslbench.testing.session import check_subjects
    from gzslbench.testing.subjects import find_subjects

    settings = parse_assignments(assignments)
    for source, subjects in list(map(find_subjects, dict.fromkeys(plugins))):
        yield from check_subjects(source, subjects, settings, timeout_s)


def _show(outcome: Outcome) -> None:
    status = click.style(f"{outcome.status:<7}", fg=_COLOURS[outcome.status])
    click.echo(f"{status}  {outcome.subject}: {outcome.check}" + (f"  {outcome.detail}" if outcome.detail else ""))
