"""Which groups of results belong to an ablation, each beside the complete method that it is compared with.

They are found by what their components are set to, not by name, since a record may have been made under another one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gzslbench.registry.deviations import order_of_value
from gzslbench.report.ablation.design import Arm, Design
from gzslbench.report.groups import Group
from gzslbench.report.settings import Setting, differing, settings_of, shown


@dataclass(frozen=True)
class AblationRow:
    """A group of results: a variant and its summary, or a setting and its value; and the complete method beside it."""

    name: str
    text: str
    group: Group
    method: str
    complete: Group | None

    @property
    def is_complete(self) -> bool:
        return self.group is self.complete

    @property
    def same_code(self) -> bool:
        return self.complete is None or same_code(self.group, self.complete)


class Arms:
    """The rows of one comparison, in the order in which they are printed; ``missing`` names arms without results."""

    def __init__(self, designs: Sequence[Design], groups: Iterable[Group]) -> None:
        self.designs = designs
        self.groups = [(group, settings_of(group.key.parts)) for group in groups if not group.key.candidates]
        self.variants: list[AblationRow] = []
        self.settings: list[AblationRow] = []
        self.missing: dict[str, None] = {}
        computed = [self._computed([design.complete]) for design in designs]
        if not any(computed):
            computed = [self._computed(design.variants) for design in designs]
        for design, places in zip(designs, computed, strict=True):
            for device, precision in places:
                complete = self._find(design.complete, device, precision)
                self.variants += self._variants(design, device, precision, complete)
                if complete:
                    self.settings += self._settings(design, complete)

    def _computed(self, arms: Sequence[Arm]) -> list[tuple[str, str]]:
        """Say on which devices and in which formats any of the arms ran."""
        found = [group for arm in arms for group, settings in self.groups if settings == arm.settings]
        return sorted({(group.key.device, group.key.precision) for group in found})

    def _find(self, arm: Arm, device: str, precision: str, beside: Group | None = None) -> Group | None:
        """Give an arm's latest group, before all one of the same code as that beside which it is to stand.

        What takes no part in bfloat16 has float32 in its key, and stands beside either.
        """
        found = [
            group
            for group, settings in self.groups
            if settings == arm.settings and group.key.device == device and group.key.precision in (precision, "float32")
        ]

        def preference(group: Group) -> tuple[bool, bool, str]:
            return group.key.precision == precision, beside is None or same_code(group, beside), group.latest

        return max(found, key=preference, default=None)

    def _variants(self, design: Design, device: str, precision: str, complete: Group | None) -> Iterator[AblationRow]:
        for arm in (design.complete, *design.variants):
            group = complete if arm is design.complete else self._find(arm, device, precision, complete)
            if group:
                yield AblationRow(arm.name, arm.summary, group, design.complete.name, complete)
            else:
                self.missing[arm.name] = None

    def _settings(self, design: Design, complete: Group) -> Iterator[AblationRow]:
        """Give what differs from the complete method in one setting; settings that only variants change, never."""
        complete_settings = [each.complete.settings for each in self.designs]
        tried: dict[str, dict[str, Group]] = defaultdict(dict)
        for group, settings in sorted(self.groups, key=lambda each: each[0].latest):
            name, value = _one_difference(design.complete.settings, settings)
            alike = (group.key.device, group.key.precision) == (complete.key.device, complete.key.precision)
            if name and alike and same_code(group, complete) and settings not in complete_settings:
                tried[name][value] = group
        of_variants = [_one_difference(design.complete.settings, arm.settings) for arm in design.variants]
        own = {name: value for (_, name), value in design.complete.settings.items()}
        in_sweeps = [name for name in design.swept if name in tried]
        for name in (*in_sweeps, *sorted(tried.keys() - set(in_sweeps))):
            if all((name, value) in of_variants for value in tried[name]):
                continue
            points = [*tried[name].items(), (own[name], complete)]
            for value, group in sorted(points, key=lambda point: order_of_value(json.loads(point[0]))):
                yield AblationRow(name, shown(value), group, design.complete.name, complete)


def _one_difference(settings: Mapping[Setting, str], other: Mapping[Setting, str]) -> tuple[str, str]:
    """Name the one setting in which two sets of components differ, and its other value; nothing if there are more."""
    names = differing(settings, other)
    if settings.keys() != other.keys() or any(role == name for role, name in names):
        return "", ""
    changed = {(name, other[role, name]) for role, name in names}
    return changed.pop() if len(changed) == 1 else ("", "")


def same_code(group: Group, other: Group) -> bool:
    """Say whether the components that two groups share are of one version."""
    pairs = zip(group.key.parts, other.key.parts, strict=True)
    return all(one.code == two.code for one, two in pairs if one and two and one.name == two.name)
