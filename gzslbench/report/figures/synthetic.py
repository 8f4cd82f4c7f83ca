"""Real and synthetic features of unseen classes (GSMFlow, Fig. 9)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import UsageError
from gzslbench.records.arrays import KEPT_CLASSES, KEPT_PER_CLASS
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.drawing import Drawing
from gzslbench.report.figures.embedding import class_dots, dots, embed, planes, spread
from gzslbench.report.figures.record_data import FloatArray, RecordData, open_record_data
from gzslbench.report.figures.style import PALE, legend_below, panel_row_by_row


def draw(archive: Archive) -> Drawing:
    """Draw the real test samples, then each method's synthetic features over them, in one joint embedding."""
    groups = archive.groups_of(archive.request.methods)
    records, samples = zip(*(archive.sampled(group, "synthetic") for group in groups), strict=True)
    synthetic = [each["synthetic"] for each in samples]
    data = open_record_data(archive.request, groups[0].comparison)
    for group, array in zip(groups, synthetic, strict=True):
        if array.shape[-1] != data.data_set.features.shape[1]:
            raise UsageError(
                f"'{group.method}' synthesises codes of {array.shape[-1]} dimensions, not features of the data set",
                "draw methods that synthesise features",
            )
    features, labels = real_features(data)
    real, *made = embed([features, *(each.reshape(-1, each.shape[-1]) for each in synthetic)])
    names = data.names(data.split.unseen_classes[:KEPT_CLASSES])
    titles = ["real test samples", *(group.name for group in groups)]
    figure, axes = panel_row_by_row(len(titles), 3 if len(titles) == 3 else 2, 3.5, 3.7)
    class_dots(axes[0], real, labels, names, 12)
    for each, points, array in zip(axes[1:], made, synthetic, strict=True):
        dots(each, real, 8, PALE, label="real test sample")
        class_dots(each, points, np.repeat(np.arange(array.shape[0]), array.shape[1]), names, 12)
    planes(axes, titles, [real, *made])
    legend_below(figure, axes, 4)
    what = (
        f"t-SNE of test samples of the first {len(names)} unseen classes, and of what each method synthesised of them, "
        "all embedded at once; in a method's panel the real samples are grey."
    )
    return Drawing(figure, what, groups, [record.key.seed for record in records])


def real_features(data: RecordData) -> tuple[FloatArray, NDArray[np.int64]]:
    """Give test features (n, d) of the first unseen classes, up to 50 each, and each one's place among the classes."""
    tests = data.split.test_unseen
    members = [tests[data.labels(tests) == row] for row in data.split.unseen_classes[:KEPT_CLASSES]]
    chosen = [each[spread(len(each), KEPT_PER_CLASS)] for each in members]
    places = np.repeat(np.arange(len(chosen)), [len(each) for each in chosen])
    return data.features(np.concatenate(chosen)), places
