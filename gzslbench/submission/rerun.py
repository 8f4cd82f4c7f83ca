"""Training a sample of submitted cells again, in confinement, and comparing H with what their records say.

This process never imports submitted code, nor unpickles anything that came from it: it hands out training data and
unlabelled test features, takes in class numbers, and judges them with its own labels.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.contract.dataset import DataSet, Split
from gzslbench.contract.protocol import protocol_named
from gzslbench.data.catalogue import Catalogue
from gzslbench.errors import ComponentError
from gzslbench.records import metrics
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.predictions import IntArray
from gzslbench.records.record import Record
from gzslbench.report.uncertainty.bootstrap import Interval, h_replicates, interval
from gzslbench.submission.bundle import Cell
from gzslbench.submission.case import same_data
from gzslbench.submission.confined.confinement import Confinement, Room
from gzslbench.submission.confined.job import Limits, prepare
from gzslbench.submission.confined.run import predicted_inside

SLOWER = 10
START_S = 600.0
LONGEST_S = 6 * 3600.0
"""What a run may take: ``SLOWER`` times what its record says and ``START_S``, but no more than this."""


@dataclass(frozen=True)
class RerunOutcome:
    """What came of training a cell again; ``h_after`` is None where it came to no predictions."""

    digest: str
    h_after: float | None
    within: bool
    """Whether H lies in the 95% interval that the test samples give the record's own."""
    reason: str
    """One sentence, and how the submitted code was confined."""


@dataclass(frozen=True)
class Rerun:
    """What all runs of a bundle share.

    ``plugin`` is a Python file or a folder with unpacked source, None where gzslbench brings all components. Logs of
    what it printed are left in ``workdir``.
    """

    confinement: Confinement
    plugin: Path | None
    data_dirs: Sequence[Path]
    cache: Path
    workdir: Path
    limits: Limits = field(default_factory=Limits)


def rerun_cells(cells: Sequence[Cell], count: int, seed: int, rerun: Rerun) -> list[RerunOutcome]:
    """Train up to ``count`` of the cells again, chosen by ``seed``, on the CPU.

    Cells of protocols that read test labels are never chosen.

    Raises:
        DataError, UsageError: a data set is not at hand.
        BundleError: a data set is another than that of a record.
    """
    rerun.workdir.mkdir(parents=True, exist_ok=True)
    catalogue = Catalogue.find(rerun.data_dirs, {}, rerun.cache)
    return [_outcome(cell, catalogue, rerun) for cell in sample(cells, count, seed)]


def sample(cells: Sequence[Cell], count: int, seed: int) -> list[Cell]:
    """Choose up to ``count`` cells that can be run again; their order makes no difference."""
    able = [each for each in cells if protocol_named(each.record.key.protocol).selection != "test set"]
    able.sort(key=lambda cell: cell.record.digest)
    chosen = np.random.default_rng(seed).permutation(len(able))[:count]
    return [able[position] for position in chosen]


def _outcome(cell: Cell, catalogue: Catalogue, rerun: Rerun) -> RerunOutcome:
    record = cell.record
    data_set = catalogue.open(record.key.data_set, rerun.cache)
    split = same_data(data_set, record.key)
    answers = AnswerKey.of(data_set, split)
    accepted = h_interval(answers, answers.correct(cell.predictions))
    began, h = time.monotonic(), None
    try:
        predicted, samples = _predicted_again(record, data_set, split, rerun)
        h = metrics.harmonic_mean(*answers.u_and_s(predicted[np.argsort(samples)]))
        reason = (
            f"H {100 * h:.1f} again and {100 * record.metrics.h:.1f} in the record, whose 95% interval is "
            f"{100 * accepted.low:.1f} to {100 * accepted.high:.1f}; trained in {time.monotonic() - began:.0f} s"
        )
    except ComponentError as error:
        reason = str(error)
    if record.key.device != "cpu":
        reason += f"; on the CPU, where the record has {record.key.device}"
    within = h is not None and (accepted.low <= h <= accepted.high or h == record.metrics.h)
    return RerunOutcome(record.digest, h, within, f"{reason} ({rerun.confinement.description})")


def _predicted_again(record: Record, data_set: DataSet, split: Split, rerun: Rerun) -> tuple[IntArray, IntArray]:
    """Train a cell again; gives the predicted classes and the test samples that they are of (m,)."""
    limits = rerun.limits
    limit_s = limits.wall_s or max(START_S, min(SLOWER * record.timings.fit_s + START_S, LONGEST_S))
    threads = max(min(record.environment.threads, os.cpu_count() or 1), 1)
    room = Room(rerun.plugin.resolve() if rerun.plugin else None, (*rerun.data_dirs, rerun.cache))
    preparation = prepare(record, data_set, split, threads, rerun.confinement.plugin(room), limits)
    log = rerun.workdir.resolve() / f"{record.digest}.log"
    return predicted_inside(rerun.confinement, room, preparation, limit_s, log), preparation.samples


def h_interval(answers: AnswerKey, correct: NDArray[np.bool_]) -> Interval:
    """Give the 95% interval of H by resampling test samples within classes; ``correct`` (m,) says which were right."""
    return interval(h_replicates(answers.labels, answers.unseen_classes, correct[:, None])[0])
