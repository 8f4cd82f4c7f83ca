"""Real samples, and the boundary samples mined from them (GSMFlow, Fig. 8)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.caption import caption
from gzslbench.report.figures.embedding import embed, spread
from gzslbench.report.figures.style import PALETTE, Drawing, dots, legend_below, panels, planes
from gzslbench.report.figures.world import open_world

CLASSES = len(PALETTE)
PER_CLASS = 60
Labels = NDArray[np.int64]


def draw(archive: Archive) -> Drawing:
    """Draw one embedding twice: of the real samples alone, and with the boundary samples."""
    group = archive.group(archive.request.method)
    name = group.key.generator.name if group.key.generator else "none"
    kinds = (f"{name}.real", f"{name}.boundary")
    record, samples = archive.sampled(group, *kinds, f"{name}.labels")
    kept = shown_samples(samples[f"{name}.labels"].astype(np.int64))
    labels = samples[f"{name}.labels"].astype(np.int64)[kept]
    world = open_world(archive.request, group.comparison)
    names = world.names(world.split.seen_classes[np.unique(labels)])
    real, boundary = embed([samples[kind][kept] for kind in kinds])
    figure, (axes,) = panels(1, 2, 4.0, 4.2)
    for each in axes:
        _scatter(each, real, labels, 14, "o", names)
    _scatter(axes[1], boundary, labels, 20, "x", [""] * len(names))
    axes[1].scatter([], [], s=20, color="black", marker="x", linewidths=0.8, label="boundary sample")
    planes(axes, ("real samples", "real and boundary samples"), (real, boundary))
    legend_below(figure, axes, 4)
    what = (
        f"t-SNE of training samples of {len(names)} seen classes (dots) and of the boundary samples that "
        f"{group.method} mined from them (crosses), all embedded at once."
    )
    return Drawing(figure, caption(archive.request.figure, what, [group], [record.key.seed]), archive.data_set)


def shown_samples(labels: Labels) -> Labels:
    """Choose positions of samples: of as many classes as there are colours, up to 60 each."""
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)[:CLASSES]]
    return np.concatenate([each[spread(len(each), PER_CLASS)] for each in members])


def _scatter(
    axes: Axes, points: NDArray[np.float32], labels: Labels, size: float, marker: str, names: Sequence[str]
) -> None:
    for place, (label, name) in enumerate(zip(np.unique(labels), names, strict=True)):
        dots(axes, points[labels == label], size, PALETTE[place], marker, name)
