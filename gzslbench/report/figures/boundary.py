"""Real samples, and the boundary samples mined from them (GSMFlow, Fig. 8)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.drawing import Drawing
from gzslbench.report.figures.embedding import class_dots, embed, planes, spread
from gzslbench.report.figures.record_data import open_record_data
from gzslbench.report.figures.style import PALETTE, legend_below, panels

CLASSES = len(PALETTE)
PER_CLASS = 60
Labels = NDArray[np.int64]


def draw(archive: Archive) -> Drawing:
    """Draw one embedding twice: of the real samples alone, and with the boundary samples."""
    group = archive.group(archive.request.method)
    name = group.key.generator.name if group.key.generator else "none"
    record, samples = archive.sampled(group, f"{name}.real", f"{name}.boundary", f"{name}.labels")
    labels = samples[f"{name}.labels"].astype(np.int64)
    kept = shown_samples(labels)
    classes, places = np.unique(labels[kept], return_inverse=True)
    data = open_record_data(archive.request, group.comparison)
    names = data.names(data.split.seen_classes[classes])
    real, boundary = embed([samples[f"{name}.{kind}"][kept] for kind in ("real", "boundary")])
    figure, (axes,) = panels(1, 2, 4.0, 4.2)
    for each in axes:
        class_dots(each, real, places, names, 14)
    class_dots(axes[1], boundary, places, [""] * len(names), 20, "x")
    axes[1].scatter([], [], s=20, color="black", marker="x", linewidths=0.8, label="boundary sample")
    planes(axes, ("real samples", "real and boundary samples"), (real, boundary))
    legend_below(figure, axes, 4)
    what = (
        f"t-SNE of training samples of {len(names)} seen classes (dots) and of the boundary samples that "
        f"{group.name} mined from them (crosses), all embedded at once."
    )
    return Drawing(figure, what, [group], [record.key.seed])


def shown_samples(labels: Labels) -> Labels:
    """Choose positions of samples: of as many classes as there are colours, up to 60 each."""
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)[:CLASSES]]
    return np.concatenate([each[spread(len(each), PER_CLASS)] for each in members])
