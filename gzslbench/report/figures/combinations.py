"""H of every combination: of generators with each gate and classifier, and of classifiers without a generator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from gzslbench.errors import RecordError
from gzslbench.report.combinations.grid import NO_PART, Combination, Grid, grids
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.drawing import Drawing
from gzslbench.report.figures.style import panels
from gzslbench.report.installed import Installed

COLOURS = "cividis"
"""A scale that looks the same with any colour vision, and in grey."""
CELL_INCHES = 0.42


def draw(archive: Archive) -> Drawing:
    found = grids(archive.groups(), Installed.find(archive.request.files))
    if not found:
        command = f"gzslbench run --all --dataset {archive.data_set}"
        raise RecordError(
            f"there is no combination with its recipe on '{archive.data_set}'", f"make some with: {command}"
        )
    (grid,) = found
    blocks = [block for block in (_after_generators(grid), _alone(grid)) if block]
    width = max(len(columns) for _, columns in blocks) * CELL_INCHES + 2.2
    height = max(len(rows) for rows, _ in blocks) * CELL_INCHES + 2.0
    figure, (row,) = panels(1, len(blocks), width, height)
    h = {each: 100 * group.h.mean for each, group in grid.groups.items()}
    for axes, (rows, columns) in zip(row, blocks, strict=True):
        _heat_map(axes, rows, columns, h)
    what = "Mean H in percent of each combination of generator, gate and classifier, with the settings of the recipes."
    return Drawing(figure, what, [*grid.groups.values()])


Lines = Sequence[tuple[str, dict[str, str]]]
"""Rows or columns: what stands beside each, and which parts of a combination it gives."""


def _after_generators(grid: Grid) -> tuple[Lines, Lines] | None:
    of_generators = [each for each in grid.groups if each.generator != NO_PART]
    columns = sorted({(each.classifier, each.gate) for each in of_generators})
    rows = [(name, {"generator": name}) for name in grid.names(0) if name != NO_PART]
    return (rows, [(f"{gate}, {of}", {"gate": gate, "classifier": of}) for of, gate in columns]) if rows else None


def _alone(grid: Grid) -> tuple[Lines, Lines] | None:
    alone = [each for each in grid.groups if each.generator == NO_PART]
    rows = [(f"{of} alone", {"generator": NO_PART, "classifier": of}) for of in sorted({e.classifier for e in alone})]
    return (rows, [(gate, {"gate": gate}) for gate in sorted({each.gate for each in alone})]) if rows else None


def _heat_map(axes: Axes, rows: Lines, columns: Lines, h: dict[Combination, float]) -> None:
    values = np.array(
        [[h.get(Combination(**of_row, **of_column), np.nan) for _, of_column in columns] for _, of_row in rows]
    )
    low, high = min(h.values()), max(h.values())
    axes.imshow(values, cmap=COLOURS, vmin=low, vmax=high, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            ink = "black" if value > (low + high) / 2 else "white"
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", size=7, color=ink)
    axes.set_xticks(range(len(columns)), [name for name, _ in columns], rotation=60, ha="right")
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.spines[:].set_visible(False)
