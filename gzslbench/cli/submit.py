"""``gzslbench submit``: bundle a method's records with all that a leaderboard needs to trust them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from gzslbench.cli.options import data_sets_option, protocols_option, results_option, several
from gzslbench.errors import UsageError


@click.command()
@click.argument("method")
@click.option(
    "--plugin",
    type=click.Path(exists=True, path_type=Path),
    help="Source of the method: a plugin file, or the folder of a package. Leave it out for methods of gzslbench.",
)
@data_sets_option("Submit")
@protocols_option("Submit", default="all ranked ones that there are records of")
@several(
    "--declare",
    "declared",
    metavar="NAME=TEXT",
    help="Say something about the method: author, licence, chosen_on (what hyper-parameters were chosen on: defaults, "
    "validation classes, or in words what else) and external_data (none, or in words) are asked for; contact and "
    "paper may be said.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write [default: METHOD.zip].")
@results_option
def submit(
    method: str,
    plugin: Path | None,
    data_sets: Sequence[str],
    protocols: Sequence[str],
    declared: Sequence[str],
    out: Path | None,
    results: Path,
) -> None:
    """Bundle the records of METHOD for a leaderboard: predictions, source, environment and declarations.

    All core seeds are submitted or none, of one configuration, on data that a leaderboard is kept for. The source must
    be that which made the records, and pass 'gzslbench check'. The names and versions of the installed distributions
    go along.
    """
    from gzslbench.records.store import path_safe
    from gzslbench.submission.manifest import declarations
    from gzslbench.submission.submit import Submission
    from gzslbench.submission.submit import submit as make

    said = declarations(_assignments(declared))
    path = out or Path(f"{path_safe(method)}.zip")
    bundle = make(Submission(method, results, said, plugin, protocols, data_sets), path)
    click.echo(f"wrote {path}: {bundle}, sha256 {bundle.sha256}")
    for entry in bundle.manifest.data:
        click.echo(f"  {entry}")


def _assignments(declared: Sequence[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in declared]
    for name, equals, _ in pairs:
        if not equals:
            raise UsageError(f"--declare {name} says nothing", f"write --declare {name}=TEXT")
    return {name.strip().replace("-", "_"): text.strip() for name, _, text in pairs}
