"""U, S and H over the settings of a method that were swept (GSMFlow, Fig. 7; early-GAN, Fig. 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TypeGuard

from matplotlib.axes import Axes

from gzslbench.errors import RecordError, UsageError, nearest
from gzslbench.records.record import Json
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.drawing import Drawing
from gzslbench.report.figures.style import BLUE, GREEN, VERMILION, legend_below, panel_row_by_row
from gzslbench.report.groups import Group
from gzslbench.report.installed import Installed
from gzslbench.report.method_itself import differing_names, relatives
from gzslbench.report.settings import values_of

LEAST_VALUES = 3
COLUMNS = 3
LOGARITHMIC_FROM = 30
"""Values whose largest is more than so many times the smallest are drawn on a logarithmic axis, linear near 0."""
LINES = (("U", "u", GREEN, "s"), ("S", "s", BLUE, "^"), ("H", "h", VERMILION, "o"))


def draw(archive: Archive) -> Drawing:
    """Draw a panel for each setting that was swept over three values or more."""
    base = archive.group(archive.request.method)
    sweeps = chosen_sweeps(archive, base)
    columns = min(COLUMNS, len(sweeps))
    figure, axes = panel_row_by_row(len(sweeps), columns, 3.4 if columns > 1 else 5.0, 2.9, sharey=True)
    for each, (setting, points) in zip(axes, sweeps.items(), strict=True):
        _panel(each, setting, points, values_of(base)[setting])
    for each in axes[::columns]:
        each.set_ylabel("accuracy (%)")
    legend_below(figure, axes[:1], 4)
    groups = [group for points in sweeps.values() for group in points.values()]
    what = (
        f"U, S and H of {base.name} over one setting at a time, the others staying as they are. The dotted "
        "line marks the usual value."
    )
    if any(len(group.seeds) > 1 for group in groups):
        what += " Lines are means over seeds, bands one standard deviation to either side."
    return Drawing(figure, what, groups)


def chosen_sweeps(archive: Archive, base: Group) -> dict[str, Mapping[float, Group]]:
    """Give the sweep that was asked for, or else all that have enough values.

    Where points share seeds, they are cut down to these: means over other seeds differ by more than the setting.
    Raises :class:`RecordError` naming the command that sweeps where there is none.
    """
    wanted = archive.request.setting or archive.request.figure.setting
    if wanted and wanted not in (known := values_of(base)):
        raise UsageError(f"'{base.method}' has no setting '{wanted}'", nearest(wanted, known))
    enough = {}
    for setting, points in swept(base, archive.groups()).items():
        if len(points) >= LEAST_VALUES and wanted in ("", setting):
            shared = frozenset.intersection(*(group.seeds for group in points.values()))
            enough[setting] = {value: group.over(shared) for value, group in points.items()} if shared else points
    if not enough:
        raise _no_sweep(archive, base, wanted)
    return enough


def swept(base: Group, groups: Iterable[Group]) -> Mapping[str, Mapping[float, Group]]:
    """Find the settings that were swept around ``base``: for each its values in ascending order, the base's included.

    A group belongs to the sweep of a setting if it differs from the base in that one alone. Settings that are not
    numbers are left out.
    """
    own = {name: value for name, value in values_of(base).items() if _is_number(value)}
    found: dict[str, dict[float, Group]] = {}
    for group in relatives(base, groups):
        names = differing_names(base, group)
        if len(names) == 1 and names <= own.keys():
            (name,) = names
            value = values_of(group).get(name)
            if _is_number(value):
                found.setdefault(name, {})[value] = group
    return {name: dict(sorted((points | {own[name]: base}).items())) for name, points in sorted(found.items())}


def _no_sweep(archive: Archive, base: Group, wanted: str) -> RecordError:
    """Name the command by the values that the method's plugin declares, where it does."""
    method = Installed.find(archive.request.files).methods.get(base.method)
    declared: Mapping[str, Sequence[object]] = (method and method.info.sweeps) or {}
    setting = wanted or next(iter(declared), "COMPONENT.SETTING")
    values = ",".join(map(str, declared.get(setting, ("VALUE", "VALUE", "VALUE"))))
    command = archive.request.run_command(base.method, archive.data_set, base.base_budget, grid=f"{setting}={values}")
    others = [] if wanted else [name for name in declared if name != setting]
    return RecordError(
        f"no record of '{base.method}' on '{archive.data_set}' sweeps {wanted or 'a setting'} over "
        f"{LEAST_VALUES} values or more",
        f"make some with: {command}" + (f" (and likewise for {', '.join(others)})" if others else ""),
    )


def _panel(axes: Axes, setting: str, points: Mapping[float, Group], usual: float) -> None:
    values = list(points)
    for label, metric, colour, marker in LINES:
        means, deviations = percentages(points.values(), metric)
        axes.plot(values, means, color=colour, marker=marker, markersize=4, label=label)
        low, high = ([m + sign * d for m, d in zip(means, deviations, strict=True)] for sign in (-1, 1))
        axes.fill_between(values, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.axvline(usual, color="black", linestyle="dotted", linewidth=1, label="usual value")
    axes.set_xlabel(setting)
    positive = [value for value in values if value > 0]
    if positive and min(values) >= 0 and max(positive) > LOGARITHMIC_FROM * min(positive):
        linear = {"linthresh": min(positive)} if 0 in values else {}
        axes.set_xscale("symlog" if linear else "log", **linear)


def percentages(groups: Iterable[Group], metric: str) -> tuple[list[float], list[float]]:
    """Give a metric's mean in each group, and its standard deviations: 0 where there is a single value."""
    summaries = [group.summary(attrgetter(metric)) for group in groups]
    return [100 * each.mean for each in summaries], [100 * (each.sd or 0.0) for each in summaries]


def _is_number(value: Json) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
