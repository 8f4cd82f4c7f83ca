"""Whether results can be what they say they are: copies of others, and numbers that hardly any experiment gives.

What can't be raises :class:`BundleError`, what is merely unlikely :class:`DoubtError`.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np

from gzslbench.records.names import row_name
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import CellKey
from gzslbench.records.summary import RecordSummary, full_key
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.report.papers.reported import reported_numbers
from gzslbench.submission.bundle import Cell
from gzslbench.submission.case import Case, DoubtError
from gzslbench.submission.manifest import DataEntry, grouped

NEARLY_ALL = 0.999
"""Share of samples from which on two sets of predictions are taken for one."""
HALVED = 1e-3
"""By how much scores may differ, relatively, and still be the same: some results keep them in two bytes."""
TOO_GOOD = 0.99
FAR_ABOVE = 0.10
"""How far H may exceed the best that is known before a maintainer has to look."""
CLOCK_SKEW = timedelta(hours=1)
_ASK = "ask the author how it came about; --allow-doubts passes it all the same"
_CLASSES = ("predicted", "predicted_unseen", "best_seen", "best_unseen")
_SCORES = ("margin", "log_prior")


def check_originality(case: Case) -> str:
    """No predictions are those of another method, and none of a generator's are those of another seed."""
    for group in grouped(case.cells, lambda cell: cell.record.key):
        _check_seeds_differ(group)
    compared = 0
    for store, result in case.rivals:
        cells = [cell for cell in case.cells if _rival(cell.record.key, result)]
        if cells and store.has(full_key(result)):
            theirs = store.predictions(full_key(result))
            for cell in cells:
                _check_differ(cell, result, theirs)
            compared += 1
    return f"compared with {compared} records of other methods"


def check_timings(case: Case) -> str:
    """Training and predicting took time, and took place in the past."""
    for cell in case.cells:
        wrong = _wrong_timing(cell) or _wrong_date(cell.record.created)
        if wrong:
            raise BundleError(f"{cell}: {wrong}", "run it again")
    return "every phase took time, in the past"


def check_plausibility(case: Case) -> str:
    """No accuracy is as good as hardly any experiment's is."""
    for cell in case.cells:
        metrics, key = cell.record.metrics, cell.record.key
        if metrics.h > TOO_GOOD or metrics.t1 >= 1 or min(metrics.u, metrics.s) >= 1:
            raise DoubtError(f"{cell}: H is {metrics.h:.2%} and T1 {metrics.t1:.2%}", _ASK)
        best = _best_known(case, key)
        if best is not None and metrics.h > best + FAR_ABOVE:
            raise DoubtError(f"{cell}: H is {metrics.h:.2%}, the best that is known is {best:.2%}", _ASK)
    return "no accuracy is out of the ordinary"


def alike(one: Predictions, other: Predictions) -> tuple[float, float]:
    """Give the share of samples for which two sets of predictions name the same classes, and have the same scores."""
    if not np.array_equal(np.sort(one.samples), np.sort(other.samples)):
        return 0.0, 0.0
    first, second = np.argsort(one.samples), np.argsort(other.samples)
    classes = [getattr(one, name)[first] == getattr(other, name)[second] for name in _CLASSES]
    scores = [np.isclose(getattr(one, name)[first], getattr(other, name)[second], rtol=HALVED) for name in _SCORES]
    same_scores = [equal.all(axis=1) if equal.ndim > 1 else equal for equal in scores]
    return float(np.all(classes, axis=0).mean()), float(np.all(same_scores, axis=0).mean())


def _check_seeds_differ(group: list[Cell]) -> None:
    """Refuse a seed that is a copy of another; methods without a generator may have no use for seeds at all."""
    pairs = list(itertools.combinations([cell for cell in group if cell.record.generative], 2))
    copies = [(one, other) for one, other in pairs if min(alike(one.predictions, other.predictions)) >= NEARLY_ALL]
    if not copies:
        return
    key, seeds = copies[0][0].record.key, [cell.record.key.seed for cell in copies[0]]
    what = f"{DataEntry.of(key)}: seeds {seeds[0]} and {seeds[1]} have the same predictions"
    if len(copies) < len(pairs):
        raise BundleError(what, "one is a copy of the other: run both")
    raise DoubtError(f"{what}, as all seeds have, though a generator took part", _ASK)


def _check_differ(cell: Cell, result: RecordSummary, theirs: Predictions) -> None:
    classes, scores = alike(cell.predictions, theirs)
    what = f"{cell}: {classes:.1%} of predictions are those of '{row_name(result)}', seed {result.seed}"
    if min(classes, scores) >= NEARLY_ALL:
        raise BundleError(f"{what}, scores included", "they were copied")
    if classes >= NEARLY_ALL:
        raise DoubtError(what, _ASK)


def _rival(key: CellKey, result: RecordSummary) -> bool:
    """Tell whether a result is of other code on the same test samples."""
    ours, theirs = ([(part.name, part.code) for part in each.parts if part] for each in (key, result.key))
    return (result.key.labels, result.split_hash) == (key.labels, key.split_hash) and ours != theirs


def _best_known(case: Case, key: CellKey) -> float | None:
    """Give the best H on a data set, among the results that the bundle is held against and in papers."""
    own = (result.h for _, result in case.rivals if result.key.data_set == key.data_set)
    papers = (row.value / 100 for row in reported_numbers() if row.metric == "H" and row.compares_to == key.data_set)
    return max((*own, *papers), default=None)


def _wrong_timing(cell: Cell) -> str:
    timings, samples = cell.record.timings, len(cell.predictions.samples)
    phases = (timings.fit_generator, timings.synthesise, timings.fit_gate, timings.fit_classifier)
    times = [time for phase in phases if phase for time in (phase.wall_s, phase.cpu_s, phase.device_s or 0.0)]
    if timings.fit_s <= 0 or min(times) < 0:
        return f"fitting took {timings.fit_s} seconds, or a phase of it less than none"
    if not timings.predict_s or min(timings.predict_s) <= 0:
        return "predicting took no time"
    if timings.test_samples != samples:
        return f"{timings.test_samples} samples were timed, {samples} predicted"
    return "" if timings.peak_memory_mib > 0 else "it took no memory"


def _wrong_date(created: str) -> str:
    try:
        late = datetime.fromisoformat(created) > datetime.now(UTC) + CLOCK_SKEW
    except (ValueError, TypeError):
        return f"it was made at no time that can be read: {created!r}"
    return f"it was made in the future: {created}" if late else ""
