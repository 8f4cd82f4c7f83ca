"""Whether results can be what they say they are: copies of others, and numbers that hardly any experiment gives.

What can't be raises :class:`BundleError`, what is merely unlikely :class:`DoubtError`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from gzslbench.contract.info import Makes, Need
from gzslbench.errors import counted
from gzslbench.records.names import row_name
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import CellKey
from gzslbench.records.summary import SHORTEST_S, RecordSummary, full_key
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.registry.registry import Registry
from gzslbench.report.papers.reported import reported_numbers
from gzslbench.submission.agreement import gate_score, same_best, same_in_each_domain, same_predicted
from gzslbench.submission.bundle import Cell
from gzslbench.submission.case import Case, DoubtError
from gzslbench.submission.claims import registry_with
from gzslbench.submission.manifest import DataEntry, grouped

COPIED = 0.9
"""Share of samples from which on equal best seen and unseen classes are no chance: see :mod:`.agreement`.

Methods whose code for scores differs predict the same class for at most 85% of the samples of leaderboards/records that
one of them sends to a domain, in one of the domains (seed 0 of each).
"""
NEARLY_ALL = 0.99
"""As much over both domains, of which one may be all but empty: there, methods predict the same for at most 98.4%."""
COPIED_ROUTES = 0.97
"""As much for predicted classes where a classifier does as well without the generator, so that the gate alone decides.

On leaderboards/records, seeds of one method then agree for at most 90%, methods for at most 94%.
"""
IDENTICAL = 0.999
TOO_GOOD = 0.99
FAR_ABOVE = 0.10
"""How far H may exceed the best that is known before a maintainer has to look."""
CLOCK_SKEW = timedelta(hours=1)
_ASK = "ask the author how it came about; --allow-doubts passes it all the same"


def check_originality(case: Case) -> str:
    """No predictions are those of another method, nor those of another seed, in whole or nearly so."""
    registry = registry_with(case.plugins)
    for group in grouped(case.cells, lambda cell: cell.record.key):
        _check_seeds_differ(group, registry)
    compared = again = 0
    for store, result in case.rivals:
        test = result.key.labels, result.split_hash
        cells = [cell for cell in case.cells if (cell.record.key.labels, cell.record.key.split_hash) == test]
        others = [cell for cell in cells if _code(cell.record.key) != _code(result.key)]
        again += len(cells) > len(others)
        if others and store.has(full_key(result)):
            theirs = store.predictions(full_key(result))
            for cell in others:
                _check_differ(cell, Rival(case, result, theirs), registry)
            compared += 1
    submitted_again = f"; {counted(again, 'record')} of the very same code there already" if again else ""
    return f"compared with {counted(compared, 'record')} of other methods{submitted_again}"


def check_timings(case: Case) -> str:
    """Training and predicting took time, and took place in the past."""
    for cell in case.cells:
        wrong = _wrong_timing(cell) or _wrong_date(cell.record.created)
        if wrong:
            raise BundleError(f"{cell}: {wrong}", "run it again")
    return "every phase took time, in the past; how fast, on which machine and in what memory is not verified"


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


@dataclass(frozen=True, eq=False)
class Rival:
    """A result of others on the same test samples, and its predictions."""

    case: Case
    result: RecordSummary
    predictions: Predictions

    @property
    def draws(self) -> bool:
        """Whether its seeds differ: what doesn't draw, such as a closed form, comes out alike whoever wrote it."""
        mine = self.result.key
        for store, other in self.case.rivals:
            same = (other.key, other.method) == (mine, self.result.method) and other.seed != self.result.seed
            if same and store.has(full_key(other)):
                return same_best(self.predictions, store.predictions(full_key(other))) < COPIED
        return self.result.generative and not self.result.deterministic


def _check_seeds_differ(group: list[Cell], registry: Registry) -> None:
    """Refuse a seed that is a copy of another; methods without a generator may have no use for seeds at all."""
    pairs, key = list(itertools.combinations(group, 2)), group[0].record.key
    generative = group[0].record.generative
    copies = []
    for one, other in pairs:
        if scores_by_generator(key, registry):
            copied = same_best(one.predictions, other.predictions) >= COPIED
        else:
            least = COPIED_ROUTES if generative else IDENTICAL
            copied = same_predicted(one.predictions, other.predictions) >= least
        copies += [(one, other)] if copied else []
    alike = [pair for pair in pairs if same_predicted(*(cell.predictions for cell in pair)) >= COPIED_ROUTES]
    if alike and not copies and scores_by_generator(key, registry):
        raise DoubtError(f"{alike[0][0]} and {alike[0][1]} predict nearly the same", "one may be a copy: --rerun tells")
    if not copies:
        return
    seeds = [cell.record.key.seed for cell in copies[0]]
    what = f"{DataEntry.of(key)}: seeds {seeds[0]} and {seeds[1]} have the same predictions"
    if len(copies) < len(pairs):
        raise BundleError(what, "one is a copy of the other: run both")
    if generative:
        raise DoubtError(f"{what}, as all seeds have, though a generator took part", _ASK)


def _check_differ(cell: Cell, rival: Rival, registry: Registry) -> None:
    """Compare what the code does not share: scores come out alike where the same code makes them of the same."""
    result, key = rival.result, cell.record.key
    what = f"those of '{row_name(result)}', seed {result.seed}"
    if _scoring(key, registry) == _scoring(result.key, registry):
        routes = same_predicted(cell.predictions, rival.predictions)
        gates = [np.ptp(gate_score(each)) > 0 for each in (cell.predictions, rival.predictions)]
        if routes >= COPIED_ROUTES and all(gates):
            raise DoubtError(f"{cell}: {routes:.1%} of predictions are {what}, though another gate decided", _ASK)
        return
    share = same_best(cell.predictions, rival.predictions)
    predicted = same_predicted(cell.predictions, rival.predictions)
    alike = predicted >= NEARLY_ALL or same_in_each_domain(cell.predictions, rival.predictions) >= COPIED
    if share < COPIED and alike:  # the best of the other domain decides little, and is easily changed
        raise DoubtError(f"{cell}: {predicted:.1%} of predictions are {what}", "they may be copied: --rerun tells")
    if share < COPIED:
        return
    if rival.draws or scores_by_generator(key, registry):  # chance has a part in either
        raise BundleError(f"{cell}: for {share:.1%} of samples the best classes are {what}", "they were copied")
    raise DoubtError(
        f"{cell}: for {share:.1%} of samples the best classes are {what}",
        "they were copied, or it is the same algorithm: --rerun tells",
    )


def scores_by_generator(key: CellKey, registry: Registry) -> bool:
    """Say whether a classifier's scores depend on what a generator makes; where its code is unknown, they may."""
    generator, _, classifier = key.parts
    if generator is None:
        return False
    maker = registry.entries.get(("generator", generator.name))
    user = registry.entries.get(("classifier", classifier.name))
    if maker is None or user is None:
        return True
    makes, needs = maker.what.info.makes, user.what.info.needs
    return Makes.ENCODING in makes or bool({Need.SYNTHETIC, Need.PROXIES, Need.OUTSIDE} & {*needs})


def _scoring(key: CellKey, registry: Registry) -> list[tuple[str, str]]:
    """Name the code that scores classes."""
    generator, _, classifier = key.parts
    parts = [classifier, *([generator] if generator and scores_by_generator(key, registry) else [])]
    return [(part.name, part.code) for part in parts]


def _code(key: CellKey) -> list[tuple[str, str]]:
    return [(part.name, part.code) for part in key.parts if part]


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
    if not timings.predict_s or min(timings.predict_s) < SHORTEST_S:
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
