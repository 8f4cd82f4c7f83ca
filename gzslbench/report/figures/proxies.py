"""What a GAN generates as its training goes on, among real samples (early-GAN, Fig. 3)."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from gzslbench.records.record import Record
from gzslbench.records.samples import Samples
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.caption import caption
from gzslbench.report.figures.embedding import embed, spread
from gzslbench.report.figures.style import BLUE, ORANGE, PURPLE, Drawing, dots, legend_below, panels, planes
from gzslbench.report.figures.world import open_world
from gzslbench.report.groups import Group

REAL = 400
"""Real samples shown of each domain."""
COLUMNS = 3


def draw(archive: Archive) -> Drawing:
    """Draw a panel for each state of the generator that was kept, in one joint embedding."""
    group = archive.group(archive.request.method)
    record, steps = kept_states(archive, group)
    world = open_world(archive.request, group.comparison)
    samples = [rows[spread(len(rows), REAL)] for rows in (world.split.trainval, world.split.test_unseen)]
    seen, unseen, *generated = embed([*map(world.features, samples), *steps.values()])
    columns = min(COLUMNS, len(steps))
    figure, grid = panels(-(-len(steps) // columns), columns, 3.0, 3.2)
    axes = [each for row in grid for each in row]
    for each, points in zip(axes, generated, strict=False):
        dots(each, seen, 7, BLUE, "o", "real, seen classes")
        dots(each, unseen, 9, PURPLE, "^", "real, unseen classes (test)")
        dots(each, points, 12, ORANGE, "x", "generated")
    for spare in axes[len(steps) :]:
        spare.remove()
    planes(axes[: len(steps)], [f"step {step}" for step in steps], [seen, unseen, *generated])
    legend_below(figure, axes[:1], 3)
    what = (
        f"t-SNE of samples that the GAN of {group.method} generates after a number of generator steps, with real "
        "training samples and real test samples of unseen classes; all panels are embedded at once."
    )
    return Drawing(figure, caption(archive.request.figure, what, [group], [record.key.seed]), archive.data_set)


def kept_states(archive: Archive, group: Group) -> tuple[Record, dict[int, NDArray[np.generic]]]:
    """Give the first record that kept samples of the generator's states, and these by step."""
    record, samples = archive.sampled(group, f"{_generator(group)}.step 0")
    return record, _by_step(samples, _generator(group))


def _by_step(samples: Samples, generator: str) -> dict[int, NDArray[np.generic]]:
    matches = {name: re.fullmatch(rf"{re.escape(generator)}\.step (\d+)", name) for name in samples}
    steps = {int(match[1]): samples[name] for name, match in matches.items() if match}
    return dict(sorted(steps.items()))


def _generator(group: Group) -> str:
    return group.key.generator.name if group.key.generator else "none"
