"""Short names that tell apart what would otherwise look the same: rows of one method, tables of one data set."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from gzslbench.records.record import Json, canonical_json
from gzslbench.report.groups import Comparison, Group

SHOWN_SETTINGS = 3
SHOWN_CHARACTERS = 24

Setting = tuple[str, str]
"""Where a setting belongs (a role, or the run) and how it is written, ``component.setting``."""
Row = tuple[str, str, tuple[str | None, ...]]
"""What makes a row: the method, the budget, and the values of the settings that differ, as JSON."""


class RowNames:
    """Names the rows of one table or of several tables that are read together.

    Settings are named only where two groups of one table share method and budget; they are written as ``--set`` takes
    them, ``softmax.epochs=5``.
    """

    def __init__(self, tables: Iterable[Sequence[Group]]) -> None:
        self._settings: dict[Group, dict[Setting, Json]] = {}
        self._differing: dict[tuple[str, str], set[Setting]] = defaultdict(set)
        for groups in tables:
            for alike in _by_method_and_budget(groups).values():
                self._compare(alike)

    def row(self, group: Group) -> Row:
        """Identify the row of a group; two groups of one table never share a row."""
        settings = self._settings[group]
        values = (canonical_json(settings[name]) if name in settings else None for name in self._names(group))
        return group.method, group.budget, tuple(values)

    def label(self, group: Group) -> str:
        """Name the row of a group: its method and, where needed, the settings that set it apart."""
        settings = self._settings[group]
        names = self._names(group)
        written = list(dict.fromkeys(f"{name[1]}={_written(settings[name])}" for name in names if name in settings))
        if not names:
            return group.method
        if len(written) > SHOWN_SETTINGS or not written or any("…" in setting for setting in written):
            digest = hashlib.sha256(repr(self.row(group)).encode()).hexdigest()[:6]
            written = [*written[:SHOWN_SETTINGS], f"… #{digest}"]
        return f"{group.method} ({', '.join(written)})"

    def _names(self, group: Group) -> list[Setting]:
        return sorted(self._differing.get((group.method, group.budget), ()), key=lambda name: (name[1], name[0]))

    def _compare(self, alike: Sequence[Group]) -> None:
        """Note which settings differ among groups of one table that share method and budget."""
        for group in alike:
            self._settings[group] = _settings(group)
        first = self._settings[alike[0]]
        differing = self._differing[alike[0].method, alike[0].budget]
        for group in alike[1:]:
            settings = self._settings[group]
            differing.update(
                name
                for name in first.keys() | settings.keys()
                if name not in first or name not in settings or first[name] != settings[name]
            )


def in_order(groups: Iterable[Group], names: RowNames) -> list[Group]:
    """Sort the groups of one table by falling H; by name where the protocol isn't ranked."""
    return sorted(
        groups,
        key=lambda group: (-group.h.mean if group.comparison.rules.ranked else 0.0, names.label(group), group.budget),
    )


def table_names(comparisons: Iterable[Comparison]) -> dict[Comparison, str]:
    """Name each table by its data set, adding the split, then a hash, where that is not unique in its protocol."""
    alike: dict[tuple[str, str], list[Comparison]] = defaultdict(list)
    for comparison in comparisons:
        alike[comparison.data_set, comparison.protocol].append(comparison)
    names: dict[Comparison, str] = {}
    for sharing in alike.values():
        for spell in (_data_set, _data_set_and_split, _data_set_split_and_hash):
            spelled = {comparison: spell(comparison) for comparison in sharing}
            if len(set(spelled.values())) == len(sharing):
                break
        names.update(spelled)
    return names


def _data_set(comparison: Comparison) -> str:
    return comparison.data_set


def _data_set_and_split(comparison: Comparison) -> str:
    return f"{comparison.data_set}, {comparison.split or 'many splits'}"


def _data_set_split_and_hash(comparison: Comparison) -> str:
    digest = hashlib.sha256(repr(comparison).encode()).hexdigest()[:6]
    return f"{_data_set_and_split(comparison)}, #{digest}"


def _by_method_and_budget(groups: Iterable[Group]) -> dict[tuple[str, str], list[Group]]:
    alike: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in groups:
        alike[group.method, group.budget].append(group)
    return alike


def _settings(group: Group) -> dict[Setting, Json]:
    key = group.key
    settings: dict[Setting, Json] = {
        ("run", "device"): key.device,
        ("run", "precision"): key.precision,
        ("run", "candidates"): list(key.candidates),
        ("run", "key version"): key.version,
    }
    for role, part in (("generator", key.generator), ("gate", key.gate), ("classifier", key.classifier)):
        settings[role, role] = part.name if part else "none"
        if part:
            settings[role, f"{part.name} code"] = part.code[:8]
            settings.update({(role, f"{part.name}.{name}"): value for name, value in part.config.items()})
    return settings


def _written(value: Json) -> str:
    text = value if isinstance(value, str) else canonical_json(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
