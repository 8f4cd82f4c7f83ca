"""How figures look: colours that most people can tell apart, panels, and how they are written to files."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#F0E442")
"""Okabe and Ito's colours, which people with any colour vision can tell apart; the faintest come last."""
BLUE, ORANGE, GREEN, VERMILION, PURPLE = PALETTE[:5]
PALE = "#BBBBBB"
MARKERS = "o^sDv"
"""Shapes that tell apart what shares a colour."""
DASHES = ("solid", "dashed", "dotted", "dashdot")
_SETTINGS: Any = {
    **dict.fromkeys(("legend.fontsize", "xtick.labelsize", "ytick.labelsize"), 8),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
    "font.size": 9,
    "axes.titlesize": 10,
    "svg.hashsalt": "gzslbench",
}
_CAPTION_SIZE = 8
_LETTERS_PER_INCH = 17


@contextmanager
def styled() -> Iterator[None]:
    """Draw and write figures in our style, whatever the user's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def panels(rows: int, columns: int, width: float, height: float, **options: object) -> tuple[Figure, list[list[Axes]]]:
    """Make a figure of panels, each of a size in inches; needs no display and no global state."""
    figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)  # type: ignore[call-overload]
    return figure, [list(row) for row in axes]


def panel_row_by_row(
    count: int, columns: int, width: float, height: float, **options: object
) -> tuple[Figure, list[Axes]]:
    """Make ``count`` panels as :func:`panels` does, the last row being the shorter one."""
    figure, grid = panels(-(-count // columns), columns, width, height, **options)
    axes = [each for row in grid for each in row]
    for spare in axes[count:]:
        spare.remove()
    return figure, axes[:count]


def legend_below(figure: Figure, axes: Sequence[Axes], columns: int) -> None:
    """Hang one legend for all panels under the figure, each label once; saving makes room for it."""
    handles = {label: handle for each in axes for handle, label in zip(*each.get_legend_handles_labels(), strict=True)}
    columns = min(columns, max(1, len(handles)))
    figure.legend(list(handles.values()), list(handles), loc="upper center", bbox_to_anchor=(0.5, 0), ncols=columns)


def save(figure: Figure, caption: str, folder: Path, stem: str) -> list[Path]:
    """Write ``stem`` as PNG and SVG, widened by the caption under the legend; the same figure gives the same bytes."""
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    lowest = min((legend.get_window_extent().y0 for legend in figure.legends), default=0.0)
    lines = "\n".join(textwrap.wrap(caption, int(width / figure.dpi * _LETTERS_PER_INCH)))
    figure.text(0.0, (lowest - 0.1 * figure.dpi) / height, lines, va="top", size=_CAPTION_SIZE)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {folder / f"{stem}.png": {"Software": None}, folder / f"{stem}.svg": {"Date": None}}
    for path, metadata in paths.items():
        figure.savefig(path, dpi=150, metadata=metadata, bbox_inches="tight", pad_inches=0.1)
    return list(paths)
