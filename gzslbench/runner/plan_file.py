"""A plan as a file, for other schedulers: its groups, each by a name that ``--group`` takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from gzslbench.errors import UsageError, counted
from gzslbench.files import aside, disk_errors, put
from gzslbench.records.names import title
from gzslbench.records.store import Store
from gzslbench.runner.expected import PastTimes
from gzslbench.runner.plan import Plan, PlannedGroup, together
from gzslbench.runner.request import Request
from gzslbench.runner.sweep import pending


def write_plan(path: Path, plan: Plan, store: Store, request: Request, machine_class: str) -> None:
    """Write the groups that have cells to run, with seconds by records of their like; None where there are none."""
    past = PastTimes(store, machine_class)
    described = []
    for name, group in _by_name(plan, request).items():
        for left in pending(Plan([group]), store, request.force):
            expected_s, unknown = past.of(left)
            described.append(
                {
                    "group": name,
                    "cells": [title(cell) for cell in left.cells],
                    "expected_s": None if unknown else round(expected_s, 1),
                }
            )
    with disk_errors(f"can't write {path}"), aside(path) as temporary:
        temporary.write_text(json.dumps({"machine_class": machine_class, "groups": described}, indent=1))
        put(temporary, path)
    print(f"{counted(len(described), 'group')} written to {path}; --group NAME with the same options runs one")


def keep_groups(plan: Plan, names: Sequence[str], request: Request) -> None:
    """Leave out all groups but those named; raises :class:`UsageError` for a name that is not in the plan."""
    known = _by_name(plan, request)
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"the plan has no group '{unknown[0]}'", "write it anew with --plan, by the same options")
    kept = {cell.key.digest() for name in names for cell in known[name].cells}
    plan.groups = [group for group in plan.groups if group.cells[0].key.digest() in kept]


def _by_name(plan: Plan, request: Request) -> dict[str, PlannedGroup]:
    """Name the groups, joined as they will run, by the first of their cells."""
    groups = together(plan.groups) if request.seeds_together else plan.groups
    return {group.cells[0].key.digest(): group for group in groups}
