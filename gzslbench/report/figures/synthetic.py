"""Real and synthetic features of unseen classes (GSMFlow, Fig. 9)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from gzslbench.errors import UsageError
from gzslbench.records.samples import KEPT_CLASSES, KEPT_PER_CLASS
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.caption import caption
from gzslbench.report.figures.embedding import embed, spread
from gzslbench.report.figures.style import PALE, Drawing, class_style, dots, legend_below, panels, planes
from gzslbench.report.figures.world import FloatArray, RecordData, open_world
from gzslbench.report.groups import Group

COLUMNS = 2


def draw(archive: Archive) -> Drawing:
    """Draw the real test samples, then each method's synthetic features over them, in one joint embedding."""
    groups = [archive.group(method) for method in archive.request.methods]
    found = [archive.sampled(group, "synthetic") for group in groups]
    world = open_world(archive.request, groups[0].comparison)
    synthetic = [
        _in_feature_space(group, samples["synthetic"], world) for group, (_, samples) in zip(groups, found, strict=True)
    ]
    features, labels = real_features(world)
    real, *made = embed([features, *(each.reshape(-1, each.shape[-1]) for each in synthetic)])
    names = world.names(world.split.unseen_classes[:KEPT_CLASSES])
    columns = min(COLUMNS, len(groups) + 1) if len(groups) + 1 != 3 else 3
    figure, grid = panels(-(-(len(groups) + 1) // columns), columns, 3.5, 3.7)
    axes = [each for row in grid for each in row]
    _scatter(axes[0], real, labels, names)
    for each, points, array in zip(axes[1:], made, synthetic, strict=False):
        dots(each, real, 8, PALE, label="real test sample")
        _scatter(each, points, np.repeat(np.arange(array.shape[0]), array.shape[1]), names)
    for spare in axes[len(groups) + 1 :]:
        spare.remove()
    shown = axes[: len(groups) + 1]
    planes(shown, ["real test samples", *(group.method for group in groups)], [real, *made])
    legend_below(figure, shown, 4)
    what = (
        f"t-SNE of test samples of the first {len(names)} unseen classes, and of what each method synthesised of them, "
        "all embedded at once; in a method's panel the real samples are grey."
    )
    seeds = [record.key.seed for record, _ in found]
    return Drawing(figure, caption(archive.request.figure, what, groups, seeds), archive.data_set)


def real_features(world: RecordData) -> tuple[FloatArray, NDArray[np.int64]]:
    """Give test features (n, d) of the first unseen classes, up to 50 each, and each one's place among the classes."""
    tests = world.split.test_unseen
    members = [tests[world.labels(tests) == row] for row in world.split.unseen_classes[:KEPT_CLASSES]]
    chosen = [each[spread(len(each), KEPT_PER_CLASS)] for each in members]
    places = np.repeat(np.arange(len(chosen)), [len(each) for each in chosen])
    return world.features(np.concatenate(chosen)), places


def _in_feature_space(group: Group, synthetic: NDArray[np.generic], world: RecordData) -> NDArray[np.generic]:
    if synthetic.shape[-1] != world.data_set.features.shape[1]:
        raise UsageError(
            f"'{group.method}' synthesises codes of {synthetic.shape[-1]} dimensions, not features of the data set",
            "draw methods that synthesise features",
        )
    return synthetic


def _scatter(axes: Axes, points: NDArray[np.float32], places: NDArray[np.int64], names: list[str]) -> None:
    for place, name in enumerate(names):
        colour, marker = class_style(place)
        dots(axes, points[places == place], 12, colour, marker, name)
