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

from gzslbench.contract.dataset import DataSet, Split
from gzslbench.contract.protocol import protocol_named
from gzslbench.data.catalogue import Catalogue
from gzslbench.errors import ComponentError, RecordError
from gzslbench.records import metrics
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.predictions import IntArray
from gzslbench.records.record import Record
from gzslbench.report.uncertainty.bootstrap import Interval, h_replicates, interval
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


def rerun_cells(records: Sequence[Record], count: int, seed: int, rerun: Rerun) -> list[RerunOutcome]:
    """Train up to ``count`` of the records' cells again, chosen by ``seed``, on the CPU.

    Cells of protocols that read test labels are never chosen.

    Raises:
        DataError, UsageError: a data set is not at hand.
        BundleError: a data set is another than that of a record.
    """
    rerun.workdir.mkdir(parents=True, exist_ok=True)
    catalogue = Catalogue.find(rerun.data_dirs, {}, rerun.cache)
    return [_outcome(record, catalogue, rerun) for record in sample(records, count, seed)]


def sample(records: Sequence[Record], count: int, seed: int) -> list[Record]:
    """Choose up to ``count`` records that can be run again; their order makes no difference."""
    able = [each for each in records if protocol_named(each.key.protocol).selection != "test set"]
    able.sort(key=lambda record: record.digest)
    chosen = np.random.default_rng(seed).permutation(len(able))[:count]
    return [able[position] for position in chosen]


def _outcome(record: Record, catalogue: Catalogue, rerun: Rerun) -> RerunOutcome:
    data_set = catalogue.open(record.key.data_set, rerun.cache)
    split = same_data(data_set, record.key)
    answers = AnswerKey.of(data_set, split)
    accepted = h_interval(record, answers)
    began, h = time.monotonic(), None
    try:
        h = _h(*_predicted_again(record, data_set, split, rerun), answers)
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


def h_interval(record: Record, answers: AnswerKey) -> Interval:
    """Give the 95% interval of a record's H, by resampling test samples within classes.

    How many samples of each class were right is all that counts for it, and the record says so.
    """
    marks = np.zeros(len(answers.labels), dtype=bool)
    for row in np.unique(answers.labels):
        accuracy = record.metrics.per_class.get(answers.class_names[row], -1.0)
        if not 0 <= accuracy <= 1:
            raise RecordError(
                f"the record {record.digest} gives no accuracy of the class '{answers.class_names[row]}'", "rescore it"
            )
        of_class = np.flatnonzero(answers.labels == row)
        marks[of_class[: round(accuracy * len(of_class))]] = True
    return interval(h_replicates(answers.labels, answers.unseen_classes, marks[:, None])[0])


def _h(predicted: IntArray, samples: IntArray, answers: AnswerKey) -> float:
    in_order = predicted[np.argsort(samples)]
    u, s = (
        metrics.mean_per_class(answers.labels, in_order, classes)
        for classes in (answers.tested_unseen, answers.tested_seen)
    )
    return metrics.harmonic_mean(u, s)
