"""Captions: what was run, what is drawn of it, and which published figure it is modelled on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from gzslbench.report.figures.catalogue import FigureInfo
from gzslbench.report.groups import Group


def caption(figure: FigureInfo, what: str, groups: Sequence[Group], seeds: Iterable[int] | None = None) -> str:
    """Describe a figure of ``groups``; ``seeds`` where not all of theirs are drawn."""
    facts = [_facts(of_place, seeds) for of_place in _by_place(groups).values()]
    return f"{what} {_capitalised('; '.join(facts))}. After {figure.source}."


def _facts(groups: Sequence[Group], seeds: Iterable[int] | None) -> str:
    """Describe groups of one data set, split and protocol."""
    drawn = sorted({seed for group in groups for seed in group.seeds} if seeds is None else set(seeds))
    return f"{_place(groups[0])}, budget {_joined(group.budget for group in groups)}, {seeds_named(drawn)}"


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


def _by_place(groups: Iterable[Group]) -> dict[str, list[Group]]:
    places: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        places[_place(group)].append(group)
    return places


def _place(group: Group) -> str:
    comparison = group.comparison
    return f"data set {comparison.data_set} ({comparison.split}), protocol {comparison.protocol}"


def _joined(names: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(names))


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
