"""What the user asked for, and the plan that follows from it."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from gzslbench.contract.dataset import DataSet, Split
from gzslbench.contract.protocol import HEADLINE, Protocol, protocol_named
from gzslbench.data.audit import require_sound
from gzslbench.data.catalogue import Catalogue
from gzslbench.data.splits import further_splits, no_fold
from gzslbench.errors import BrokenPluginError, DataError, GzslbenchError, UsageError, nearest, usable
from gzslbench.records.untrusted.archive import MIB
from gzslbench.records.untrusted.arrays import ARRAYS
from gzslbench.registry.combinations import (
    DEFAULT_CLASSIFIER,
    DEFAULT_GATE,
    FULL,
    Combination,
    Resolver,
    component_names,
    every_combination,
    of_parts,
    of_plugin,
    plugin_files,
)
from gzslbench.registry.declarations import is_path, plugins_at
from gzslbench.registry.recipes import TUNED_FILE, TunedTables, read_tuned
from gzslbench.registry.registry import Registry
from gzslbench.registry.settings import merge, parse_assignments, parse_grid, unknown_components
from gzslbench.registry.variants import taken_apart
from gzslbench.runner.machine import device_named, has_bfloat16, precision_named
from gzslbench.runner.plan import Plan, Scope, Task, make_plan

BUNDLED = "glyphs"
AUTO, QUICK = "auto", "quick"


@dataclass(frozen=True)
class Request:
    """What the user asked for, as the command line gives it.

    Beside what is run and how it is shown, nothing here changes a result but device and precision, which are part of
    each cell's key.
    """

    results: Path = Path("results")
    cache: Path = Path("cache")
    plugins: Sequence[str] = ()
    files: Sequence[Path] = ()
    """Plugin files and folders that are loaded, too, and not run for that."""
    generators: Sequence[str] = ()
    gates: Sequence[str] = ()
    classifiers: Sequence[str] = ()
    everything: bool = False
    ablated: str = ""
    """A method to run with its variants, in place of all of the above."""
    swept: bool = False
    """Also run that method with each value of its sweeps."""
    data_dirs: Sequence[Path] = ()
    data_sets: Sequence[str] = ()
    all_datasets: bool = False
    splits: Sequence[str] = ()
    protocols: Sequence[str] = ("inductive",)
    """Those of the first table where empty."""
    seeds: Sequence[int] = (0, 1, 2, 3, 4)
    assignments: Sequence[str] = ()
    grid: Sequence[str] = ()
    budget: str = AUTO
    tuned: bool = False
    """Take what was tuned in place of the budget, where there is any."""
    jobs: int | None = None
    threads: int = 1
    device: str = AUTO
    precision: str = AUTO
    executor: str = "local"
    address: str | None = None
    """Where Ray's cluster is; None for that of ``RAY_ADDRESS``, or one of this machine alone."""
    gpus_per_group: float | None = None
    """What a group takes of a GPU of the cluster; all of one where None."""
    seeds_together: bool | None = None
    timeout: float | None = None
    limits: Sequence[str] = ()
    """What a group may take, as :meth:`gzslbench.processes.keeper.Limits.of` reads it."""
    keep_scores: bool = False
    keep_samples: bool = False
    force: bool = False
    fail_fast: bool = False
    dry_run: bool = False
    plan_file: Path | None = None
    """Where to write the plan, in place of running it."""
    groups: Sequence[str] = ()
    """Those of the plan to run, by the names that it gives them; all where empty."""
    explain: bool = False
    no_track: bool = False
    tracking_uri: str | None = None
    as_json: bool = False

    @property
    def plugin_files(self) -> list[Path]:
        """All plugins to load beside those that are installed."""
        return [*plugin_files(self.plugins), *self.files]

    @property
    def tried(self) -> tuple[str, ...]:
        """Settings whose values ``grid`` lists, each as ``component.setting``."""
        return tuple(dict.fromkeys(each.partition("=")[0].strip() for each in self.grid))

    def on_this_machine(self) -> Request:
        """Decide by this machine what was left open; raises :class:`UsageError` where the device isn't there."""
        if self.address or self.gpus_per_group:
            raise UsageError("--address and --gpus-per-group are for a Ray cluster", "add --executor ray")
        device = device_named(self.device)
        slots = 1 if device.startswith("cuda") else max(1, (os.cpu_count() or 1) // self.threads)
        return self.settled(device, has_bfloat16(device), slots)

    def settled(self, device: str, bfloat16: bool, slots: int) -> Request:
        """Decide precision, how many groups run at once, and whether seeds train together.

        ``bfloat16`` says whether the device multiplies it in hardware, ``slots`` how many groups there is room for.
        """
        on_gpu = device.startswith("cuda")
        return replace(
            self,
            device=device,
            precision=precision_named(self.precision, bfloat16),
            jobs=self.jobs or slots,
            seeds_together=on_gpu if self.seeds_together is None else self.seeds_together,
        )


def plan_request(request: Request, registry: Registry) -> Plan:
    """Plan what was asked for; raises :class:`UsageError` or :class:`DataError` where that can't be done."""
    combinations = chosen_combinations(request, registry)
    chosen = parse_assignments(request.assignments)
    grid = parse_grid(request.grid)
    for settings in (chosen, *grid):
        unknown_components(settings, component_names(combinations))
    budget = budget_of(request, registry)
    protocols = [protocol_named(name) for name in request.protocols or _headline()]
    tasks = tasks_of(request, registry, any(protocol.many_splits for protocol in protocols))
    if request.keep_scores:
        for task in tasks:
            print(f"scores: {scores_kept(task)}", file=sys.stderr)
    scope = Scope(protocols, request.seeds, request.device, request.precision, grid=grid)
    resolver = Resolver(registry, budget, chosen, _tuned(request, protocols) if request.tuned else None)
    if request.tuned:
        _name_untuned(combinations, tasks, resolver)
    return make_plan(combinations, tasks, resolver, scope)


def _tuned(request: Request, protocols: Sequence[Protocol]) -> TunedTables:
    if request.splits or any(protocol.many_splits for protocol in protocols):
        what = "--tuned settings were chosen on training classes of each data set's first split, which others test on"
        raise UsageError(what, "leave out --tuned, or --split and protocols over many splits")
    tuned: TunedTables = {}
    for path in sorted(tuning_folder(request.results).glob(f"*/*/{TUNED_FILE}")):
        merge(tuned, read_tuned(path))
    return tuned


def tuning_folder(results: Path) -> Path:
    """Say where studies lie, one folder for each data set and method."""
    return results / "tuning"


def _name_untuned(combinations: Sequence[Combination], tasks: Sequence[Task], resolver: Resolver) -> None:
    pairs = itertools.product(combinations, dict.fromkeys(task.data_set.name for task in tasks))
    names = [f"{each.name} on {data_set}" for each, data_set in pairs if resolver.tuning(each, data_set) is None]
    if names:
        print(f"not tuned, run with their recipe: {', '.join(names)}", file=sys.stderr)


def _headline() -> tuple[str, ...]:
    """Give the protocols of the first table, aloud: they cost two fits."""
    stops, calibrated = HEADLINE
    print(
        f"protocols: {stops}, as methods stop, and {calibrated}, with a constant from a fit on validation classes; "
        f"--protocol {stops} alone saves that fit",
        file=sys.stderr,
    )
    return HEADLINE


def scores_kept(task: Task) -> str:
    """Say what the scores of all classes take in a cell; raises :class:`UsageError` where no record can hold them."""
    data_set, split = task.data_set, task.split
    samples = len(split.test_seen) + len(split.test_unseen)
    classes = len(split.seen_classes) + len(split.unseen_classes)
    size, most = 4 * samples * classes / MIB, ARRAYS.archive_bytes / MIB
    what = f"{size:,.1f} MiB a cell of {data_set.name}, {samples:,} test samples by {classes:,} classes"
    if size > most:
        raise UsageError(f"--keep-scores would take {what}", f"{most:.0f} MiB can be kept: leave it out")
    return what


def chosen_combinations(request: Request, registry: Registry) -> list[Combination]:
    """Find the methods and combinations that were asked for, each once.

    Beside ``--plugin``, ``--gate`` and ``--classifier`` take the place of the method's own ones.
    """
    if request.ablated:
        return taken_apart(registry, request.ablated, request.swept)
    if request.everything:
        return list(every_combination(registry))
    names = [name for given in request.plugins for name in _named(given)]
    of_each = usable(names, partial(of_plugin, registry), BrokenPluginError)
    chosen = [combination for combinations in of_each for combination in combinations]
    if request.plugins and (request.gates or request.classifiers):
        chosen = [varied for each in chosen for varied in _varied(each, request, registry)]
    if request.generators or not request.plugins:
        generators, gates = request.generators or ("none",), request.gates or (DEFAULT_GATE,)
        parts = itertools.product(generators, gates, request.classifiers or (DEFAULT_CLASSIFIER,))
        chosen += [of_parts(registry, *names) for names in parts]
    return list({combination.name: combination for combination in reversed(chosen)}.values())[::-1]


def _named(name: str) -> list[str]:
    """Give the names under which a registry knows what a path stands for; any other name stands for itself."""
    return [str(plugin.path) for plugin in plugins_at(Path(name))] if is_path(name) else [name]


def _varied(combination: Combination, request: Request, registry: Registry) -> Iterator[Combination]:
    generator, gate, classifier = combination.entries
    for names in itertools.product(request.gates or (gate.name,), request.classifiers or (classifier.name,)):
        yield of_parts(registry, generator.name if generator else "none", *names)


def budget_of(request: Request, registry: Registry) -> str:
    """Name the budget; without a GPU the recipes' own budgets would take days, so the quick one is taken, aloud."""
    known = {FULL} | {budget for recipe in registry.recipes.values() for budget in recipe.budgets}
    if request.budget == AUTO:
        if request.device != "cpu" or QUICK not in known:
            return FULL
        why = "since there is no GPU; --budget full takes the recipes' own"
        print(f"budget: quick where a recipe has one, {why}", file=sys.stderr)
        return QUICK
    if request.budget not in known:
        raise UsageError(f"there is no budget '{request.budget}'", nearest(request.budget, known))
    return request.budget


def tasks_of(request: Request, registry: Registry, many_splits: bool) -> list[Task]:
    """Open and audit what is run on; one data set among several that can't be used is named and left out."""
    sources = {name: entry.data_source for name, entry in registry.of_kind("data set").items()}
    catalogue = Catalogue.find(request.data_dirs, sources, request.cache)
    names = [catalogue.spelled(name) for name in request.data_sets]
    if request.all_datasets:
        names += catalogue.names()
        for missing in catalogue.missing():
            print(f"left out: {missing.name} lacks {missing.lacks}; {missing.how_to_get}", file=sys.stderr)

    def tasks_on(name: str) -> list[Task]:
        data_set = catalogue.open(name, request.cache)
        chosen = [data_set.split(each) for each in request.splits] or [data_set.split()]
        extra = further_splits(data_set) if many_splits and not request.splits else []
        tasks = usable((*chosen, *extra), lambda split: _task(data_set, split, split in extra), DataError)
        for warning in dict.fromkeys(warning for task in tasks for warning in task.warnings):
            print(f"{name}: warning: {warning}", file=sys.stderr)
        return tasks

    of_each = usable(dict.fromkeys(names or [BUNDLED]), tasks_on, GzslbenchError)
    return [task for tasks in of_each for task in tasks]


def _task(data_set: DataSet, split: Split, extra: bool) -> Task:
    """Audit a split; raises :class:`DataError` where it can't be used."""
    warnings = tuple(finding.message for finding in require_sound(data_set, split))
    return Task(data_set, split, warnings, extra, no_fold(data_set, split))
