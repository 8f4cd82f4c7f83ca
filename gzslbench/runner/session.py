"""From what the user asked for to a finished sweep."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from gzslbench.data.audit import require_sound
from gzslbench.data.catalogue import Catalogue
from gzslbench.data.dataset import DataSet, Split
from gzslbench.data.splits import adversarial_split, random_splits
from gzslbench.errors import UsageError
from gzslbench.plugins import Registry, load_plugins
from gzslbench.protocol import protocol_named
from gzslbench.runner.combinations import (
    Combination,
    Resolver,
    component_names,
    every_combination,
    of_parts,
    of_plugin,
    plugin_files,
)
from gzslbench.runner.execute import LocalExecutor
from gzslbench.runner.plan import Plan, Scope, Task, make_plan
from gzslbench.runner.progress import JsonReporter, LiveReporter, PlainReporter, title
from gzslbench.runner.sweep import Options, Summary, Sweep, pending
from gzslbench.settings import parse_assignments, parse_grid, unknown_components
from gzslbench.store import Store
from gzslbench.tracking import Tracker

BUNDLED = "glyphs"
RANDOM_SPLITS = 5
"""How many random class splits the protocol ``splits`` adds to a data set that brings only one of its own."""


@dataclass(frozen=True)
class Request:
    """What the user asked for, as the command line gives it."""

    results: Path
    cache: Path
    plugins: Sequence[str] = ()
    generators: Sequence[str] = ()
    gates: Sequence[str] = ()
    classifiers: Sequence[str] = ()
    everything: bool = False
    data_dirs: Sequence[Path] = ()
    data_sets: Sequence[str] = ()
    all_datasets: bool = False
    splits: Sequence[str] = ()
    protocols: Sequence[str] = ("inductive",)
    seeds: Sequence[int] = (0, 1, 2, 3, 4)
    assignments: Sequence[str] = ()
    grid: Sequence[str] = ()
    budget: str = ""
    jobs: int | None = None
    threads: int = 1
    device: str = "auto"
    timeout: float | None = None
    keep_scores: bool = False
    force: bool = False
    fail_fast: bool = False
    dry_run: bool = False
    explain: bool = False
    no_track: bool = False
    tracking_uri: str | None = None
    as_json: bool = False


def run_session(request: Request) -> int:
    """Do what was asked for; gives the exit code."""
    registry = load_plugins(plugin_files(request.plugins))
    for broken in registry.broken:
        print(f"warning: plugin left out: {broken}", file=sys.stderr)
    device = _device(request.device)
    plan = plan_request(request, registry, device)
    store = Store(request.results)
    if request.dry_run or request.explain:
        _show_plan(plan, store, request)
        return 0
    _warn_skipped(plan)
    summary = _sweep(request, device, plan, store)
    return _conclude(summary, request)


def plan_request(request: Request, registry: Registry, device: str) -> Plan:
    """Plan what was asked for; raises :class:`UsageError` or :class:`DataError` where that can't be done."""
    combinations = chosen_combinations(request, registry)
    chosen = parse_assignments(request.assignments)
    grid = parse_grid(request.grid)
    for settings in (chosen, *grid):
        unknown_components(settings, component_names(combinations))
    _check_budget(request.budget, registry)
    protocols = [protocol_named(name) for name in request.protocols]
    tasks = list(_tasks(request, registry, any(protocol.many_splits for protocol in protocols)))
    scope = Scope(protocols, request.seeds, device, grid=grid)
    return make_plan(combinations, tasks, Resolver(registry, request.budget, chosen), scope)


def chosen_combinations(request: Request, registry: Registry) -> list[Combination]:
    """Find the methods and combinations that were asked for, each once."""
    if request.everything:
        return list(every_combination(registry))
    chosen = [each for name in request.plugins for each in of_plugin(registry, _plugin_name(name))]
    if request.generators or request.classifiers:
        for generator in request.generators or ("none",):
            for gate in request.gates or ("none",):
                for classifier in request.classifiers or ("softmax",):
                    chosen.append(of_parts(registry, generator, gate, classifier))
    unique: dict[str, Combination] = {}
    for combination in chosen:
        unique.setdefault(combination.name, combination)
    return list(unique.values())


def _plugin_name(name: str) -> str:
    return str(plugin_files([name])[0].resolve()) if plugin_files([name]) else name


def _check_budget(budget: str, registry: Registry) -> None:
    known = {name for recipe in registry.recipes.values() for name in recipe.budgets}
    if budget and budget not in known:
        raise UsageError(f"there is no budget '{budget}'", f"choose from {', '.join(sorted(known)) or 'none at all'}")


def _tasks(request: Request, registry: Registry, many_splits: bool) -> Iterator[Task]:
    sources = {name: entry.what for name, entry in registry.of_kind("data set").items()}
    catalogue = Catalogue.find(request.data_dirs, sources, request.cache)
    names = list(request.data_sets)
    if request.all_datasets:
        names += [name for name in catalogue.names() if name not in names]
        for missing in catalogue.missing():
            print(f"left out: {missing.name} lacks {missing.lacks}; {missing.how_to_get}", file=sys.stderr)
    for name in names or [BUNDLED]:
        data_set = catalogue.open(name, request.cache)
        for split in _splits(data_set, request.splits, many_splits):
            findings = require_sound(data_set, split)
            for finding in findings:
                print(f"{data_set.name}: {finding}", file=sys.stderr)
            yield Task(data_set, split, tuple(finding.message for finding in findings))


def _splits(data_set: DataSet, names: Sequence[str], many: bool) -> list[Split]:
    """Pick splits by name; the protocol ``splits`` takes all there are, or makes more where there is only one."""
    if names:
        return [data_set.split(name) for name in names]
    if not many:
        return [data_set.split()]
    own = list(data_set.splits.values())
    if len(own) > 1:
        return own
    return [*own, *random_splits(data_set, RANDOM_SPLITS, seed=0, official=own[0]), adversarial_split(data_set, own[0])]


def _device(name: str) -> str:
    import torch

    available = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if available else "cpu"
    if name.startswith("cuda") and not available:
        raise UsageError(
            "--device cuda was asked for, but torch finds no GPU", "use --device cpu, or install a CUDA build"
        )
    if not (name == "cpu" or name.startswith("cuda")):
        raise UsageError(f"there is no device '{name}'", "choose from auto, cpu, cuda, cuda:1")
    return name


def _sweep(request: Request, device: str, plan: Plan, store: Store) -> Summary:
    jobs = request.jobs or (1 if device.startswith("cuda") else max(1, (os.cpu_count() or 1) // request.threads))
    options = Options(
        budget=request.budget,
        device=device,
        threads=request.threads,
        jobs=min(jobs, max(1, len(plan.trunks))),
        timeout_s=request.timeout,
        keep_scores=request.keep_scores,
        force=request.force,
        fail_fast=request.fail_fast,
    )
    with _reporter(request) as reporter, _tracker(request) as tracker:
        executor = LocalExecutor(options.jobs, options.threads)
        return Sweep(store, executor, reporter, options, tracker).run(plan)


@contextmanager
def _reporter(request: Request) -> Iterator[PlainReporter]:
    console = Console()
    if request.as_json:
        reporter: PlainReporter = JsonReporter()
    else:
        reporter = LiveReporter(console) if console.is_terminal else PlainReporter()
    try:
        yield reporter
    finally:
        reporter.close()


@contextmanager
def _tracker(request: Request) -> Iterator[Tracker | None]:
    if request.no_track:
        yield None
        return
    tracker = Tracker(request.tracking_uri, request.results)
    try:
        yield tracker
    finally:
        tracker.close()


def _warn_skipped(plan: Plan) -> None:
    if not plan.trunks and plan.skipped:
        first = plan.skipped[0]
        raise UsageError(f"'{first.combination}' can't run: {first.reason}", "--dry-run lists what can")
    for skipped in plan.skipped:
        print(f"left out: {skipped.combination} under '{skipped.protocol}': {skipped.reason}", file=sys.stderr)


def _conclude(summary: Summary, request: Request) -> int:
    if request.as_json:
        print(json.dumps({"event": "ended", **asdict(summary)}))
    else:
        print(f"{summary.done} done, {summary.cached} there already, {summary.failed} failed")
        if summary.interrupted:
            print("interrupted; the same command continues")
        elif summary.failed:
            print(f"reasons and tracebacks: {request.results / 'failures'}; the same command tries again")
    if summary.interrupted:
        return 130
    return 1 if summary.failed else 0


def _show_plan(plan: Plan, store: Store, request: Request) -> None:
    missing = {cell.key.digest() for trunk in pending(plan, store, request.force) for cell in trunk.cells}
    for cell in plan.cells():
        digest = cell.key.digest()
        state = "to run" if digest in missing else "there"
        why = store.explain(cell.key) if request.explain and digest in missing else []
        if request.as_json:
            print(json.dumps({"cell": title(cell.key, cell.method), "digest": digest, "state": state, "differs": why}))
        else:
            print("\n    ".join([f"{state:7} {title(cell.key, cell.method)}  {digest}", *why]))
    for skipped in plan.skipped:
        if request.as_json:
            print(
                json.dumps({"combination": skipped.combination, "protocol": skipped.protocol, "reason": skipped.reason})
            )
        else:
            print(f"no      {skipped.combination} under '{skipped.protocol}': {skipped.reason}")
    if not request.as_json:
        total = sum(1 for _ in plan.cells())
        to_run = f"{total} cells in {len(plan.trunks)} trunks, {len(missing)} to run"
        print(f"{to_run}; {len(plan.skipped)} combinations left out")
