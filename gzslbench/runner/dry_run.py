"""What a run would do: shown, or as a file for other schedulers, of groups that each have a name for ``--group``."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from gzslbench.errors import UsageError, counted
from gzslbench.files import aside, disk_errors, put
from gzslbench.records.names import title, titles
from gzslbench.records.store import Store
from gzslbench.runner.expected import PastTimes, expected_time
from gzslbench.runner.plan import Plan, PlannedCell, PlannedGroup, runs_once, together
from gzslbench.runner.request import Request
from gzslbench.runner.sweep import pending


def show_plan(plan: Plan, store: Store, request: Request, machine_class: str) -> None:
    """Print a plan, seeds in one line or, as JSON, cell by cell; with ``explain``, how what is missing differs."""
    left = pending(plan, store, request.force)
    missing = {cell.key.digest() for group in left for cell in group.cells}
    planned: dict[tuple[str, ...], list[PlannedCell]] = defaultdict(list)
    for cell in plan.cells():
        digest = cell.key.digest()
        state = "to run" if digest in missing else "there"
        why = store.explain(cell.key) if request.explain and digest in missing else []
        if request.as_json:
            print(json.dumps({"cell": title(cell), "digest": digest, "state": state, "differs": why}))
        planned[state, *why].append(cell)
    if request.as_json:
        for skipped in plan.skipped:
            print(json.dumps(asdict(skipped)))
        return
    for (state, *why), alike in planned.items():
        for name in titles(alike, request.tried):
            print("\n    ".join([f"{state:7} {name}", *why]))
    untold = request.everything and not request.explain
    for skipped in [] if untold else plan.skipped:
        print(f"no      {skipped.combination} {skipped.where}: {skipped.reason}")
    if once := runs_once(plan.groups):
        print(once)
    left = together(left) if request.seeds_together else left
    if time := expected_time(left, store, machine_class, request.jobs or 1):
        print(time)
    cells, groups = counted(sum(map(len, planned.values())), "cell"), counted(len(plan.groups), "group")
    left_out = f"{counted(len(plan.skipped), 'combination')} left out{', --explain says why' if untold else ''}"
    print(f"{cells} in {groups}, {len(missing)} to run; {left_out}")


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
                    "expected_s": None if unknown else round(expected_s, 3),
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
