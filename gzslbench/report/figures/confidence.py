"""H by proxies of one state of the GAN, and the Confidence Score, over its training (early-GAN, Fig. 5 and Table 4)."""

from __future__ import annotations

import statistics

from matplotlib.axes import Axes

from gzslbench.records.record import Record
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.drawing import Drawing
from gzslbench.report.figures.sensitivity import chosen_sweeps, percentages
from gzslbench.report.figures.style import BLUE, PALE, VERMILION, panels
from gzslbench.report.groups import Group
from gzslbench.report.settings import values_of


def draw(archive: Archive) -> Drawing:
    setting = archive.request.figure.setting
    base = archive.group(archive.request.method, having={setting: 0})
    generator = setting.partition(".")[0]
    steps = values_of(base)[f"{generator}.steps"]
    by_share = chosen_sweeps(archive, base)[setting]
    pooled = by_share[0]
    points = {share * steps: group for share, group in by_share.items() if share > 0}
    scored = f"{generator}.confidence_scores"
    record = next((each for each in archive.records(base) if scored in each.notes), None)
    if record is None:
        raise archive.lacking(base, "Confidence Scores")
    figure, ((above,), (below,)) = panels(2, 1, 5.2, 2.3, sharex=True)
    _draw_h(above, points, pooled)
    _draw_scores(below, record, generator)
    for each in (above, below):
        each.margins(y=0.25)
        each.legend(loc="upper center", ncols=2)
    single = [each for group in points.values() for each in archive.records(group)]
    what = (
        f"Above: H of {base.name} if all proxies come from the generator's state after one number of steps, mean "
        "over seeds and one standard deviation to either side; the dashed line is H with the proxies of all "
        f"admissible states. Below: Confidence Score of the generator's samples (seed {record.key.seed}); states "
        f"within the grey band s_l to s_h are admissible. {_over_admissible(single, generator)}"
    )
    return Drawing(figure, what, [pooled, *points.values()])


def _over_admissible(records: list[Record], generator: str) -> str:
    """Sum up H of the records whose proxies come from one state with s_l < CS < s_h (Table 4)."""
    h = []
    for record in records:
        low, high = record.notes[f"{generator}.confidence_band"]
        if low < record.notes[f"{generator}.confidence_scores"][-1] < high:
            h.append(record.metrics.h)
    if len(h) < 2:
        return f"Of the {len(records)} single states {len(h)} {'is' if len(h) == 1 else 'are'} admissible."
    mean, deviation = 100 * statistics.fmean(h), 100 * statistics.stdev(h)
    return f"H over the {len(h)} admissible of {len(records)} single states: {mean:.1f} ± {deviation:.1f}."


def _draw_h(axes: Axes, points: dict[float, Group], pooled: Group) -> None:
    means, deviations = percentages(points.values(), "h")
    axes.errorbar(
        list(points), means, deviations, color=VERMILION, marker="o", markersize=4, capsize=3, label="one state"
    )
    axes.axhline(100 * pooled.h.mean, color="black", linestyle="dashed", linewidth=1, label="all admissible states")
    axes.set_ylabel("H (%)")


def _draw_scores(axes: Axes, record: Record, generator: str) -> None:
    steps, scores, (low, high) = (record.notes[f"{generator}.confidence_{of}"] for of in ("steps", "scores", "band"))
    axes.axhspan(low, high, color=PALE, alpha=0.5, linewidth=0, label="s_l to s_h")
    axes.plot(steps, scores, color=BLUE, marker="s", markersize=3, label="Confidence Score")
    axes.set(xlabel="generator steps", ylabel="Confidence Score")
