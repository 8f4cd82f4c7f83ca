"""Captions: what was run, what is drawn of it, and which published figure it is modelled on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from gzslbench.report.figures.catalogue import FigureInfo
from gzslbench.report.groups import Group


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure, ``what`` it shows, and of which groups; ``seeds`` where not all of theirs are drawn."""

    figure: Figure
    what: str
    groups: Sequence[Group]
    seeds: Sequence[int] | None = None

    @property
    def data_set(self) -> str:
        """The name of the data set, ``all`` for several."""
        first, *others = {group.comparison.data_set for group in self.groups}
        return "all" if others else first


def caption(info: FigureInfo, drawing: Drawing) -> str:
    """Describe a drawing; what all groups of a data set, split and protocol share is said once."""
    alike: dict[str, list[Group]] = defaultdict(list)
    for group in drawing.groups:
        comparison = group.comparison
        alike[f"data set {comparison.data_set} ({comparison.split}), protocol {comparison.protocol}"].append(group)
    facts = []
    for place, groups in alike.items():
        budgets = "; ".join(dict.fromkeys(group.budget for group in groups))
        seeds = frozenset[int]().union(*(group.seeds for group in groups)) if drawing.seeds is None else drawing.seeds
        facts.append(f"{place}, budget {budgets}, {seeds_named(sorted(set(seeds)))}")
    return f"{drawing.what} {'; '.join(facts).replace('data set', 'Data set', 1)}. After {info.source}."


def seeds_named(seeds: Sequence[int]) -> str:
    """Write seeds as the command line takes them: ``seeds 0-4``."""
    runs: list[list[int]] = []
    for seed in seeds:
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    written = ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
    return f"seed{'s' if len(seeds) > 1 else ''} {written}"
