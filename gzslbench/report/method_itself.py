"""Which of several rows of a method stands for it, and which are points of a sweep around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gzslbench.report.groups import Group
from gzslbench.report.settings import differing, settings_of


def method_itself(groups: Sequence[Group], everything: Sequence[Group]) -> Group:
    """Choose among rows of one method: that of its recipe or, among several or where none is, the one with most seeds.

    Among equals it is that of the latest code, then the one in the middle of the sweeps, which differs least from all
    its relatives in ``everything``, then the one that was run first.
    """
    possible = [group for group in groups if group.deviations == {}] or groups
    newest = {_but_settings(group): max(_times(relatives(group, possible))) for group in possible}
    latest = max(newest.values())

    def rank(group: Group) -> tuple[int, bool, int, str, str]:
        distance = sum(len(differing_names(group, other)) for other in relatives(group, everything))
        current = newest[_but_settings(group)] == latest
        return -len(group.seeds), not current, distance, min(_times([group])), group.key.digest()

    return min(possible, key=rank)


def relatives(group: Group, groups: Iterable[Group]) -> list[Group]:
    """Give the groups that may differ from ``group`` in settings and in nothing else, itself included."""
    return [each for each in groups if _but_settings(each) == _but_settings(group)]


def differing_names(one: Group, other: Group) -> set[str]:
    """Name the settings in which relatives differ, one of a component in two roles once."""
    return {name for _, name in differing(settings_of(one.key.parts), settings_of(other.key.parts))}


def _but_settings(group: Group) -> str:
    bare = group.key.parts.map(lambda part: replace(part, config={}))
    return f"{replace(group.key, **bare._asdict()).digest()} {group.comparison.split_hash}"


def _times(groups: Iterable[Group]) -> list[str]:
    return [result.created for group in groups for result in group.results]
