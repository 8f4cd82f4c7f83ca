"""Several seeds of one trunk: their generators are trained as one batched model, then each seed goes its own way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gzslbench.fitting import Bench, Fitted
from gzslbench.job import TrunkJob
from gzslbench.material import Material
from gzslbench.pipeline import WHOLE_TRUNK, Branch, Desk, Plan
from gzslbench.timing import reset_peaks


def fit_seeds_together(job: TrunkJob, desk: Desk, features: NDArray[np.float32]) -> None:
    """Fit and hand in the cells of all seeds; a method that can't be trained for several at once is trained in turn."""
    jobs = by_seed(job)
    branches = [Branch(each, desk, Bench(each, job.fold, features, desk.progress)) for each in jobs]
    desk.begin(WHOLE_TRUNK, "fit generator")
    generators = fit_generators([branch.bench for branch in branches])
    waiting = []
    for branch, generator in zip(branches, generators, strict=True):
        plans = [Plan(cell, cell.choices[0]) for cell in branch.job.cells]
        waiting += [(branch, trained) for trained in branch.train(plans, generator)]
    for branch, trained in waiting:
        branch.examine(trained)


def by_seed(job: TrunkJob) -> list[TrunkJob]:
    """Split a job into one job for each seed of its cells."""
    seeds = dict.fromkeys(cell.seed for cell in job.cells)
    return [replace(job, seed=seed, cells=tuple(cell for cell in job.cells if cell.seed == seed)) for seed in seeds]


def fit_generators(benches: Sequence[Bench]) -> Sequence[Fitted | None]:
    """Fit one generator for each seed at once; None for each that has to be fitted alone.

    One seed may spoil it for all, such as by diverging; fitted alone, each fails or succeeds for itself.
    """
    alone: list[None] = [None] * len(benches)
    job = benches[0].job
    part = job.cells[0].choices[0].generator
    if part is None:
        return alone
    reset_peaks(benches[0].device)
    views = [Material(bench, None, job.early_exam).view(part) for bench in benches]
    try:
        return Bench.fit_together(benches, part, views) or alone
    except (Exception, SystemExit, KeyboardInterrupt):  # workers ignore Ctrl-C: these come from the component
        for bench in benches:
            bench.restore()
        return alone
