"""``gzslbench figure``: draw a figure from the records."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import click

from gzslbench.cli.options import (
    FOLDER,
    data_options,
    flag,
    many,
    plugin_files_option,
    roots_option,
    tracking_uri_option,
)
from gzslbench.contract.protocol import PROTOCOLS
from gzslbench.errors import UsageError, nearest
from gzslbench.report.figures.catalogue import FIGURES

_LISTED = {each.name: each.summary + (f" ({each.source})" if each.source else "") for each in FIGURES.values()}
_NEEDED = {"matplotlib": "matplotlib", "sklearn": "scikit-learn"}


class _Figure(click.Command):
    """A command whose help lists the figures."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Figures"):
            formatter.write_dl(list(_LISTED.items()))


@click.command(cls=_Figure)
@click.argument(
    "name",
    required=False,
    shell_complete=lambda ctx, param, start: [each for each in FIGURES if each.startswith(start)],
)
@roots_option
@many("--method", "named", help="Draw this method [default: the figure's own]; repeatable.")
@click.option("--dataset", "-d", "data_set", default="", help="Data set [default: glyphs, or the only one].")
@click.option(
    "--protocol",
    type=click.Choice([each.name for each in PROTOCOLS.values() if not each.many_splits]),
    metavar="PROTOCOL",
    help="Draw records of this protocol [default: inductive, or the first that there are records of].",
)
@click.option("--setting", default="", metavar="COMPONENT.SETTING", help="For sensitivity: draw this setting alone.")
@click.option("--out", type=FOLDER, default=Path("figures"), show_default=True, help="Folder to write into.")
@flag("--track", help="Keep the files in MLflow, too, beside the first of the results.")
@tracking_uri_option
@plugin_files_option
@data_options
def figure(
    name: str | None,
    roots: tuple[Path, ...],
    protocol: str | None,
    setting: str,
    out: Path,
    track: bool,
    tracking_uri: str | None,
    **wanted: Any,
) -> None:
    """Draw the figure NAME from records, as PNG and SVG; without NAME, list the figures.

    Of a method's configurations that of its recipe is drawn or, where there is none, the one with most seeds. Some
    figures need samples, which are kept by 'gzslbench run --keep-samples'; what is missing is named with the command
    that makes it.
    """
    if name is None:
        width = max(map(len, _LISTED))
        for each, text in _LISTED.items():
            click.echo(f"{each:<{width}}  {text}")
        return
    if name not in FIGURES:
        raise UsageError(f"there is no figure '{name}'", nearest(name, FIGURES))
    if setting and name != "sensitivity":
        raise UsageError(f"the figure '{name}' has no choice of settings", "leave out --setting, or draw 'sensitivity'")
    missing = [package for module, package in _NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise UsageError(
            f"figures need {' and '.join(missing)}, which the extra 'plots' brings", "pip install 'gzslbench[plots]'"
        )
    from gzslbench.records.store import open_store
    from gzslbench.report.figures.drawing import draw
    from gzslbench.report.figures.request import Request

    kept_beside = open_store(roots[0]).root if track else roots[0]
    request = Request(FIGURES[name], roots, protocol=protocol or "", setting=setting, **wanted)
    drawn = draw(request, out)
    for path in drawn:
        click.echo(path)
    if track:
        from gzslbench.tracking.process import keep_figure

        click.echo(f"in MLflow: {keep_figure(drawn, name, kept_beside, tracking_uri)}")
