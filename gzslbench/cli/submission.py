"""``gzslbench submit`` and ``verify``: bundle a method's records for a leaderboard, and check such a bundle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.cli.options import (
    FOLDER,
    PathName,
    data_options,
    data_sets_option,
    flag,
    many,
    protocols_option,
    results_option,
)
from gzslbench.errors import UsageError

if TYPE_CHECKING:
    from gzslbench.submission.verify import Verification

_SUBMISSIONS = Path("leaderboards/submissions")
_COLOURS = {"refused": "red", "doubtful": "yellow"}


@click.command()
@click.argument("method")
@click.option(
    "--plugin",
    type=PathName(exists=True, path_type=Path),
    help="Source of the method: a plugin file, or the folder of a package. Leave it out for methods of gzslbench.",
)
@data_sets_option("Submit")
@protocols_option("Submit", default="all ranked ones that there are records of")
@click.option("--budget", default="", help="Submit the recipe of this budget [default: of several settings, full].")
@many(
    "--declare",
    "declared",
    metavar="NAME=TEXT",
    help="Say something about the method: author, licence, chosen_on (what hyper-parameters were chosen on: defaults, "
    "validation classes, or in words what else) and external_data (none, or in words) are asked for; contact and "
    "paper may be said.",
)
@click.option("--out", type=PathName(dir_okay=False, path_type=Path), help="File to write [default: METHOD.zip].")
@results_option
def submit(method: str, declared: Sequence[str], out: Path | None, **chosen_by: Any) -> None:
    """Bundle the records of METHOD for a leaderboard: predictions, source, environment and declarations.

    All core seeds are submitted or none, of one configuration (where there are several, that of the budget), on data
    that a leaderboard is kept for. The source must be that which made the records, and pass 'gzslbench check'. The
    names and versions of the installed distributions go along.
    """
    from gzslbench.records.exchange.opening import open_results
    from gzslbench.records.places import path_safe
    from gzslbench.records.results import summaries
    from gzslbench.submission.manifest import Declarations, declarations
    from gzslbench.submission.submit import Submission, chosen
    from gzslbench.submission.submit import submit as make

    submission = Submission(method=method, declarations=Declarations(), **chosen_by)
    # a name that is not there matters more than what is declared
    chosen(summaries(open_results(submission.results)), submission)
    said = declarations(_assignments(declared))
    path = out or Path(f"{path_safe(method)}.zip")
    bundle = make(replace(submission, declarations=said), path)
    click.echo(f"wrote {path}: {bundle}, sha256 {bundle.sha256}")
    for entry in bundle.manifest.data:
        click.echo(f"  {entry}")


def _assignments(declared: Sequence[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in declared]
    for name, equals, _ in pairs:
        if not equals:
            raise UsageError(f"--declare {name} says nothing", f"write --declare {name}=TEXT")
    return {name.strip().replace("-", "_"): text.strip() for name, _, text in pairs}


@click.command()
@click.argument("bundle", type=PathName(path_type=Path))
@many(
    "--against",
    type=PathName(exists=True, path_type=Path),
    help="Results of others, to find copies and leaps; repeatable.",
)
@click.option(
    "--rerun", type=click.IntRange(0, 10_000), default=0, metavar="N", help="Train N of the cells again, confined."
)
@flag("--unconfined", help="Let --rerun run the code plainly, where bubblewrap can't confine it.")
@flag("--allow-doubts", "doubts_allowed", help="Pass what is unlikely, though not impossible.")
@click.option(
    "--accept",
    "into",
    type=FOLDER,
    is_flag=False,
    flag_value=_SUBMISSIONS,
    help=f"Keep the records of a bundle that passes in this folder ({_SUBMISSIONS} if none is named).",
)
@flag("--json", "as_json", help="Print one JSON object.")
@data_options
@click.pass_context
def verify(ctx: click.Context, /, bundle: Path, into: Path | None, as_json: bool, **settings: Any) -> None:
    """Check BUNDLE: one line a check, and exit code 1 if any refuses it or doubts it.

    Metrics are computed anew from the predictions with your own labels. Nothing of the bundle is imported, unpickled or
    written to disk as it is named there; --rerun runs its code in a process without the labels, confined by
    bubblewrap unless you add --unconfined.
    """
    from gzslbench.submission.verify import Verifier, accept

    verification = Verifier(**settings).verify(bundle)
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
    from gzslbench.records.names import row_name

    bundle = verification.bundle
    said = {
        "bundle": path.name,
        "sha256": bundle.sha256 if bundle else None,
        "method": bundle.manifest.method if bundle else None,
        "rows": sorted({row_name(cell.record) for cell in bundle.cells}) if bundle else [],
        "passed": verification.passed,
        "provenance": str(verification.provenance) if verification.provenance else None,
        "lines": [asdict(line) for line in verification.lines],
    }
    click.echo(json.dumps(said, indent=1))
