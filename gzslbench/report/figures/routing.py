"""Shares of the test samples that were sent to either expert, or to both (early-GAN, Fig. 6)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from gzslbench.records.record import Routing
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.caption import caption
from gzslbench.report.figures.style import BLUE, ORANGE, PALE, Drawing, legend_below, panels
from gzslbench.report.groups import Group

KINDS = (
    ("SL: seen expert", "seen", BLUE),
    ("GZSL: all classes", "either", PALE),
    ("ZSL: unseen expert", "unseen", ORANGE),
)


def draw(archive: Archive) -> Drawing:
    """Draw two bars for each method and data set: of test samples of seen classes, and of unseen ones."""
    groups = chosen_groups(archive)
    bars = [bar for group in groups for bar in _bars(archive, group)]
    names = _names(groups)
    figure, ((axes,),) = panels(1, 1, 6.0, 0.8 + 0.32 * len(bars))
    places = [-(number + number // 2 * 0.4) for number in range(len(bars))]
    left = np.zeros(len(bars))
    for label, kind, colour in KINDS:
        widths = np.array([100 * getattr(bar, kind) for bar in bars])
        axes.barh(places, widths, 0.85, left, color=colour, label=label)
        _number(axes, widths, left, places, "white" if colour == BLUE else "black")
        left += widths
    axes.set_yticks(places, [f"{name}, {domain}" for name in names for domain in ("seen", "unseen")])
    axes.set(xlabel="test samples (%)", xlim=(0, 100))
    legend_below(figure, [axes], 3)
    what = f"Where {_joined(groups)} sends test samples of seen and of unseen classes; means over seeds."
    data_sets = {group.comparison.data_set for group in groups}
    return Drawing(
        figure, caption(archive.request.figure, what, groups), data_sets.pop() if len(data_sets) == 1 else "all"
    )


def chosen_groups(archive: Archive) -> list[Group]:
    """Give each method on the data set asked for, else on all data sets that have records of it."""
    methods = archive.request.methods
    if archive.request.data_set:
        return [archive.group(method) for method in methods]
    present = [
        archive.group(method, data_set)
        for data_set in archive.data_sets
        for method in methods
        if any(group.method == method for group in archive.groups(data_set))
    ]
    return present or [archive.group(method) for method in methods]


def mean_routing(routings: list[Routing]) -> Routing:
    """Average the shares over seeds."""
    return Routing(
        *(float(np.mean([getattr(each, kind) for each in routings])) for kind in ("seen", "unseen", "either"))
    )


def _bars(archive: Archive, group: Group) -> Iterator[Routing]:
    metrics = [record.metrics for record in archive.records(group)]
    yield mean_routing([each.routing_seen for each in metrics])
    yield mean_routing([each.routing_unseen for each in metrics])


def _names(groups: list[Group]) -> list[str]:
    """Name each group by its data set and method, without what all of them share."""
    if len({group.method for group in groups}) == 1:
        return [group.comparison.data_set for group in groups]
    if len({group.comparison.data_set for group in groups}) == 1:
        return [group.method for group in groups]
    return [f"{group.comparison.data_set}, {group.method}" for group in groups]


def _joined(groups: list[Group]) -> str:
    methods = list(dict.fromkeys(group.method for group in groups))
    return methods[0] if len(methods) == 1 else "each method"


def _number(
    axes: Axes, widths: NDArray[np.float64], left: NDArray[np.float64], places: list[float], colour: str
) -> None:
    for width, start, place in zip(widths, left, places, strict=True):
        if width >= 5:
            axes.text(start + width / 2, place, f"{width:.0f}", ha="center", va="center", size=8, color=colour)
