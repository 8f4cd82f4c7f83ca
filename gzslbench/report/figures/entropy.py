"""Histograms of the entropies by which a gate decides, in training and at test time (early-GAN, Fig. 2 and 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.caption import caption
from gzslbench.report.figures.style import BLUE, ORANGE, VERMILION, Drawing, legend_below, panels
from gzslbench.report.figures.world import RecordData, open_world
from gzslbench.report.groups import Group

BINS = 30
Entropies = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Row:
    """What a row of the figure shows: entropies in nats, of training samples and test samples, and the thresholds."""

    method: str
    seed: int
    training: dict[str, Entropies]
    test: dict[str, Entropies]
    thresholds: tuple[float, float]


def draw(archive: Archive) -> Drawing:
    """Draw a row of two histograms for each method."""
    groups = [archive.group(method) for method in archive.request.methods]
    world = open_world(archive.request, groups[0].comparison)
    rows = [entropies(archive, group, world) for group in groups]
    highest = max(
        float(np.max(values)) for row in rows for shown in (row.training, row.test) for values in shown.values()
    )
    bins = np.linspace(0, highest, BINS + 1).tolist()
    figure, grid = panels(len(rows), 2, 3.9, 2.6, sharex=True, sharey="row")
    for row, axes in zip(rows, grid, strict=True):
        for each, shown, time, outside in zip(
            axes, (row.training, row.test), ("training", "test"), (ORANGE, VERMILION), strict=True
        ):
            _histogram(each, shown, bins, (BLUE, outside), row.thresholds)
            each.set_title(f"{row.method}: {time}")
        axes[0].set_ylabel("share of the samples")
    for each in grid[-1]:
        each.set_xlabel("entropy (nats)")
    legend_below(figure, grid[0], 4)
    what = (
        "Entropies of the classifier of seen classes. Left: training samples and proxies; right: test samples. Each "
        "histogram sums to 1; dashed lines are the thresholds delta_l and delta_h."
    )
    seeds = [row.seed for row in rows]
    return Drawing(figure, caption(archive.request.figure, what, groups, seeds), archive.data_set)


def entropies(archive: Archive, group: Group, world: RecordData) -> Row:
    """Gather the entropies of one seed; raises :class:`RecordError` where they were not kept."""
    gate = group.key.gate
    names = [f"{gate.name}.seen_entropy", f"{gate.name}.proxy_entropy"]
    record, samples = archive.sampled(group, *names)
    predictions = archive.predictions(record)
    if predictions.gate_score is None:
        raise archive.lacking(group, "the gate's score")
    unseen = world.is_unseen(predictions.samples)
    seen_entropy, proxy_entropy = (samples[name].astype(np.float32) for name in names)
    return Row(
        group.method,
        record.key.seed,
        training={"seen classes": seen_entropy, "proxies": proxy_entropy},
        test={"seen classes": predictions.gate_score[~unseen], "unseen classes": predictions.gate_score[unseen]},
        thresholds=(float(gate.config["delta_l"]), float(gate.config["delta_h"])),
    )


def _histogram(
    axes: Axes,
    shown: dict[str, Entropies],
    bins: list[float],
    colours: tuple[str, str],
    thresholds: tuple[float, float],
) -> None:
    for (label, values), colour in zip(shown.items(), colours, strict=True):
        weights = np.full(len(values), 1 / len(values))
        axes.hist(np.clip(values, bins[0], bins[-1]), bins, weights=weights, color=colour, alpha=0.6, label=label)
    for threshold in thresholds:
        axes.axvline(threshold, color="black", linestyle="dashed", linewidth=1, label="thresholds")
