"""The plan of a run: every cell with its key, in groups that share a generator, and what can't be run and why."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import product

from gzslbench.contract.compatibility import is_deterministic, obstacle, obstacle_in_data, uses_unseen_semantics
from gzslbench.contract.dataset import DataSet, Split
from gzslbench.contract.protocol import Protocol, protocol_named
from gzslbench.errors import BrokenPluginError, ConfigError, UsageError, usable
from gzslbench.records.names import row_name
from gzslbench.records.record import CellKey, Json, Origin, PartKey, canonical_json
from gzslbench.registry.combinations import Combination, Resolver
from gzslbench.registry.deviations import held_against
from gzslbench.registry.settings import Settings
from gzslbench.registry.setup import Setup, foreign_code, settings_of
from gzslbench.registry.source_hash import source_hash

MOST_CELLS = 500_000
"""What one command may ask for: planning them takes 2 GB."""


@dataclass(frozen=True, eq=False)
class Task:
    """A data set and one of its splits, audited: what was found is kept in each of its records.

    ``extra`` splits are taken by protocols over many splits alone. ``no_fold`` says why no validation classes can be
    cut from the split; empty where they can.
    """

    data_set: DataSet
    split: Split
    warnings: tuple[str, ...] = ()
    extra: bool = False
    no_fold: str = ""


@dataclass(frozen=True, eq=False)
class PlannedCell:
    """One cell: its key, how its record is labelled, and the settings that its components are made with."""

    key: CellKey
    method: str
    budget: str
    deviations: dict[str, Json]
    setups: tuple[Setup, ...]
    origins: dict[str, Origin]
    unseen_semantics: bool
    generative: bool
    deterministic: bool

    @property
    def validates(self) -> bool:
        return protocol_named(self.key.protocol).validates


@dataclass(frozen=True, eq=False)
class PlannedGroup:
    """Cells that share one generator on one split; with one seed, unless :func:`together` has joined several.

    ``protocol`` is that of a cell, or shows training as much: cells as they stop and calibrated ones share their fits.
    A group runs in a process of its own, and all its cells run code of the same distributions: none can change what
    another one's method comes to.
    """

    task: Task
    protocol: Protocol
    seed: int
    cells: tuple[PlannedCell, ...]


@dataclass(frozen=True)
class Skipped:
    """A combination that can't be run under a protocol, or on a data set whatever the protocol, and why."""

    combination: str
    protocol: str
    reason: str
    data_set: str = ""

    @property
    def where(self) -> str:
        """Name the protocol or the data set, with a preposition."""
        return f"on {self.data_set}" if self.data_set else f"under '{self.protocol}'"


@dataclass
class Plan:
    """All groups of a run, in an order that takes each data set's seeds one after the other."""

    groups: list[PlannedGroup] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def cells(self) -> Iterator[PlannedCell]:
        for group in self.groups:
            yield from group.cells


@dataclass(frozen=True)
class Scope:
    """What a run covers beside its methods and data."""

    protocols: Sequence[Protocol]
    seeds: Sequence[int]
    device: str = "cpu"
    precision: str = "float32"
    grid: Sequence[Settings] = ({},)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Spare the searches for cycles that many thousands of new objects set off: a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_without_garbage_collection()
def make_plan(combinations: Sequence[Combination], tasks: Sequence[Task], resolver: Resolver, scope: Scope) -> Plan:
    """Plan all compatible combinations on all tasks; a cell does not depend on what else is planned.

    A combination is left out of a data set for which its recipe can't be used; raises :class:`BrokenPluginError` where
    none can.
    """
    plan, planned = Plan(), 0
    names = dict.fromkeys(task.data_set.name for task in tasks)
    pairs = product(combinations, names)
    sound = set(usable(pairs, lambda pair: _with_recipe(pair[0], pair[1], resolver), BrokenPluginError))
    for protocols in _sharing_fits(scope.protocols):
        compatible = [pair for each in protocols for pair in _compatible(combinations, each, resolver, plan)]
        for task in (each for each in tasks if protocols[0].many_splits or not each.extra):
            able = [pair for pair in compatible if (pair[0].name, task.data_set.name) in sound]
            chosen = _suited(able, task, plan)
            cells = [cell for each, protocol in chosen for cell in _cells(each, task, protocol, resolver, scope)]
            unique: dict[str, PlannedCell] = {}  # what comes to the same is run once, by the name that says it shortest
            for cell in cells:
                same = unique.setdefault(cell.key.digest(), cell)
                if len(cell.deviations) < len(same.deviations):
                    unique[cell.key.digest()] = cell
            planned += sum(1 if cell.deterministic else len(scope.seeds) for cell in unique.values())
            if planned > MOST_CELLS:
                raise UsageError(
                    f"this asks for more than {MOST_CELLS:,} cells", "name fewer seeds, values of --grid or data sets"
                )
            for seed, seeded in _seeded(unique.values(), scope.seeds):
                plan.groups += [PlannedGroup(task, protocols[0], seed, tuple(each)) for each in _by_generator(seeded)]
    plan.skipped = list(dict.fromkeys(plan.skipped))
    return plan


def runs_once(groups: Iterable[PlannedGroup]) -> str:
    """Say which methods run once whatever seeds were asked for; empty where none does."""
    names = sorted({row_name(cell) for group in groups for cell in group.cells if cell.deterministic})
    return f"deterministic, run once for all seeds: {', '.join(names)}" if names else ""


def together(groups: Sequence[PlannedGroup]) -> list[PlannedGroup]:
    """Join groups that differ by their seed alone, for protocols under which all seeds train alike."""
    joined: dict[object, list[PlannedGroup]] = {}
    for position, group in enumerate(groups):
        alike = [replace(cell.key, seed=0).digest() for cell in group.cells]
        joins = group.protocol.choice in ("last step", "calibrated") and group.cells[0].generative
        joined.setdefault((*alike, group.task.split.fingerprint) if joins else position, []).append(group)
    return [replace(same[0], cells=tuple(cell for each in same for cell in each.cells)) for same in joined.values()]


def _seeded(cells: Iterable[PlannedCell], seeds: Sequence[int]) -> Iterator[tuple[int, list[PlannedCell]]]:
    """Give cells their seeds, which are 0 alone for those that come to the same with each."""
    cells = list(cells)
    yield 0, [cell for cell in cells if cell.deterministic]
    for seed in seeds:
        yield seed, [replace(cell, key=cell.key.with_seed(seed)) for cell in cells if not cell.deterministic]


def _with_recipe(combination: Combination, data_set: str, resolver: Resolver) -> tuple[str, str]:
    """Name a pair that has a usable recipe; raises :class:`BrokenPluginError` otherwise, whatever the user has set."""
    try:
        resolver.recipes(combination, data_set)
    except ConfigError as error:
        what = f"the recipe of '{combination.name}' for {data_set} can't be used: {error.what}"
        raise BrokenPluginError(what, error.remedy) from error
    return combination.name, data_set


def _sharing_fits(protocols: Sequence[Protocol]) -> list[list[Protocol]]:
    """Put protocols together under which a fit comes to the same: as a method stops, and calibrated."""
    alike: dict[object, list[Protocol]] = {}
    for protocol in dict.fromkeys(protocols):
        shares = protocol.choice in ("last step", "calibrated")
        alike.setdefault(protocol.visibility.name if shares else protocol, []).append(protocol)
    return list(alike.values())


def _compatible(
    combinations: Sequence[Combination], protocol: Protocol, resolver: Resolver, plan: Plan
) -> Iterator[tuple[Combination, Protocol]]:
    for combination in combinations:
        able = resolver.calibrated(combination) if protocol.choice == "calibrated" else combination
        if reason := obstacle(able.infos, protocol):
            plan.skipped.append(Skipped(combination.name, protocol.name, reason))
        else:
            yield able, protocol


def _suited(
    pairs: Sequence[tuple[Combination, Protocol]], task: Task, plan: Plan
) -> list[tuple[Combination, Protocol]]:
    """Leave out what a data set is not made for, and protocols that validate where no validation classes can be cut."""
    data_set, suited = task.data_set, []
    for combination, protocol in pairs:
        if reason := obstacle_in_data(combination.infos, data_set):
            plan.skipped.append(Skipped(combination.name, "", reason, data_set.name))
        elif protocol.validates and task.no_fold:
            plan.skipped.append(Skipped(combination.name, protocol.name, task.no_fold))
        else:
            suited.append((combination, protocol))
    return suited


def _cells(
    combination: Combination, task: Task, protocol: Protocol, resolver: Resolver, scope: Scope
) -> Iterator[PlannedCell]:
    """Plan one cell per grid point, as yet without a seed.

    A protocol that chooses settings gets the whole grid as the setups of one cell.
    """
    entries = combination.entries.by_role().values()
    points = _points(combination, task, resolver, scope.grid)
    recipes = resolver.recipes(combination, task.data_set.name)
    for setups in [points] if protocol.choice == "validation classes" else [(point,) for point in points]:
        budget, deviations = held_against(recipes, [settings_of(setup) for setup in setups])
        yield PlannedCell(
            key=_key(setups, task, protocol, scope, _precision(combination, scope)),
            method=combination.name,
            budget=budget,
            deviations=deviations,
            setups=setups,
            origins={e.name: Origin(e.plugin.distribution.name, e.plugin.distribution.version) for e in entries},
            unseen_semantics=uses_unseen_semantics(combination.infos),
            generative=combination.entries.generator is not None,
            deterministic=is_deterministic(combination.infos, protocol),
        )


def _points(combination: Combination, task: Task, resolver: Resolver, grid: Sequence[Settings]) -> tuple[Setup, ...]:
    """Set a combination up for each point of a grid, each once: most points may set other components alone."""
    names = {entry.name for entry in combination.entries.by_role().values()}
    mine = [{name: values for name, values in point.items() if name in names} for point in grid]
    setups = [resolver.setup(combination, task.data_set.name, point) for point in mine]
    distinct = {canonical_json(settings_of(setup)): setup for setup in setups}
    return tuple(distinct[written] for written in sorted(distinct))


def _precision(combination: Combination, scope: Scope) -> str:
    """Give the policy where any component follows it: what computes in float32 all the same has one key for both."""
    infos = combination.infos.by_role().values()
    return scope.precision if any(info.precision(scope.precision) == scope.precision for info in infos) else "float32"


def _key(setups: tuple[Setup, ...], task: Task, protocol: Protocol, scope: Scope, precision: str) -> CellKey:
    data_set = task.data_set
    parts = setups[0].map(lambda part: PartKey(part.name, dict(part.config), source_hash(part.source)))
    return CellKey(
        data_set=data_set.name,
        features=data_set.fingerprint["features"],
        labels=data_set.fingerprint["labels"],
        semantics=data_set.fingerprint["semantics"],
        split=task.split.name,
        split_hash=task.split.fingerprint,
        protocol=protocol.name,
        protocol_version=protocol.version,
        generator=parts.generator,
        gate=parts.gate,
        classifier=parts.classifier,
        seed=0,
        device="cuda" if scope.device.startswith("cuda") else "cpu",
        precision=precision,
        candidates=tuple(settings_of(setup) for setup in setups) if len(setups) > 1 else (),
    )


def _by_generator(cells: Iterable[PlannedCell]) -> list[list[PlannedCell]]:
    groups: dict[object, list[PlannedCell]] = {}
    for cell in cells:
        generators = [setup.generator and setup.generator.identity() for setup in cell.setups]
        groups.setdefault((repr(generators), foreign_code(cell.setups)), []).append(cell)
    return list(groups.values())
