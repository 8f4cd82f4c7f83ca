"""Which classes are taken for which, one panel per method (GSMFlow, Fig. 6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from gzslbench.contract.dataset import Indices
from gzslbench.errors import UsageError
from gzslbench.records.metrics import confusion
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.drawing import Drawing
from gzslbench.report.figures.record_data import RecordData, open_record_data
from gzslbench.report.figures.style import panels
from gzslbench.report.groups import Group

Shares = NDArray[np.float64]
MOST_CLASSES = 2000
MOST_NUMBERED = 20
"""With more classes, seen ones share a column and cells bear no number."""
MOST_NAMED = 60
_CELL, _SMALL_CELL = 0.32, 0.135
"""Inches."""


def draw(archive: Archive) -> Drawing:
    groups = archive.predicted(archive.request.methods)
    data = open_record_data(archive.request, groups[0].comparison)
    if len(data.data_set.class_names) > MOST_CLASSES:
        raise UsageError(
            f"{data.data_set.name} has {len(data.data_set.class_names):,} classes, too many to draw their confusion",
            f"up to {MOST_CLASSES:,} can be drawn",
        )
    shares = [mean_confusion(archive, group, data) for group in groups]
    shown = shown_classes(shares, data)
    numbered = len(shown) <= MOST_NUMBERED
    rest = "other class" if np.isin(data.split.seen_classes, shown).any() else "seen class"
    cell = _CELL if numbered else _SMALL_CELL
    width, height = max(2.4, (len(shown) + 1) * cell + 0.6), max(1.8, len(shown) * cell) + 1.2
    figure, (axes,) = panels(1, len(groups), width, height, sharey=True)
    for each, group, matrix in zip(axes, groups, shares, strict=True):
        kept = matrix[np.ix_(shown, shown)]
        others = matrix[shown].sum(axis=1) - kept.sum(axis=1)
        image = _draw_matrix(each, np.column_stack([kept, others]), numbered)
        each.set_title(group.name)
    figure.colorbar(image, ax=axes, label="share of the class's test samples", shrink=0.6, pad=0.01)
    _name_classes(axes, [*data.names(shown), rest], numbered)
    what = (
        f"Shares of each class's test samples by predicted class, in GZSL. Rows are true classes, columns predicted "
        f"ones in the same order; the last column sums up all {'other' if rest == 'other class' else 'seen'} classes."
        f"{' Numbers are per cent, from 5 up.' if numbered else ''} Mean over seeds."
    )
    return Drawing(figure, what, groups)


def mean_confusion(archive: Archive, group: Group, data: RecordData) -> Shares:
    """Give the mean over seeds of the confusion of all classes (C, C), rows summing to 1 where there are samples."""
    classes = np.arange(len(data.data_set.class_names))
    shares = []
    for record in archive.records(group):
        predictions = archive.predictions(record)
        counts = confusion(data.labels(predictions.samples), predictions.predicted, classes)
        shares.append(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
    return np.asarray(np.mean(shares, axis=0))


def shown_classes(shares: Sequence[Shares], data: RecordData) -> Indices:
    """Choose the unseen classes and, where that is 20 at most, as many seen ones that are taken for them most often."""
    unseen, seen = (data.tested(each) for each in (data.split.unseen_classes, data.split.seen_classes))
    taken = np.sum([each[np.ix_(unseen, seen)].sum(axis=0) for each in shares], axis=0)
    order = np.argsort(-taken, kind="stable")[: len(unseen)]
    confused = seen[order[taken[order] > 0]]
    return unseen if len(unseen) + len(confused) > MOST_NUMBERED else np.concatenate([unseen, confused])


def _draw_matrix(axes: Axes, matrix: Shares, numbered: bool) -> AxesImage:
    axes.spines[:].set_visible(True)
    for (row, column), share in np.ndenumerate(matrix):
        if numbered and share >= 0.05:
            colour = "white" if share > 0.5 else "black"
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", size=8, color=colour)
    return axes.imshow(matrix, cmap="Blues", vmin=0, vmax=1, aspect="equal")


def _name_classes(axes: Sequence[Axes], names: Sequence[str], numbered: bool) -> None:
    """Name rows at the left; columns where there is room, the last one always; with very many classes count them."""
    if len(names) > MOST_NAMED:
        places = list(range(9, len(names) - 1, 10))
        axes[0].set_yticks(places, [str(place + 1) for place in places])
    else:
        axes[0].set_yticks(range(len(names) - 1), names[:-1])
    columns = range(len(names)) if numbered else [len(names) - 1]
    for each in axes:
        each.set_xticks(list(columns), [names[place] for place in columns], rotation=90)
