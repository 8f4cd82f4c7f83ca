"""The plan of a run: every cell with its key, grouped into trunks that share a generator, and what can't be run and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gzslbench.data.dataset import DataSet, Split
from gzslbench.job import Choice, Part
from gzslbench.protocol import Protocol
from gzslbench.record import CellKey, Origin, PartKey
from gzslbench.runner.combinations import Combination, Resolver
from gzslbench.runner.compatibility import obstacle, uses_unseen_semantics
from gzslbench.scan import code_hash
from gzslbench.settings import Settings


@dataclass(frozen=True, eq=False)
class Task:
    """A data set and one of its splits, audited: what was found is kept in each of its records."""

    data_set: DataSet
    split: Split
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PlannedCell:
    """One cell: its key, how its record is labelled, and the settings that its components are made with."""

    key: CellKey
    method: str
    choices: tuple[Choice, ...]
    origins: dict[str, Origin]
    unseen_semantics: bool
    generative: bool


@dataclass(frozen=True, eq=False)
class PlannedTrunk:
    """Cells that share one generator on one split with one seed."""

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


def make_plan(combinations: Sequence[Combination], tasks: Iterable[Task], resolver: Resolver, scope: Scope) -> Plan:
    """Plan all compatible combinations on all tasks; neither order nor company changes any cell."""
    plan = Plan()
    for protocol in scope.protocols:
        compatible = [each for each in combinations if _compatible(each, protocol, plan)]
        for task in tasks:
            drafts = [draft for each in compatible for draft in _drafts(each, task, protocol, resolver, scope)]
            for seed in scope.seeds:
                plan.trunks += _trunks(drafts, task, protocol, seed)
    return plan


@dataclass(frozen=True, eq=False)
class _Draft:
    """A cell before it has a seed."""

    combination: Combination
    choices: tuple[Choice, ...]
    key: CellKey

    @property
    def generators(self) -> str:
        return repr([choice.generator.identity() if choice.generator else None for choice in self.choices])


def _compatible(combination: Combination, protocol: Protocol, plan: Plan) -> bool:
    reason = obstacle(*combination.infos, protocol)
    if reason:
        plan.skipped.append(Skipped(combination.name, protocol.name, reason))
    return not reason


def _drafts(
    combination: Combination, task: Task, protocol: Protocol, resolver: Resolver, scope: Scope
) -> Iterator[_Draft]:
    """One draft per grid point; a protocol that chooses settings gets the whole grid as the choices of one draft."""
    points = [resolver.choice(combination, task.data_set.name, point) for point in _relevant(scope.grid, combination)]
    together = protocol.selection == "validation classes"
    for choices in [tuple(points)] if together else [(point,) for point in points]:
        yield _Draft(combination, choices, _key(choices, task, protocol, scope))


def _relevant(grid: Sequence[Settings], combination: Combination) -> list[Settings]:
    """Leave out of a grid what sets components of other combinations, and then what is there twice."""
    names = {entry.name for entry in combination.entries}
    mine = [{name: values for name, values in point.items() if name in names} for point in grid]
    return [point for position, point in enumerate(mine) if point not in mine[:position]]


def _key(choices: tuple[Choice, ...], task: Task, protocol: Protocol, scope: Scope) -> CellKey:
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
        precision=scope.precision,
        candidates=tuple(_values(choice) for choice in choices) if len(choices) > 1 else (),
    )


def _part_key(part: Part) -> PartKey:
    return PartKey(part.name, dict(part.config), code_hash(part.source))


def _values(choice: Choice) -> Settings:
    parts = (choice.generator, choice.gate, choice.classifier)
    return {part.name: dict(part.config) for part in parts if part is not None}


def _trunks(drafts: Sequence[_Draft], task: Task, protocol: Protocol, seed: int) -> Iterator[PlannedTrunk]:
    groups: dict[str, list[PlannedCell]] = {}
    for draft in drafts:
        groups.setdefault(draft.generators, []).append(_cell(draft, seed))
    for cells in groups.values():
        yield PlannedTrunk(task, protocol, seed, tuple(cells))


def _cell(draft: _Draft, seed: int) -> PlannedCell:
    combination = draft.combination
    return PlannedCell(
        key=CellKey(**(vars(draft.key) | {"seed": seed})),
        method=combination.name,
        choices=draft.choices,
        origins={
            e.name: Origin(e.plugin.distribution.name, e.plugin.distribution.version) for e in combination.entries
        },
        unseen_semantics=uses_unseen_semantics(*combination.infos),
        generative=combination.generator is not None,
    )
