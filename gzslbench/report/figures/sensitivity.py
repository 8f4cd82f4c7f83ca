"""U, S and H over the settings of a method that were swept (GSMFlow, Fig. 7; early-GAN, Fig. 7)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import attrgetter

from matplotlib.axes import Axes

from gzslbench.errors import RecordError
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.caption import caption
from gzslbench.report.figures.choice import declared_methods, swept
from gzslbench.report.figures.style import BLUE, GREEN, VERMILION, Drawing, legend_below, panels
from gzslbench.report.groups import Group
from gzslbench.report.settings import values_of

LEAST_VALUES = 3
COLUMNS = 3
LOGARITHMIC_FROM = 30
"""Values whose largest is more than so many times the smallest are drawn on a logarithmic axis."""
LINES = (("U", "u", GREEN, "s"), ("S", "s", BLUE, "^"), ("H", "h", VERMILION, "o"))


def draw(archive: Archive) -> Drawing:
    """Draw a panel for each setting that was swept over three values or more."""
    base = archive.group(archive.request.method)
    sweeps = chosen_sweeps(archive, base)
    columns = min(COLUMNS, len(sweeps))
    figure, grid = panels(math.ceil(len(sweeps) / columns), columns, 3.4 if columns > 1 else 5.0, 2.9, sharey=True)
    axes = [each for row in grid for each in row]
    for each, (setting, points) in zip(axes, sweeps.items(), strict=False):
        _panel(each, setting, points, values_of(base)[setting])
    for spare in axes[len(sweeps) :]:
        spare.remove()
    for row in grid:
        row[0].set_ylabel("accuracy (%)")
    legend_below(figure, axes[:1], 4)
    groups = [group for points in sweeps.values() for group in points.values()]
    what = (
        f"U, S and H of {base.method} over one setting at a time, the others staying as they are. Lines are means over "
        "seeds, bands one standard deviation to either side; the dotted line marks the usual value."
    )
    return Drawing(figure, caption(archive.request.figure, what, groups), archive.data_set)


def chosen_sweeps(archive: Archive, base: Group) -> dict[str, Mapping[float, Group]]:
    """Give the sweep that was asked for, or else all that have enough values.

    Where points share seeds, they are cut down to these: means over other seeds differ by more than the setting.
    Raises :class:`RecordError` naming the command that sweeps where there is none.
    """
    wanted = archive.request.setting or archive.request.figure.setting
    found = swept(base, archive.groups())
    enough = {
        setting: _over_shared_seeds(points)
        for setting, points in found.items()
        if len(points) >= LEAST_VALUES and wanted in ("", setting)
    }
    if not enough:
        raise _no_sweep(archive, base, wanted)
    return enough


def _over_shared_seeds(points: Mapping[float, Group]) -> Mapping[float, Group]:
    shared = frozenset.intersection(*(group.seeds for group in points.values()))
    return {value: group.over(shared) for value, group in points.items()} if shared else points


def _no_sweep(archive: Archive, base: Group, wanted: str) -> RecordError:
    """Name the command by the values that the method's plugin declares, where it does."""
    method = declared_methods().get(base.method)
    declared: Mapping[str, Sequence[object]] = (method and method.sweeps) or {}
    setting = wanted or next(iter(declared), "COMPONENT.SETTING")
    values = ",".join(map(str, declared.get(setting, ("VALUE", "VALUE", "VALUE"))))
    command = archive.request.run_command(
        base.method, archive.data_set, base.results[0].budget, grid=f"{setting}={values}"
    )
    others = [] if wanted else [name for name in declared if name != setting]
    return RecordError(
        f"no record of '{base.method}' on '{archive.data_set}' sweeps {wanted or 'a setting'} over "
        f"{LEAST_VALUES} values or more",
        f"make some with: {command}" + (f" (and likewise for {', '.join(others)})" if others else ""),
    )


def _panel(axes: Axes, setting: str, points: Mapping[float, Group], usual: float) -> None:
    values = list(points)
    for label, metric, colour, marker in LINES:
        summaries = [group.summary(attrgetter(metric)) for group in points.values()]
        means = [100 * each.mean for each in summaries]
        deviations = [100 * (each.sd or 0.0) for each in summaries]
        axes.plot(values, means, color=colour, marker=marker, markersize=4, label=label)
        low, high = ([m + sign * d for m, d in zip(means, deviations, strict=True)] for sign in (-1, 1))
        axes.fill_between(values, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.axvline(usual, color="black", linestyle="dotted", linewidth=1, label="usual value")
    axes.set_xlabel(setting)
    scale_by(axes, values)


def scale_by(axes: Axes, values: Sequence[float]) -> None:
    """Make the x axis logarithmic where the values span far, linear near a zero among them."""
    positive = [value for value in values if value > 0]
    if not positive or max(positive) <= LOGARITHMIC_FROM * min(positive) or min(values) < 0:
        return
    if len(positive) == len(values):
        axes.set_xscale("log")
    else:
        axes.set_xscale("symlog", linthresh=min(positive))
