"""Shares of the test samples that were sent to either expert, or to both (early-GAN, Fig. 6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.drawing import Drawing
from gzslbench.report.figures.style import BLUE, ORANGE, PALE, legend_below, panels
from gzslbench.report.groups import Group

KINDS = (
    ("SL: seen expert", "seen", BLUE),
    ("GZSL: all classes", "either", PALE),
    ("ZSL: unseen expert", "unseen", ORANGE),
)


def draw(archive: Archive) -> Drawing:
    """Draw two bars for each method and data set: of test samples of seen classes, and of unseen ones."""
    groups = chosen_groups(archive)
    shares = np.array([row for group in groups for row in mean_shares(archive, group)])
    figure, ((axes,),) = panels(1, 1, 6.0, 0.8 + 0.32 * len(shares))
    places = [-(number + number // 2 * 0.4) for number in range(len(shares))]
    left = np.zeros(len(shares))
    for (label, _, colour), widths in zip(KINDS, shares.T, strict=True):
        axes.barh(places, widths, 0.85, left, color=colour, label=label)
        ink = "white" if colour == BLUE else "black"
        for width, start, place in zip(widths, left, places, strict=True):
            if width >= 5:
                axes.text(start + width / 2, place, f"{width:.0f}", ha="center", va="center", size=8, color=ink)
        left += widths
    axes.set_yticks(places, [f"{name}, {domain}" for name in _names(groups) for domain in ("seen", "unseen")])
    axes.set(xlabel="test samples (%)", xlim=(0, 100))
    legend_below(figure, [axes], 3)
    methods = {group.name for group in groups}
    sender = groups[0].name if len(methods) == 1 else "each method"
    what = f"Where {sender} sends test samples of seen and of unseen classes; means over seeds."
    return Drawing(figure, what, groups)


def chosen_groups(archive: Archive) -> list[Group]:
    """Give each method on the data set asked for, else on all data sets that have records of it."""
    methods = archive.request.methods
    present = [
        archive.group(method, data_set)
        for data_set in ([] if archive.request.data_set else archive.data_sets)
        for method in methods
        if any(group.method == method for group in archive.groups(data_set))
    ]
    return present or archive.groups_of(methods)


def mean_shares(archive: Archive, group: Group) -> NDArray[np.float64]:
    """Give means over seeds in percent (2, 3): of test samples of seen and of unseen classes, by kind."""
    metrics = [record.metrics for record in archive.records(group)]
    domains = [each.routing_seen for each in metrics], [each.routing_unseen for each in metrics]
    return np.array(
        [[100 * np.mean([getattr(each, kind) for each in of_domain]) for _, kind, _ in KINDS] for of_domain in domains]
    )


def _names(groups: Sequence[Group]) -> list[str]:
    """Name each group by its data set and method, without what all of them share."""
    if len({group.name for group in groups}) == 1:
        return [group.comparison.data_set for group in groups]
    if len({group.comparison.data_set for group in groups}) == 1:
        return [group.name for group in groups]
    return [f"{group.comparison.data_set}, {group.name}" for group in groups]
