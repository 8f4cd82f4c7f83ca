"""``gzslbench verify``: check a bundle without trusting it, and accept it into a leaderboard."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.options import cache_option, data_dir_option

if TYPE_CHECKING:
    from gzslbench.submission.verify import Verification

_FOLDER = click.Path(file_okay=False, path_type=Path)
_SUBMISSIONS = Path("leaderboards/submissions")
_COLOURS = {"refused": "red", "doubtful": "yellow"}


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--against", multiple=True, type=_FOLDER, help="Results of others, to find copies and leaps; repeatable.")
@click.option(
    "--rerun", type=click.IntRange(min=0), default=0, metavar="N", help="Train N of the cells again, confined."
)
@click.option("--unconfined", is_flag=True, help="Let --rerun run the code plainly, where bubblewrap can't confine it.")
@click.option("--allow-doubts", is_flag=True, help="Pass what is unlikely, though not impossible.")
@click.option(
    "--accept",
    "into",
    type=_FOLDER,
    is_flag=False,
    flag_value=_SUBMISSIONS,
    help=f"Keep the records of a bundle that passes in this folder ({_SUBMISSIONS} if none is named).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@data_dir_option
@cache_option
@click.pass_context
def verify(
    ctx: click.Context,
    bundle: Path,
    against: Sequence[Path],
    rerun: int,
    unconfined: bool,
    allow_doubts: bool,
    into: Path | None,
    as_json: bool,
    data_dirs: Sequence[Path],
    cache: Path,
) -> None:
    """Check BUNDLE: one line a check, and exit code 1 if any refuses it or doubts it.

    Metrics are computed anew from the predictions with your own labels. Nothing of the bundle is imported, unpickled or
    written to disk as it is named there; --rerun runs its code in a process without the labels, confined by
    bubblewrap unless you add --unconfined.
    """
    from gzslbench.submission.verify import Verifier, accept

    verification = Verifier(data_dirs, cache, against, rerun, allow_doubts, unconfined).verify(bundle)
    (_print_json if as_json else _print)(verification, bundle)
    if into and verification.passed:
        click.echo(f"accepted as {accept(verification, into)}", err=as_json)
    ctx.exit(0 if verification.passed else 1)


def _print(verification: Verification, path: Path) -> None:
    for line in verification.lines:
        outcome = click.style(f"{line.outcome:<10}", fg=_COLOURS.get(line.outcome))
        click.echo(f"{outcome}{line.check:<13}{line.text}")
    provenance = verification.provenance
    click.echo(f"{path.name}: {f'{provenance} ({provenance.meaning})' if provenance else 'refused'}")


def _print_json(verification: Verification, path: Path) -> None:
    bundle = verification.bundle
    said = {
        "bundle": path.name,
        "sha256": bundle.sha256 if bundle else None,
        "method": bundle.manifest.method if bundle else None,
        "passed": verification.passed,
        "provenance": str(verification.provenance) if verification.provenance else None,
        "lines": [asdict(line) for line in verification.lines],
    }
    click.echo(json.dumps(said, indent=1))
