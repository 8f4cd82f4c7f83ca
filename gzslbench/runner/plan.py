"""The plan of a run: every cell with its key, in trunks that share a generator, and what can't be run and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from gzslbench.codehash import code_hash
from gzslbench.data.dataset import DataSet, Split
from gzslbench.job import Choice, Part
from gzslbench.protocol import Protocol
from gzslbench.record import CellKey, Origin, PartKey, canonical_json
from gzslbench.runner.combinations import Combination, Resolver
from gzslbench.runner.compatibility import obstacle, uses_unseen_semantics
from gzslbench.settings import Settings


@dataclass(frozen=True, eq=False)
class Task:
    """A data set and one of its splits, audited: what was found is kept in each of its records.

    ``extra`` splits are taken by protocols over many splits alone.
    """

    data_set: DataSet
    split: Split
    warnings: tuple[str, ...] = ()
    extra: bool = False


@dataclass(frozen=True, eq=False)
class PlannedCell:
    """One cell: its key, how its record is labelled, and the settings that its components are made with."""

    key: CellKey
    method: str
    budget: str
    choices: tuple[Choice, ...]
    origins: dict[str, Origin]
    unseen_semantics: bool
    generative: bool


@dataclass(frozen=True, eq=False)
class PlannedTrunk:
    """Cells that share one generator on one split; with one seed, unless :func:`together` has joined several."""

    task: Task
    protocol: Protocol
    seed: int
    cells: tuple[PlannedCell, ...]


@dataclass(frozen=True)
class Skipped:
    """A combination that can't be run under a protocol, and why."""

    combination: str
    protocol: str
    reason: str


@dataclass
class Plan:
    """All trunks of a run, in an order that takes each data set's seeds one after the other."""

    trunks: list[PlannedTrunk] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def cells(self) -> Iterator[PlannedCell]:
        """Give the cells of all trunks."""
        for trunk in self.trunks:
            yield from trunk.cells


@dataclass(frozen=True)
class Scope:
    """What a run covers beside its methods and data."""

    protocols: Sequence[Protocol]
    seeds: Sequence[int]
    device: str = "cpu"
    precision: str = "float32"
    grid: Sequence[Settings] = ({},)


def together(trunks: Sequence[PlannedTrunk]) -> list[PlannedTrunk]:
    """Join trunks that differ by their seed alone, for protocols whose fold and training do not depend on it."""
    groups: dict[object, list[PlannedTrunk]] = {}
    for position, trunk in enumerate(trunks):
        alike = [replace(cell.key, seed=0) for cell in trunk.cells]
        joins = trunk.protocol.selection == "last step" and trunk.cells[0].generative
        identity = ([key.digest() for key in alike], trunk.task.split.fingerprint) if joins else position
        groups.setdefault(repr(identity), []).append(trunk)
    return [
        replace(group[0], cells=tuple(cell for trunk in group for cell in trunk.cells)) for group in groups.values()
    ]


def make_plan(combinations: Sequence[Combination], tasks: Sequence[Task], resolver: Resolver, scope: Scope) -> Plan:
    """Plan all compatible combinations on all tasks; neither order nor company changes any cell."""
    plan = Plan()
    for protocol in scope.protocols:
        compatible = [each for each in combinations if _compatible(each, protocol, plan)]
        for task in (each for each in tasks if protocol.many_splits or not each.extra):
            cells = [cell for each in compatible for cell in _cells(each, task, protocol, resolver, scope)]
            groups = _by_generator(_each_once(cells))
            for seed in scope.seeds:
                plan.trunks += [PlannedTrunk(task, protocol, seed, _seeded(group, seed)) for group in groups]
    plan.skipped = list(dict.fromkeys(plan.skipped))
    return plan


def _compatible(combination: Combination, protocol: Protocol, plan: Plan) -> bool:
    reason = obstacle(*combination.infos, protocol)
    if reason:
        plan.skipped.append(Skipped(combination.name, protocol.name, reason))
    return not reason


def _cells(
    combination: Combination, task: Task, protocol: Protocol, resolver: Resolver, scope: Scope
) -> Iterator[PlannedCell]:
    """Plan one cell per grid point, as yet without a seed.

    A protocol that chooses settings gets the whole grid as the choices of one cell.
    """
    origins = {e.name: Origin(e.plugin.distribution.name, e.plugin.distribution.version) for e in combination.entries}
    points = _points(combination, task, resolver, scope.grid)
    for choices in [points] if protocol.selection == "validation classes" else [(point,) for point in points]:
        yield PlannedCell(
            key=_key(choices, task, protocol, scope, _precision(combination, scope)),
            method=combination.name,
            budget=resolver.budget_of(combination, task.data_set.name),
            choices=choices,
            origins=origins,
            unseen_semantics=uses_unseen_semantics(*combination.infos),
            generative=combination.generator is not None,
        )


def _points(combination: Combination, task: Task, resolver: Resolver, grid: Sequence[Settings]) -> tuple[Choice, ...]:
    """Set a combination up for each point of a grid, each once: most points may set other components alone."""
    names = {entry.name for entry in combination.entries}
    mine = [{name: values for name, values in point.items() if name in names} for point in grid]
    choices = [resolver.choice(combination, task.data_set.name, point) for point in mine]
    distinct = {canonical_json(_values(choice)): choice for choice in choices}
    return tuple(distinct[written] for written in sorted(distinct))


def _precision(combination: Combination, scope: Scope) -> str:
    """Give the policy where any component follows it: what computes in float32 all the same has one key for both."""
    follow = any(info.precision(scope.precision) == scope.precision for info in combination.infos if info)
    return scope.precision if follow else "float32"


def _key(choices: tuple[Choice, ...], task: Task, protocol: Protocol, scope: Scope, precision: str) -> CellKey:
    first, data_set = choices[0], task.data_set
    return CellKey(
        data_set=data_set.name,
        features=data_set.fingerprint["features"],
        labels=data_set.fingerprint["labels"],
        semantics=data_set.fingerprint["semantics"],
        split=task.split.name,
        split_hash=task.split.fingerprint,
        protocol=protocol.name,
        protocol_version=protocol.version,
        generator=_part_key(first.generator) if first.generator else None,
        gate=_part_key(first.gate),
        classifier=_part_key(first.classifier),
        seed=0,
        device="cuda" if scope.device.startswith("cuda") else "cpu",
        precision=precision,
        candidates=tuple(_values(choice) for choice in choices) if len(choices) > 1 else (),
    )


def _part_key(part: Part) -> PartKey:
    return PartKey(part.name, dict(part.config), code_hash(part.source))


def _values(choice: Choice) -> Settings:
    parts = (choice.generator, choice.gate, choice.classifier)
    return {part.name: dict(part.config) for part in parts if part is not None}


def _each_once(cells: Sequence[PlannedCell]) -> list[PlannedCell]:
    """Drop what comes to the same under another name, such as a method's setting that one of its variants has."""
    unique: dict[str, PlannedCell] = {}
    for cell in cells:
        unique.setdefault(cell.key.digest(), cell)
    return list(unique.values())


def _by_generator(cells: Sequence[PlannedCell]) -> list[list[PlannedCell]]:
    groups: dict[str, list[PlannedCell]] = {}
    for cell in cells:
        generators = [choice.generator.identity() if choice.generator else None for choice in cell.choices]
        groups.setdefault(repr(generators), []).append(cell)
    return list(groups.values())


def _seeded(cells: Sequence[PlannedCell], seed: int) -> tuple[PlannedCell, ...]:
    """Give the cells their seed; there may be 100,000 of them, for which dataclasses.replace takes too long."""
    return tuple(PlannedCell(**{**vars(cell), "key": cell.key.with_seed(seed)}) for cell in cells)
