"""Histograms of the entropies by which a gate decides, in training and at test time (early-GAN, Fig. 2 and 4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gzslbench.records.record import Record
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.drawing import Drawing
from gzslbench.report.figures.record_data import RecordData, open_record_data
from gzslbench.report.figures.style import BLUE, ORANGE, VERMILION, legend_below, panels
from gzslbench.report.groups import Group

BINS = 30
Histograms = dict[str, dict[str, NDArray[np.floating]]]
"""Entropies in nats, by the time (training, test) and by the samples that they are of."""


def draw(archive: Archive) -> Drawing:
    """Draw a row of two histograms for each method."""
    groups = archive.predicted(archive.request.methods)
    data = open_record_data(archive.request, groups[0].comparison)
    records, rows = zip(*(entropies(archive, group, data) for group in groups), strict=True)
    highest = max(float(np.max(values)) for row in rows for shown in row.values() for values in shown.values())
    bins = np.linspace(0, highest, BINS + 1).tolist()
    figure, grid = panels(len(rows), 2, 3.9, 2.6, sharex=True, sharey="row")
    for group, row, axes in zip(groups, rows, grid, strict=True):
        for each, (time, shown), outside in zip(axes, row.items(), (ORANGE, VERMILION), strict=True):
            for (label, values), colour in zip(shown.items(), (BLUE, outside), strict=True):
                weights = np.full(len(values), 1 / len(values))
                each.hist(np.clip(values, 0, highest), bins, weights=weights, color=colour, alpha=0.6, label=label)
            for name in ("delta_l", "delta_h"):
                threshold = float(group.key.gate.config[name])
                each.axvline(threshold, color="black", linestyle="dashed", linewidth=1, label="thresholds")
            each.set_title(f"{group.name}: {time}")
        axes[0].set_ylabel("share of the samples")
    for each in grid[-1]:
        each.set_xlabel("entropy (nats)")
    legend_below(figure, grid[0], 4)
    what = (
        "Entropies of the classifier of seen classes. Left: training samples and proxies; right: test samples. Each "
        "histogram sums to 1; dashed lines are the thresholds delta_l and delta_h."
    )
    return Drawing(figure, what, groups, [record.key.seed for record in records])


def entropies(archive: Archive, group: Group, data: RecordData) -> tuple[Record, Histograms]:
    """Gather the entropies of one record; raises :class:`RecordError` where they were not kept."""
    names = [f"{group.key.gate.name}.{kind}_entropy" for kind in ("seen", "proxy")]
    record, samples = archive.sampled(group, *names)
    predictions = archive.predictions(record)
    if predictions.gate_score is None:
        raise archive.lacking(group, "the gate's score")
    unseen = np.isin(predictions.samples, data.split.test_unseen)
    seen_entropy, proxy_entropy = (samples[name].astype(np.float32) for name in names)
    return record, {
        "training": {"seen classes": seen_entropy, "proxies": proxy_entropy},
        "test": {"seen classes": predictions.gate_score[~unseen], "unseen classes": predictions.gate_score[unseen]},
    }
