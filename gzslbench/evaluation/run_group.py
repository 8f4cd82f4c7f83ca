"""One group, as its protocol wants it run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from gzslbench.evaluation.branch import Coordinator, FitPlan, fit_once
from gzslbench.evaluation.job import GroupJob
from gzslbench.evaluation.seeds_together import fit_seeds_together
from gzslbench.evaluation.selection import choose_on_validation, keep_best_on_test
from gzslbench.evaluation.timing import warm_up


def run_group(job: GroupJob, coordinator: Coordinator, features: NDArray[np.float32]) -> None:
    """Run all cells of a group as its protocol says; a failing cell is reported and the next one begun."""
    job = replace(job, warm_up_s=warm_up(torch.device(job.device)))
    match job.protocol.selection:
        case "last step" if len({cell.seed for cell in job.cells}) > 1:
            fit_seeds_together(job, coordinator, features)
        case "last step":
            fit_once(job, coordinator, features, [FitPlan(cell, cell.setups[0]) for cell in job.cells])
        case "test set":
            keep_best_on_test(job, coordinator, features)
        case "validation classes":
            choose_on_validation(job, coordinator, features)
