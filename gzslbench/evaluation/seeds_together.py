"""Several seeds of one group: their generators are trained as one batched model, then each seed goes its own way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gzslbench.evaluation.branch import WHOLE_GROUP, Branch, Coordinator, FitPlan
from gzslbench.evaluation.fitting import Fitted, FoldFitter
from gzslbench.evaluation.generator_output import GeneratorOutput
from gzslbench.evaluation.job import GroupJob
from gzslbench.evaluation.timing import reset_peaks


def fit_seeds_together(job: GroupJob, coordinator: Coordinator, features: NDArray[np.float32]) -> None:
    """Fit and report the cells of all seeds; a method that can't be trained for several at once is trained in turn."""
    jobs = by_seed(job)
    branches = [Branch(coordinator, FoldFitter(each, job.fold, features, coordinator.progress)) for each in jobs]
    coordinator.begin(WHOLE_GROUP, "fit generator")
    generators = fit_generators([branch.fitter for branch in branches])
    waiting = []
    for branch, generator in zip(branches, generators, strict=True):
        plans = [FitPlan(cell, cell.setups[0]) for cell in branch.fitter.job.cells]
        waiting += [(branch, trained) for trained in branch.train(plans, generator)]
    for branch, trained in waiting:
        branch.predict(trained)


def by_seed(job: GroupJob) -> list[GroupJob]:
    """Split a job into one job for each seed of its cells."""
    seeds = dict.fromkeys(cell.seed for cell in job.cells)
    return [replace(job, seed=seed, cells=tuple(cell for cell in job.cells if cell.seed == seed)) for seed in seeds]


def fit_generators(fitters: Sequence[FoldFitter]) -> Sequence[Fitted | None]:
    """Fit one generator for each seed at once; None for each that has to be fitted alone.

    One seed may spoil it for all, such as by diverging; fitted alone, each fails or succeeds for itself.
    """
    alone: list[None] = [None] * len(fitters)
    part = fitters[0].job.cells[0].setups[0].generator
    if part is None:
        return alone
    reset_peaks(fitters[0].device)
    views = [GeneratorOutput(fitter, None).view(part) for fitter in fitters]
    try:
        return FoldFitter.fit_together(fitters, part, views) or alone
    except (Exception, SystemExit, KeyboardInterrupt):  # workers ignore Ctrl-C: these come from the component
        for fitter in fitters:
            fitter.restore()
        return alone
