"""What a GAN generates as its training goes on, among real samples (early-GAN, Fig. 3)."""

from __future__ import annotations

import re

from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.drawing import Drawing
from gzslbench.report.figures.embedding import dots, embed, planes, spread
from gzslbench.report.figures.record_data import open_record_data
from gzslbench.report.figures.style import BLUE, ORANGE, PURPLE, legend_below, panel_row_by_row

REAL = 400
"""Real samples shown of each domain."""
COLUMNS = 3


def draw(archive: Archive) -> Drawing:
    """Draw a panel for each state of the generator that was kept, in one joint embedding."""
    group = archive.group(archive.request.method)
    generator = group.key.generator.name if group.key.generator else "none"
    record, kept = archive.sampled(group, f"{generator}.step 0")
    matches = {name: re.fullmatch(rf"{re.escape(generator)}\.step (\d+)", name) for name in kept}
    steps = dict(sorted((int(match[1]), kept[name]) for name, match in matches.items() if match))
    data = open_record_data(archive.request, group.comparison)
    samples = [rows[spread(len(rows), REAL)] for rows in (data.split.trainval, data.split.test_unseen)]
    seen, unseen, *generated = embed([*map(data.features, samples), *steps.values()])
    figure, axes = panel_row_by_row(len(steps), min(COLUMNS, len(steps)), 3.0, 3.2)
    for each, points in zip(axes, generated, strict=True):
        dots(each, seen, 7, BLUE, "o", "real, seen classes")
        dots(each, unseen, 9, PURPLE, "^", "real, unseen classes (test)")
        dots(each, points, 12, ORANGE, "x", "generated")
    planes(axes, [f"step {step}" for step in steps], [seen, unseen, *generated])
    legend_below(figure, axes[:1], 3)
    what = (
        f"t-SNE of samples that the GAN of {group.name} generates after a number of generator steps, with real "
        "training samples and real test samples of unseen classes; all panels are embedded at once."
    )
    return Drawing(figure, what, [group], [record.key.seed])
