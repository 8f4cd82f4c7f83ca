"""What the driver, the store and MLflow bear: a sweep of stub cells that sleep a millisecond and predict noise.

``python tests/benchmarks/many_cells.py FOLDER --cells 100000``: plans, runs, reads back and mirrors that many cells of
3,000 test samples, and prints figures, a line of JSON for each 500 cells. The same command goes on where it was
ended; it takes about 5 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from test_scale import ANSWERS, CLASSES, SAMPLES, entry, template

from gzslbench.contract import Classifier, Gate, Generator, NoConfig
from gzslbench.contract.dataset import DataSet, Split
from gzslbench.contract.info import Makes, Need
from gzslbench.contract.parts import Parts
from gzslbench.contract.protocol import PROTOCOLS
from gzslbench.evaluation.job import CellResult
from gzslbench.records.record import Phase, Record, Timings
from gzslbench.records.results import summaries
from gzslbench.records.store import Store, open_store
from gzslbench.registry.combinations import Combination, Resolver
from gzslbench.registry.registry import Registry
from gzslbench.runner.execute import Executor, Make
from gzslbench.runner.machine import environment
from gzslbench.runner.messages import CellDone, Ended, Event
from gzslbench.runner.plan import Plan, Scope, Task, make_plan
from gzslbench.runner.progress import PlainReporter
from gzslbench.runner.request import Request
from gzslbench.runner.sweep import Sweep, pending
from gzslbench.tracking.process import sync

DATA_SETS, METHODS, CELLS_A_FIGURE = 10, 50, 500
SLEEP_S = 0.001


@dataclass(frozen=True)
class Config:
    steps: int = 100


class StubExecutor(Executor):
    """Runs nothing: a cell sleeps, and its predictions are those of its seed."""

    def __init__(self) -> None:
        self._predictions = [template(seed) for seed in range(5)]
        self._environment = environment(torch.device("cpu"), threads=1)
        phase = Phase(1.0, 1.0)
        self._timings = Timings(phase, phase, phase, phase, (0.1, 0.1, 0.1), SAMPLES, 0.0, 0.0, 1, 512.0, None)

    def run(self, assignments: Sequence[Make]) -> Iterator[tuple[int, Event]]:
        for position, make in enumerate(assignments):
            assignment = make()
            for cell in assignment.job.cells if assignment else ():
                time.sleep(SLEEP_S)
                result = CellResult(self._predictions[cell.seed % 5], self._timings)
                metrics = assignment.scorers[cell.index].score(result.predictions)
                yield position, CellDone(cell.index, result, metrics, 1, self._environment)
            yield position, Ended()

    def stop(self) -> None:
        pass


class Figures(PlainReporter):
    """Prints how fast cells are stored."""

    def __init__(self) -> None:
        super().__init__()
        self._cells, self._began_s, self._cpu_s = 0, time.perf_counter(), time.process_time()

    def started(self, groups: Sequence[object], cached: int) -> None:
        say("started", groups=len(groups), cached=cached)

    def done(self, record: Record) -> None:
        self._cells += 1
        if self._cells % CELLS_A_FIGURE == 0:
            wall_s, cpu_s = time.perf_counter() - self._began_s, time.process_time() - self._cpu_s
            say(
                "stored", cells=self._cells, cell_ms=1000 * wall_s / self._cells, cell_cpu_ms=1000 * cpu_s / self._cells
            )


def say(what: str, **figures: float) -> None:
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rounded = {name: round(value, 3) for name, value in figures.items()}
    print(json.dumps({"figure": what, **rounded, "peak_mib": round(peak_mib)}), flush=True)


def stub_task(name: str) -> Task:
    """Make a data set whose test samples are those of the predictions."""
    train = np.arange(SAMPLES, SAMPLES + 1000)
    labels = np.concatenate([ANSWERS.labels, np.arange(1000) % 40])
    tested_seen, tested_unseen = np.flatnonzero(ANSWERS.labels < 40), np.flatnonzero(ANSWERS.labels >= 40)
    split = Split("official", train, tested_seen, tested_unseen, ANSWERS.seen_classes, ANSWERS.unseen_classes)
    features = np.random.default_rng(len(name)).random((len(labels), 8), dtype=np.float32)
    data_set = DataSet(name, features, labels, np.eye(CLASSES), ANSWERS.class_names, {"official": split})
    return Task(data_set, split)


def plan_of(cells: int) -> Plan:
    """Plan methods on data sets, two to a generator, with as many seeds as make the number of cells."""
    gates = [entry(Gate, f"gate-{i}") for i in range(2)]
    classifier = entry(Classifier, "classifier", NoConfig, needs=(Need.SYNTHETIC,))
    generators = [entry(Generator, f"generator-{i}", Config, makes=(Makes.SYNTHETIC,)) for i in range(METHODS // 2)]
    chosen = [Combination(f"{g.name}+{k.name}+classifier", Parts(g, k, classifier)) for g in generators for k in gates]
    registry = Registry({(each.kind, each.name): each for each in (*generators, *gates, classifier)})
    tasks = [stub_task(f"data-{i}") for i in range(DATA_SETS)]
    seeds = range(max(1, cells // (METHODS * DATA_SETS)))
    return make_plan(chosen, tasks, Resolver(registry), Scope([PROTOCOLS["inductive"]], seeds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--mirror", action="store_true", help="also bring the records into MLflow")
    options = parser.parse_args()
    began_s = time.perf_counter()
    plan = plan_of(options.cells)
    say("planned", cells=sum(1 for _ in plan.cells()), groups=len(plan.groups), s=time.perf_counter() - began_s)
    request = Request(results=options.folder / "results", cache=options.folder / "cache", device="cpu", jobs=2)
    store = open_store(request.results)
    Sweep(store, StubExecutor(), Figures(), request).run(plan)

    began_s = time.perf_counter()
    left = pending(plan, Store(request.results), force=False)
    say("looked up", left=len(left), s=time.perf_counter() - began_s)
    began_s = time.perf_counter()
    read = len(summaries(Store(request.results)))
    say("read", records=read, s=time.perf_counter() - began_s)
    if options.mirror:
        began_s = time.perf_counter()
        added = sync(store)
        took_s = time.perf_counter() - began_s
        say("mirrored", records=added, s=took_s, record_ms=1000 * took_s / max(1, added))


if __name__ == "__main__":
    main()
