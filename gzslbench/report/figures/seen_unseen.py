"""Seen against unseen accuracy under calibrated stacking, with the point at which each method works."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.records.metrics import Curve, seen_unseen_curve
from gzslbench.records.predictions import Predictions
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.drawing import Drawing
from gzslbench.report.figures.record_data import RecordData, open_record_data
from gzslbench.report.figures.style import DASHES, MARKERS, PALETTE, legend_below, panels
from gzslbench.report.groups import Group
from gzslbench.report.installed import Installed

MOST_METHODS = 7
GRID_POINTS = 401
Accuracies = NDArray[np.float64]


def draw(archive: Archive) -> Drawing:
    groups = chosen_groups(archive)
    data = open_record_data(archive.request, groups[0].comparison)
    figure, ((axes,),) = panels(1, 1, 6.4, 5.2)
    sharing: dict[bytes, list[str]] = defaultdict(list)
    for place, group in enumerate(groups):
        style: dict[str, Any] = {"color": PALETTE[place % len(PALETTE)], "linestyle": DASHES[place % len(DASHES)]}
        curves = [curve_of(archive.predictions(record), data) for record in archive.records(group)]
        unseen, seen = mean_curve(curves)
        alike = sharing[np.concatenate([unseen, seen]).round(6).tobytes()]
        alike.append(group.name)
        if len(alike) > 1:
            style["linestyle"] = "none"
        axes.plot(100 * unseen, 100 * seen, linewidth=1.3, **style)
        u, s = (100 * float(np.mean([getattr(each, metric) for each in group.results])) for metric in ("u", "s"))
        style |= {"marker": MARKERS[place % len(MARKERS)], "markeredgecolor": "white"}
        axes.plot([u], [s], markersize=8, label=f"{group.name} (H {100 * group.h.mean:.1f})", **style)
    axes.set(xlabel="unseen accuracy (%)", ylabel="seen accuracy (%)", xlim=(0, None), ylim=(0, None))
    legend_below(figure, [axes], 2)
    shared = "; ".join(" and ".join(names) for names in sharing.values() if len(names) > 1)
    what = (
        "Seen against unseen accuracy as an offset is taken from the joint scores of seen classes; seen accuracy is "
        "averaged over seeds at equal unseen accuracy. Markers are U and S as the methods work: with their gate, where "
        "they have one, hence not always on the curve."
    )
    if shared:
        what += f" Curves that coincide are drawn once: {shared}."
    return Drawing(figure, what, groups)


def chosen_groups(archive: Archive) -> list[Group]:
    """Give the methods asked for, else those with the highest H that have a name and are not variants."""
    if archive.request.named:
        return archive.predicted(archive.request.named)
    installed = Installed.find(archive.request.files).methods
    variants = {name for name, method in installed.items() if method.info.variant_of}
    methods = {group.method for group in archive.groups() if group.method != group.key.combination} - variants
    groups = archive.predicted(sorted(methods) or ["eszsl"])
    return sorted(groups, key=lambda group: -group.h.mean)[:MOST_METHODS]


def curve_of(predictions: Predictions, data: RecordData) -> Curve:
    return seen_unseen_curve(
        data.labels(predictions.samples),
        predictions.best_seen,
        predictions.best_unseen,
        predictions.margin,
        data.tested(data.split.seen_classes),
        data.tested(data.split.unseen_classes),
    )


def mean_curve(curves: Sequence[Curve]) -> tuple[Accuracies, Accuracies]:
    """Average seen accuracy (k,) over curves at equal unseen accuracy (k,); it is 0 past a curve's end."""
    grid = np.linspace(0, max(curve.unseen[-1] for curve in curves), GRID_POINTS)
    seen = [np.interp(grid, curve.unseen, curve.seen, right=0.0) for curve in curves]
    return grid, np.asarray(np.mean(seen, axis=0))
