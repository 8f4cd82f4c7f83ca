"""One group, as its protocol wants it run; several seeds of it, with their generators trained as one batched model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from gzslbench.evaluation.branch import WHOLE_GROUP, Branch, Coordinator, FitPlan, fit_once
from gzslbench.evaluation.fitting import Fitted, FoldFitter
from gzslbench.evaluation.generator_output import GeneratorOutput
from gzslbench.evaluation.job import GroupJob
from gzslbench.evaluation.selection import choose_on_validation, keep_best_on_test
from gzslbench.evaluation.timing import reset_peaks, warm_up
from gzslbench.evaluation.validation import with_scores


def run_group(job: GroupJob, coordinator: Coordinator) -> None:
    """Run all cells of a group as its protocol says; a failing cell is reported and the next one begun."""
    job = replace(job, warm_up_s=warm_up(torch.device(job.device)))
    match job.protocol.choice:
        case "last step" | "calibrated" if len({cell.seed for cell in job.cells}) > 1:
            fit_seeds_together(job, coordinator)
        case "last step" | "calibrated":
            plans = [FitPlan(cell, cell.setups[0]) for cell in job.cells]
            fit_once(job, coordinator, with_scores(job, coordinator, plans))
        case "test set":
            keep_best_on_test(job, coordinator)
        case "validation classes":
            choose_on_validation(job, coordinator)


def fit_seeds_together(job: GroupJob, coordinator: Coordinator) -> None:
    """Fit and report the cells of all seeds; a method that can't be trained for several at once is trained in turn."""
    branches = []
    for seed in dict.fromkeys(cell.seed for cell in job.cells):
        of_seed = replace(job, seed=seed, cells=tuple(cell for cell in job.cells if cell.seed == seed))
        plans = with_scores(of_seed, coordinator, [FitPlan(cell, cell.setups[0]) for cell in of_seed.cells])
        if plans:
            branches.append((Branch(coordinator, FoldFitter(of_seed, job.fold, coordinator.progress)), plans))
    if not branches:
        return
    coordinator.begin(WHOLE_GROUP, "fit generator")
    generators = fit_generators([branch.fitter for branch, _ in branches])
    waiting = []
    for (branch, plans), generator in zip(branches, generators, strict=True):
        waiting += [(branch, trained) for trained in branch.train(plans, generator)]
    for branch, trained in waiting:
        branch.predict(trained)


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
