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

from gzslbench.contract.protocol import protocol_named
from gzslbench.errors import ComponentError, GzslbenchError
from gzslbench.records import metrics
from gzslbench.records.record import Record
from gzslbench.report.uncertainty.sampling import h_interval
from gzslbench.submission.bundle import Cell
from gzslbench.submission.case import OwnData
from gzslbench.submission.confined.confinement import Confinement, Room
from gzslbench.submission.confined.job import Limits, prepare
from gzslbench.submission.confined.run import predicted_inside
from gzslbench.submission.line import Line, Outcome

SLOWER = 10
START_S = 600.0
LONGEST_S = 6 * 3600.0
"""What a run may take: ``SLOWER`` times what its record says and ``START_S``, but no more than this."""


@dataclass(frozen=True)
class Rerun:
    """What all runs of a bundle share.

    ``plugin`` is a Python file or a folder with unpacked source, None where gzslbench brings all components.
    """

    confinement: Confinement
    plugin: Path | None
    data: OwnData
    limits: Limits = field(default_factory=Limits)


def rerun_cells(cells: Sequence[Cell], count: int, seed: int, rerun: Rerun) -> list[Line]:
    """Train up to ``count`` of the cells again, chosen by ``seed``; cells that read test labels are never chosen."""
    chosen = sample(cells, count, seed)
    if not chosen:
        return [Line("rerun", Outcome.UNCHECKED, "none of the cells can be trained again")]
    return [_line(cell, rerun) for cell in chosen]


def sample(cells: Sequence[Cell], count: int, seed: int) -> list[Cell]:
    """Choose up to ``count`` cells that can be run again; their order makes no difference."""
    able = [each for each in cells if protocol_named(each.record.key.protocol).selection != "test set"]
    able.sort(key=lambda cell: cell.record.digest)
    chosen = np.random.default_rng(seed).permutation(len(able))[:count]
    return [able[position] for position in chosen]


def _line(cell: Cell, rerun: Rerun) -> Line:
    """Pass a cell whose H lies, once more, in the 95% interval that the test samples give the record's own."""
    record = cell.record
    try:
        answers = rerun.data.answers(record.key)
        correct = answers.correct(cell.predictions)[:, None]
        accepted = h_interval(record.metrics.h, answers.labels, answers.unseen_classes, correct)
        began, h = time.monotonic(), trained_again(record, rerun)
        within = accepted.low <= h <= accepted.high or h == record.metrics.h
        text = (
            f"H {100 * h:.1f} again and {100 * record.metrics.h:.1f} in the record, whose 95% interval is "
            f"{100 * accepted.low:.1f} to {100 * accepted.high:.1f}; trained in {time.monotonic() - began:.0f} s"
        )
    except ComponentError as error:
        within, text = False, str(error)
    except GzslbenchError as error:
        return Line("rerun", Outcome.UNCHECKED, f"{record.digest}: {error}")
    if record.key.device != "cpu":
        text += f"; on the CPU, where the record has {record.key.device}"
    outcome = Outcome.PASSED if within else Outcome.REFUSED
    return Line("rerun", outcome, f"{record.digest}: {text} ({rerun.confinement.description})")


def trained_again(record: Record, rerun: Rerun) -> float:
    """Train a record's cell again on the CPU; gives H by the verifier's own labels.

    Raises :class:`ComponentError` where it comes to no predictions, and what :meth:`OwnData.of` does.
    """
    limit_s = rerun.limits.wall_s or max(START_S, min(SLOWER * record.timings.fit_s + START_S, LONGEST_S))
    threads = max(min(record.environment.threads, os.cpu_count() or 1), 1)
    room = Room(rerun.plugin.resolve() if rerun.plugin else None, rerun.data.folders)
    inside = rerun.confinement.plugin(room)
    preparation = prepare(record, *rerun.data.of(record.key), threads, inside, rerun.limits)
    predicted = predicted_inside(rerun.confinement, room, preparation, limit_s)
    return metrics.harmonic_mean(*rerun.data.answers(record.key).u_and_s(predicted[np.argsort(preparation.samples)]))
