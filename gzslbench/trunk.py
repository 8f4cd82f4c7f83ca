"""One trunk, as its protocol wants it run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from gzslbench.job import TrunkJob
from gzslbench.pipeline import Desk, Plan, fit_once
from gzslbench.selection import choose_on_validation, keep_best_on_test
from gzslbench.timing import warm_up
from gzslbench.together import fit_seeds_together


def run_trunk(job: TrunkJob, desk: Desk, features: NDArray[np.float32]) -> None:
    """Run all cells of a trunk as its protocol says; a failing cell is reported and the next one begun."""
    job = replace(job, warm_up_s=warm_up(torch.device(job.device)))
    match job.protocol.selection:
        case "last step" if len({cell.seed for cell in job.cells}) > 1:
            fit_seeds_together(job, desk, features)
        case "last step":
            fit_once(job, desk, features, [Plan(cell, cell.choices[0]) for cell in job.cells])
        case "test set":
            keep_best_on_test(job, desk, features)
        case "validation classes":
            choose_on_validation(job, desk, features)
