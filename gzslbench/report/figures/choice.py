"""Which of a method's configurations is the method itself, and which are points of a sweep around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from gzslbench.contract.info import Method
from gzslbench.records.differences import flat
from gzslbench.records.record import Json, PartKey
from gzslbench.registry.declarations import find_plugins, read_listing
from gzslbench.report.groups import Group


def settings_of(group: Group) -> dict[str, Json]:
    """Give the settings of all components as ``component.setting``."""
    return {
        f"{part.name}.{name}": value
        for part in _parts(group)
        if part and part.config
        for name, value in flat(part.config).items()
    }


def differing(one: Group, other: Group) -> list[str]:
    """Name the settings in which two groups differ."""
    mine, theirs = settings_of(one), settings_of(other)
    names = sorted(mine.keys() | theirs.keys())
    return [name for name in names if name not in mine or name not in theirs or mine[name] != theirs[name]]


def relatives(group: Group, groups: Iterable[Group]) -> list[Group]:
    """Give the groups that may differ from ``group`` in settings and in nothing else, itself included."""
    return [each for each in groups if _but_settings(each) == _but_settings(group)]


def typical(groups: Sequence[Group], everything: Sequence[Group]) -> Group:
    """Choose among configurations of one method: the one with most seeds.

    Among equals it is that of the latest code, then the one in the middle of the sweeps, which differs least from all
    its relatives in ``everything``, then the one that was run first.
    """
    newest = {_but_settings(group): max(_times(relatives(group, groups))) for group in groups}
    latest = max(newest.values())

    def rank(group: Group) -> tuple[int, bool, int, str, str]:
        distance = sum(len(differing(group, other)) for other in relatives(group, everything))
        current = newest[_but_settings(group)] == latest
        return -len(group.seeds), not current, distance, min(_times([group])), group.key.digest()

    return min(groups, key=rank)


def swept(base: Group, groups: Iterable[Group]) -> Mapping[str, Mapping[float, Group]]:
    """Find the settings that were swept around ``base``: for each its values in ascending order, the base's included.

    A group belongs to the sweep of a setting if it differs from the base in that one alone. Settings that are no
    numbers are left out.
    """
    found: dict[str, dict[float, Group]] = {}
    for group in relatives(base, groups):
        names = differing(base, group)
        if len(names) == 1 and _is_number(settings_of(group).get(names[0])):
            (name,) = names
            found.setdefault(name, {})[settings_of(group)[name]] = group
    own = settings_of(base)
    whole = {name: points | {own[name]: base} for name, points in found.items() if _is_number(own.get(name))}
    return {name: dict(sorted(points.items())) for name, points in sorted(whole.items())}


def declared_methods() -> dict[str, Method]:
    """Read the named methods of all plugins from their source, without importing any."""
    return {each.info.name: each.info for each in read_listing(find_plugins()) if isinstance(each.info, Method)}


def _parts(group: Group) -> tuple[PartKey | None, PartKey, PartKey]:
    return group.key.generator, group.key.gate, group.key.classifier


def _but_settings(group: Group) -> str:
    generator, gate, classifier = (part and replace(part, config={}) for part in _parts(group))
    assert gate is not None
    assert classifier is not None
    key = replace(group.key, generator=generator, gate=gate, classifier=classifier)
    return f"{key.digest()} {group.comparison.split_hash}"


def _times(groups: Iterable[Group]) -> list[str]:
    return [result.created for group in groups for result in group.results]


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
