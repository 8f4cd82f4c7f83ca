"""The critical-difference diagram of one protocol's table, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gzslbench.report.groups import Comparison, Group
from gzslbench.report.overall import Overall
from gzslbench.report.uncertainty.across import MIN_METHODS, MIN_TASKS


@dataclass(frozen=True)
class Diagram:
    """Methods by rising mean rank; cliques are the first and last place of those that can't be told apart.

    ``missing`` says why there is no diagram.
    """

    missing: str = ""
    summary: str = ""
    ranks: tuple[tuple[str, float], ...] = ()
    difference: float = 0.0
    cliques: tuple[tuple[int, int], ...] = ()


def diagram_of(tables: Mapping[Comparison, Sequence[Group]]) -> Diagram:
    """Lay out what the tests across the tasks of one protocol found."""
    overall = Overall.of(tables)
    found = overall.critical_difference
    if found is None:
        tasks, methods = overall.task_values.shape
        return Diagram(
            f"Too few tasks: {tasks} on which all {methods} rows have a result; a critical-difference diagram takes "
            f"{MIN_TASKS} tasks (data sets or splits) and {MIN_METHODS} rows."
        )
    places = {name: place for place, name in enumerate(found.names)}
    return Diagram(
        summary=f"Over {found.tasks} tasks, 1 being the best. A bar joins rows that Nemenyi's test can't tell apart.",
        ranks=tuple(zip(found.names, found.mean_ranks, strict=True)),
        difference=found.critical_difference,
        cliques=tuple((places[clique[0]], places[clique[-1]]) for clique in found.cliques),
    )
