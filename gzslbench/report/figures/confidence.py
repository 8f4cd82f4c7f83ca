"""H by proxies of one state of the GAN, and the Confidence Score, over its training (early-GAN, Fig. 5 and Table 4)."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from operator import attrgetter

from matplotlib.axes import Axes

from gzslbench.records.record import Record
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.caption import caption
from gzslbench.report.figures.sensitivity import chosen_sweeps
from gzslbench.report.figures.style import BLUE, PALE, VERMILION, Drawing, panels
from gzslbench.report.groups import Group
from gzslbench.report.settings import values_of


def draw(archive: Archive) -> Drawing:
    """Draw H above the Confidence Score, over the same generator steps."""
    setting = archive.request.figure.setting
    base = archive.group(archive.request.method, having={setting: 0})
    generator = setting.partition(".")[0]
    steps = values_of(base)[f"{generator}.steps"]
    by_share = chosen_sweeps(archive, base)[setting]
    pooled = by_share[0]
    points = {share * steps: group for share, group in by_share.items() if share > 0}
    record = scored_record(archive, base, generator)
    figure, ((above,), (below,)) = panels(2, 1, 5.2, 2.3, sharex=True)
    _draw_h(above, points, pooled)
    _draw_scores(below, record, generator)
    what = (
        f"Above: H of {base.method} if all proxies come from the generator's state after one number of steps, mean "
        "over seeds and one standard deviation to either side; the dashed line is H with the proxies of all "
        f"admissible states. Below: Confidence Score of the generator's samples (seed {record.key.seed}); states "
        f"within the grey band s_l to s_h are admissible. {_over_admissible(archive, points, generator)}"
    )
    return Drawing(figure, caption(archive.request.figure, what, [pooled, *points.values()]), archive.data_set)


def admissible_h(records: Iterable[Record], generator: str) -> list[float]:
    """Give H of the records whose proxies come from one state with s_l < CS < s_h (Table 4)."""
    found = []
    for record in records:
        low, high = record.notes[f"{generator}.confidence_band"]
        if low < record.notes[f"{generator}.confidence_scores"][-1] < high:
            found.append(record.metrics.h)
    return found


def _over_admissible(archive: Archive, points: dict[float, Group], generator: str) -> str:
    records = [record for group in points.values() for record in archive.records(group)]
    h = admissible_h(records, generator)
    if len(h) < 2:
        return f"Of the {len(records)} single states {len(h)} are admissible."
    mean, deviation = 100 * statistics.fmean(h), 100 * statistics.stdev(h)
    return f"H over the {len(h)} admissible of {len(records)} single states: {mean:.1f} ± {deviation:.1f}."


def scored_record(archive: Archive, group: Group, generator: str) -> Record:
    """Give the first record of a group that notes its Confidence Scores."""
    for record in archive.records(group):
        if f"{generator}.confidence_scores" in record.notes:
            return record
    raise archive.lacking(group, "Confidence Scores")


def _draw_h(axes: Axes, points: dict[float, Group], pooled: Group) -> None:
    summaries = [group.summary(attrgetter("h")) for group in points.values()]
    means, deviations = (
        [100 * (value or 0.0) for value in each] for each in zip(*((s.mean, s.sd) for s in summaries), strict=True)
    )
    axes.errorbar(
        list(points), means, deviations, color=VERMILION, marker="o", markersize=4, capsize=3, label="one state"
    )
    axes.axhline(100 * pooled.h.mean, color="black", linestyle="dashed", linewidth=1, label="all admissible states")
    axes.set_ylabel("H (%)")
    axes.margins(y=0.25)
    axes.legend(loc="upper center", ncols=2)


def _draw_scores(axes: Axes, record: Record, generator: str) -> None:
    notes = {name: record.notes[f"{generator}.confidence_{name}"] for name in ("steps", "scores", "band")}
    low, high = notes["band"]
    axes.axhspan(low, high, color=PALE, alpha=0.5, linewidth=0, label="s_l to s_h")
    axes.plot(notes["steps"], notes["scores"], color=BLUE, marker="s", markersize=3, label="Confidence Score")
    axes.set(xlabel="generator steps", ylabel="Confidence Score")
    axes.margins(y=0.25)
    axes.legend(loc="upper center", ncols=2)
