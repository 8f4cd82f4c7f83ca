"""Tuning: search each method's space on validation classes, with as many trials and as much time for each method.

A trial is a run of the method, as any other is run, on a split that is cut inside the training samples: its "unseen"
classes are validation classes, and no sample or class of the test takes part. The gate is left out, since the score
of a trial, which is taken from the joint scores of all classes, knows of none.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from gzslbench.contract.protocol import protocol_named
from gzslbench.data.splits import validation_split
from gzslbench.errors import ConfigError, GzslbenchError, counted, nearest, usable
from gzslbench.files import aside, disk_errors, put, sole_writer
from gzslbench.processes.keeper import Limits
from gzslbench.records.metrics import Metrics
from gzslbench.records.places import path_safe
from gzslbench.records.record import canonical_json
from gzslbench.records.store import Store, open_store
from gzslbench.registry.combinations import DEFAULT_GATE, Combination, Resolver, component_names
from gzslbench.registry.hosts import open_plugins
from gzslbench.registry.recipes import TUNED_FILE
from gzslbench.registry.settings import nested, parse_assignments, unknown_components
from gzslbench.registry.setup import settings_of
from gzslbench.registry.space import Range
from gzslbench.runner.execute import LocalExecutor
from gzslbench.runner.failures import Cause
from gzslbench.runner.messages import CellDone, CellFailed, Ended
from gzslbench.runner.plan import PlannedGroup, Scope, Task, make_plan
from gzslbench.runner.request import Request, budget_of, chosen_combinations, tasks_of, tuning_folder
from gzslbench.runner.study import Journal, Point, Trial, propose, require_optuna
from gzslbench.runner.sweep import assign
from gzslbench.text import one_line

OBJECTIVES: dict[str, tuple[str, Callable[[Metrics], float]]] = {
    "calibrated-h": ("calibrated H", lambda metrics: metrics.h_best or 0.0),
    "ausuc": ("AUSUC", lambda metrics: metrics.ausuc),
}
"""What trials are compared by: a name to print, and what of a fold's metrics it is."""


@dataclass(frozen=True)
class Bounds:
    """What every method gets on every data set, and what it is tuned by."""

    trials: int = 20
    time_s: float = 1800.0
    objective: str = "calibrated-h"


@dataclass(frozen=True)
class Tuning:
    """A method on a data set: its space, widened to hold the recipe, and the folds that trials are scored on."""

    combination: Combination
    resolver: Resolver
    folds: Sequence[tuple[int, Task]]
    scope: Scope
    space: Mapping[str, Range]
    recipe: Point

    @staticmethod
    def of(combination: Combination, task: Task, resolver: Resolver, request: Request) -> Tuning:
        """Cut the folds, one for each seed, and widen the space; raises :class:`ConfigError` where that can't be."""
        gate = resolver.registry.get("gate", DEFAULT_GATE)
        ungated = replace(combination, entries=combination.entries._replace(gate=gate))
        data_set, split = task.data_set, task.split
        folds = [(seed, Task(data_set, validation_split(data_set, split, seed))) for seed in request.seeds]
        parts = settings_of(resolver.setup(ungated, data_set.name))
        recipe = {f"{part}.{name}": value for part, values in parts.items() for name, value in values.items()}
        declared = resolver.space(ungated)
        for address in declared.keys() - recipe:
            what = f"the [space] of '{combination.name}' names {address}, which is no setting of it"
            raise ConfigError(what, nearest(address, recipe))
        space = {address: each.holding(recipe[address]) for address, each in declared.items()}
        scope = Scope([protocol_named(name) for name in request.protocols], (), request.device, request.precision)
        return Tuning(ungated, resolver, folds, scope, space, {address: recipe[address] for address in space})

    @property
    def name(self) -> str:
        return f"{self.combination.name} on {self.data_set}"

    @property
    def data_set(self) -> str:
        return self.folds[0][1].data_set.name

    def plan(self, point: Point) -> list[PlannedGroup]:
        """Plan a trial, a group for each fold; raises :class:`ConfigError` where it can't be set up or run."""
        plans = []
        for seed, fold in self.folds:
            scope = replace(self.scope, seeds=[seed], grid=[nested(point)])
            plans.append(make_plan([self.combination], [fold], self.resolver, scope))
        for skipped in itertools.chain.from_iterable(plan.skipped for plan in plans):
            raise ConfigError(f"'{skipped.combination}' can't run: {skipped.reason}")
        return [group for plan in plans for group in plan.groups]

    def digest(self, objective: str) -> str:
        """Tell studies apart whose trials don't compare: by data, folds, code, recipe, space and objective."""
        cells = [cell.key.digest() for group in self.plan(self.recipe) for cell in group.cells]
        space = {address: asdict(each) for address, each in self.space.items()}
        return hashlib.sha256(canonical_json([cells, space, objective]).encode()).hexdigest()[:16]


def tune(request: Request, bounds: Bounds) -> int:
    """Tune all methods on all data sets that were asked for; gives the exit code."""
    require_optuna()
    request = request.on_this_machine()
    store, tunings = open_store(request.results), _tunings(request)
    request = replace(request, jobs=min(request.jobs or 1, len(request.seeds)))
    request = replace(request, timeout=min(request.timeout or bounds.time_s, bounds.time_s))
    try:
        tunable = [each for each in tunings if each.space]
        found = usable(tunable, lambda each: _tune(each, request, store, bounds), GzslbenchError)
    except KeyboardInterrupt:
        print("interrupted; the same command continues", file=sys.stderr)
        return 130
    return 0 if all(found) else 1


def _tunings(request: Request) -> list[Tuning]:
    """Find what is to be tuned; what declares no space is named."""
    registry = open_plugins(request.plugin_files, timeout_s=request.timeout)
    combinations = chosen_combinations(request, registry)
    chosen = parse_assignments(request.assignments)
    unknown_components(chosen, component_names(combinations))
    resolver = Resolver(registry, budget_of(request, registry), chosen)
    pairs = itertools.product(tasks_of(request, registry, many_splits=False), combinations)
    tunings = usable(pairs, lambda pair: Tuning.of(pair[1], pair[0], resolver, request), GzslbenchError)
    if nothing := dict.fromkeys(each.combination.name for each in tunings if not each.space):
        print(f"nothing to tune, since no [space] is declared: {', '.join(nothing)}", file=sys.stderr)
    return tunings


def _tune(tuning: Tuning, request: Request, store: Store, bounds: Bounds) -> bool:
    """Run the trials of a study that are still to run, and write what is best; False where all have failed."""
    folder = tuning_folder(request.results) / path_safe(tuning.data_set) / path_safe(tuning.combination.name)
    with sole_writer(folder):
        journal = Journal(folder / f"trials-{tuning.digest(bounds.objective)}.jsonl")
        while len(journal.trials) < bounds.trials and journal.took_s < bounds.time_s:
            point = propose(tuning.space, journal.trials) if journal.trials else tuning.recipe
            journal.add(_attempt(tuning, point, request, store, bounds))
            _say(tuning, journal, bounds, request.as_json)
        if journal.best is None:
            print(f"{tuning.name}: all trials failed, such as by {journal.trials[0].failure}", file=sys.stderr)
            return False
        _write(folder / TUNED_FILE, written(tuning, journal, bounds))
    return True


def _attempt(tuning: Tuning, point: Point, request: Request, store: Store, bounds: Bounds) -> Trial:
    """Fit and score a point on every fold; whatever goes wrong there is a failed trial."""
    began = time.perf_counter()
    executor = LocalExecutor(request.jobs or 1, request.threads)
    limits = Limits.of(request.limits, sharing=request.jobs or 1)
    _, measure = OBJECTIVES[bounds.objective]
    scores: list[float] = []
    failures: list[str] = []
    try:
        groups = tuning.plan(point)
    except ConfigError as error:
        return Trial(point, None, time.perf_counter() - began, one_line(str(error)))
    for _, event in executor.run([partial(assign, group, request, store, limits) for group in groups]):
        match event:
            case CellDone():
                scores.append(measure(event.metrics))
            case CellFailed(phase=phase, cause=cause) | Ended(Cause() as cause, phase):
                failures.append(f"{phase}: {cause.reason}")
                executor.stop()
    score = None if failures else fmean(scores)
    return Trial(point, score, time.perf_counter() - began, *failures[:1])


def _say(tuning: Tuning, journal: Journal, bounds: Bounds, as_json: bool) -> None:
    number, trial, best = len(journal.trials), journal.trials[-1], journal.best
    top = None if best is None else journal.trials[best - 1].score
    if as_json:
        named = {"event": "trial", "method": tuning.combination.name, "data_set": tuning.data_set}
        print(json.dumps({**named, "number": number, **asdict(trial), "best": top}), flush=True)
        return
    reached = "FAILED" if trial.score is None else f"{trial.score:.4f}"
    so_far = "" if top is None else f", best {top:.4f} (trial {best})"
    point = ", ".join(f"{address}={value}" for address, value in trial.point.items())
    what = trial.failure or ("the recipe" if number == 1 else point)
    print(
        f"{tuning.name}: trial {number} of {bounds.trials}: {reached} in {trial.took_s:.1f} s{so_far}: {what}",
        flush=True,
    )


def _write(path: Path, text: str) -> None:
    with disk_errors(f"can't write {path}"), aside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        put(temporary, path)
    print(f"written to {path}", file=sys.stderr)


def written(tuning: Tuning, journal: Journal, bounds: Bounds) -> str:
    """Write what was found as TOML, for :func:`gzslbench.registry.recipes.read_tuned`, after a summary of the study."""
    assert journal.best is not None
    measure, _ = OBJECTIVES[bounds.objective]
    trials, best, recipe = journal.trials, journal.trials[journal.best - 1], journal.trials[0]
    own = "a failure" if recipe.score is None else f"{recipe.score:.3f}"
    why = f"best of {counted(len(trials), 'trial')} on validation classes, {measure} {best.score:.3f}"
    why += f" against {own} of the recipe" if journal.best > 1 else ", the recipe's own"
    failed = sum(trial.score is None for trial in trials)
    seeds = ", ".join(str(seed) for seed, _ in tuning.folds)
    table = f"{_key(tuning.combination.name)}.{_key(tuning.data_set)}"
    budget, protocol = tuning.resolver.budget, tuning.scope.protocols[0].name
    lines = [
        f"# {tuning.name}: {counted(len(trials), 'trial')} in {journal.took_s:.0f} s, {failed} failed.",
        f"# {measure} on validation classes; {protocol}, seeds {seeds}, budget {budget}, {tuning.scope.device}.",
        f"# The recipe reached {own}, the best, trial {journal.best}, {best.score:.3f}. Searched were:",
        *(f"#   {address}: {each} ({each.origin})" for address, each in tuning.space.items()),
        "",
        f"[{table}]",
        f"budget = {json.dumps(budget)}",
        f"trials = {len(trials)}",
    ]
    for component, values in nested(best.point).items():
        lines += ["", f"[{table}.values.{_key(component)}]"]
        lines += [f"{_key(name)} = {_entry(value, why)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _entry(value: Any, why: str) -> str:
    shown = json.dumps("none" if value is None else value)
    return f'{{ value = {shown}, origin = "ours", why = {json.dumps(why)} }}'
