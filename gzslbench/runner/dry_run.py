"""What a run would do: which cells it would make, which are there, what can't be run and why, how long it takes."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict

from gzslbench.errors import counted
from gzslbench.records.names import title, titles
from gzslbench.records.store import Store
from gzslbench.runner.expected import expected_time
from gzslbench.runner.plan import Plan, PlannedCell, runs_once, together
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
