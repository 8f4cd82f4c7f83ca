"""Which groups are operating points of one method: the same generator and classifier, stopped in different ways.

What is calibrated has the gate ``calibrated-stacking`` in place of the method's own, so methods that differ in the gate
alone share its results.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from gzslbench.contract.protocol import CALIBRATING, Choice
from gzslbench.records.record import PartKey
from gzslbench.report.groups import CHOICES, Comparison, Group

Points = Mapping[Choice, Group]
"""One row of a table: at most one group for each way to choose its operating point."""
_ANY_GATE = PartKey("", {}, "")


def points_by_table(groups: Iterable[Group]) -> dict[Comparison, list[Points]]:
    """Bring groups together to the rows of each table, tables in their printed order; every group is in a row."""
    alike: dict[tuple[Comparison, str], list[Group]] = defaultdict(list)
    for group in groups:
        but_gate = replace(group.key, protocol="", protocol_version=0, gate=_ANY_GATE)
        alike[group.comparison.table, but_gate.digest()].append(group)
    rows: dict[Comparison, list[Points]] = defaultdict(list)
    for (table, _), of_table in alike.items():
        rows[table] += _rows(of_table)
    return {table: rows[table] for table in sorted(rows, key=lambda table: table.order)}


def naming(points: Points) -> Group:
    """Choose the group that names a row: as the method stops with its own gate, if that was run."""
    return points.get("last step") or next(points[choice] for choice in CHOICES if choice in points)


def preference(group: Group) -> tuple[bool, bool, int, str, str]:
    """Order groups that could stand for each other, never by how good they are.

    A recipe's own stands before what was tuned, and that before other settings; then most seeds, then the latest.
    """
    return group.deviations == {}, not group.is_tuned, len(group.seeds), group.latest, group.key.digest()


def _rows(groups: Iterable[Group]) -> list[Points]:
    """Make a row of each gate; of several calibrated groups the preferred one is in all, each other in its own."""
    by_gate: dict[str, dict[Choice, Group]] = defaultdict(dict)
    calibrated = []
    for group in groups:
        if group.key.gate.name == CALIBRATING and group.comparison.rules.validates:
            calibrated.append(group)
        else:
            by_gate[group.key.gate.digest][group.choice] = group
    rows = list(by_gate.values()) or [{}]
    others: list[dict[Choice, Group]] = []
    for group in sorted(calibrated, key=preference, reverse=True):
        lacking = [row for row in rows if group.choice not in row]
        for row in lacking:
            row[group.choice] = group
        others += [] if lacking else [{group.choice: group}]
    return [*rows, *others]
