"""Training a sample of submitted cells again, in confinement, and comparing all that their records are made of.

This process never imports submitted code, nor unpickles anything that came from it: it hands out training data and
unlabelled test features, takes in class numbers and scores, and judges them with its own labels.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gzslbench.contract.protocol import protocol_named
from gzslbench.errors import ComponentError, GzslbenchError
from gzslbench.files import disk_errors
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.differences import flat
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import Record
from gzslbench.submission.agreement import agreement, contradiction, same_predicted
from gzslbench.submission.bundle import Cell
from gzslbench.submission.case import OwnData
from gzslbench.submission.confined.confinement import Confinement, Room, Unconfined
from gzslbench.submission.confined.job import Limits, prepare
from gzslbench.submission.confined.run import predicted_inside
from gzslbench.submission.line import Line, Outcome
from gzslbench.submission.manifest import grouped

SLOWER = 10
START_S = 600.0
LONGEST_S = 6 * 3600.0
"""What a run may take: ``SLOWER`` times what its record says and ``START_S``, but no more than this."""
SLACK = 0.02
"""By how much shares of samples and metrics, both fractions, may differ beyond what the seeds of a bundle show."""
SEEDS_APART = 3.0
"""How many of the seeds' standard deviations a metric may be off."""
LOG_BYTES = 1 << 20
"""What is kept of the end of a log."""


@dataclass(frozen=True)
class Rerun:
    """What all runs of a bundle share.

    ``plugin`` is a Python file or a folder with unpacked source, None where gzslbench brings all components.
    """

    confinement: Confinement
    plugin: Path | None
    data: OwnData
    limits: Limits = field(default_factory=Limits)
    logs: Path = Path("rerun-logs")
    """Where logs of runs that did not pass are kept."""

    def keep(self, printed: BinaryIO, cell: Cell) -> Path:
        """Keep the end of what a run printed where it stays, and say where; raises :class:`RecordError`."""
        size = os.fstat(printed.fileno()).st_size
        path = self.logs / f"{cell.record.digest}.log"
        with disk_errors(f"can't keep {path}"):
            self.logs.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.pread(printed.fileno(), LOG_BYTES, max(size - LOG_BYTES, 0)))
        return path


def rerun_cells(cells: Sequence[Cell], count: int, seed: int, rerun: Rerun) -> list[Line]:
    """Train up to ``count`` of the cells again, chosen by ``seed``; cells that read test labels are never chosen."""
    chosen = sample(cells, count, seed)
    if not chosen:
        return [Line("rerun", Outcome.UNCHECKED, "none of the cells can be trained again")]
    groups = grouped(cells, lambda cell: cell.record.key)
    return [_line(cell, next(group for group in groups if cell in group), rerun) for cell in chosen]


def sample(cells: Sequence[Cell], count: int, seed: int) -> list[Cell]:
    """Choose up to ``count`` cells that can be run again; their order makes no difference."""
    able = [each for each in cells if protocol_named(each.record.key.protocol).choice != "test set"]
    able.sort(key=lambda cell: cell.record.digest)
    chosen = np.random.default_rng(seed).permutation(len(able))[:count]
    return [able[position] for position in chosen]


def _line(cell: Cell, seeds: Sequence[Cell], rerun: Rerun) -> Line:
    """Pass a cell that comes out again as another honest fit of it would; ``seeds`` are all cells that differ by seed.

    Where nothing confined the code, it may have read the labels, so its predictions prove nothing.
    """
    with tempfile.TemporaryFile() as printed:
        outcome, text = _trained_again(cell, seeds, rerun, printed)
        if outcome is not Outcome.PASSED:
            text += f"; its log: {rerun.keep(printed, cell)}"
    record = cell.record
    if record.key.device != "cpu":
        text += f"; on the CPU, where the record has {record.key.device}"
    if outcome is Outcome.PASSED and isinstance(rerun.confinement, Unconfined):
        outcome, text = Outcome.UNCHECKED, f"{text}; it could have read the labels"
    return Line("rerun", outcome, f"{record.digest}: {text} ({rerun.confinement.description})")


def _trained_again(cell: Cell, seeds: Sequence[Cell], rerun: Rerun, printed: BinaryIO) -> tuple[Outcome, str]:
    try:
        answers, began = rerun.data.answers(cell.record.key), time.monotonic()
        again = trained_again(cell.record, rerun, printed)
        stray = contradiction(again, answers)
        if stray:
            raise ComponentError(f"it reported what can't be predicted: {stray}", "read its source")
    except ComponentError as error:
        return Outcome.REFUSED, str(error)
    except GzslbenchError as error:
        return Outcome.UNCHECKED, str(error)
    wrong = differing(cell, again, seeds, answers)
    alike, took_s = same_predicted(cell.predictions, again), time.monotonic() - began
    text = (
        f"H {100 * answers.h(again):.1f} again and {100 * cell.record.metrics.h:.1f} in the record, "
        f"{alike:.1%} of predictions alike; trained in {took_s:.0f} s"
    )
    return (Outcome.REFUSED, f"{text}; {wrong}") if wrong else (Outcome.PASSED, text)


def differing(cell: Cell, again: Predictions, seeds: Sequence[Cell], answers: AnswerKey) -> str:
    """Say what differs by more than two honest fits do; empty where nothing does.

    Two fits of one seed differ at most as two seeds do: rounding, which is another on each machine, grows with training
    until nothing is left in common. On glyphs, fitted again on another machine of the same kind, f-clswgan predicted
    84% of samples as before, early-gan 92%, gsmflow 97%, and closed forms all; two seeds agree for 39%, 61% and 65%. So
    what is allowed is what the bundle's own seeds show, and :data:`SLACK`.
    """
    others = [agreement(one.predictions, two.predictions) for one, two in itertools.combinations(seeds, 2)]
    for name, share in agreement(cell.predictions, again).items():
        needed = min([1.0, *(each[name] for each in others)]) - SLACK
        if share < needed:
            return f"{name} agrees by {share:.3f} with the record's, where its seeds agree by {needed + SLACK:.3f}"
    said, got = flat(asdict(cell.record.metrics)), flat(asdict(answers.score(again)))
    for name, value in said.items():
        ours = got[name]
        spread = [flat(asdict(each.record.metrics))[name] for each in seeds]
        if value is None or ours is None or None in spread:
            if value is not ours:
                return f"{name} is {ours} again and {value} in the record"
        elif abs(ours - value) > SLACK + SEEDS_APART * float(np.std(spread)):
            return f"{name} is {100 * ours:.1f} again and {100 * value:.1f} in the record"
    return ""


def trained_again(record: Record, rerun: Rerun, printed: BinaryIO) -> Predictions:
    """Train a record's cell again on the CPU; gives its predictions, whose classes are still to be looked at.

    Raises :class:`ComponentError` where it comes to no predictions, and what :meth:`OwnData.of` does.
    """
    limit_s = rerun.limits.wall_s or max(START_S, min(SLOWER * record.timings.fit_s + START_S, LONGEST_S))
    threads = max(min(record.environment.threads, os.cpu_count() or 1), 1)
    room = Room(rerun.plugin.resolve() if rerun.plugin else None, rerun.data.folders)
    inside = rerun.confinement.plugin(room)
    preparation = prepare(record, *rerun.data.of(record.key), threads, inside, rerun.limits)
    return predicted_inside(rerun.confinement, room, preparation, limit_s, printed)
