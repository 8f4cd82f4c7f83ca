"""Find the unit in which the constant of calibrated stacking transfers best from the validation fold to the refit.

Test samples take no part. A problem is cut inside trainval (the outer one: its training samples stand for trainval, its
test samples for the test set), and a validation fold inside that. Each method is fitted on both; the constant with the
best H on the fold is carried to the outer problem in each unit, and judged by its regret: how many points of H it stays
below the best constant there. ``python scripts/calibration_units.py --method eszsl --seeds 0 1 2`` prints a table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from gzslbench.contract.dataset import DataSet
from gzslbench.contract.protocol import protocol_named
from gzslbench.data.catalogue import Catalogue
from gzslbench.data.splits import validation_split
from gzslbench.evaluation.branch import fit_generator
from gzslbench.evaluation.fitting import FoldFitter
from gzslbench.evaluation.generator_output import GeneratorOutput
from gzslbench.evaluation.job import Fold, GroupJob, TestSet
from gzslbench.evaluation.predicting import Predictor
from gzslbench.records.metrics import Curve, harmonic_mean, seen_unseen_curve
from gzslbench.registry.combinations import Resolver, of_method, of_parts
from gzslbench.registry.registry import Registry, load_plugins
from gzslbench.runner.group_job import make_job, make_test_set
from gzslbench.runner.plan import Scope, Task, make_plan
from gzslbench.runner.request import Request

Floats = NDArray[np.float64]
METHODS = ("eszsl", "sae", "gsmflow", "f-clswgan", "early-gan")
DATA_SETS = ("glyphs", "CLINC150", "CUB", "CUB@sent", "FLO")


@dataclass(frozen=True, eq=False)
class Fit:
    """What one fit says about samples; margins are of the best seen class over the best unseen one."""

    curve: Curve
    margins: Floats
    test_seen: NDArray[np.bool_]
    """Which of the test samples, whose margins these are, is of a seen class."""
    train_margins: Floats
    train_scores: Floats
    """Joint scores (n, s + u) of the training samples, seen classes first."""
    train_labels: NDArray[np.int64]
    seen: int

    @property
    def h(self) -> Floats:
        return np.array([100 * harmonic_mean(u, s) for u, s in zip(self.curve.unseen, self.curve.seen, strict=True)])

    def h_at(self, gamma: float) -> float:
        return float(self.h[np.searchsorted(self.curve.offsets, gamma, side="right") - 1])

    def best_gamma(self) -> float:
        """Give the middle of the interval of the best H."""
        first = last = int(self.h.argmax())
        while last + 1 < len(self.h) and self.h[last + 1] == self.h[first]:
            last += 1
        ends = self.curve.offsets[[first, min(last + 1, len(self.h) - 1)]]
        return float(ends[np.isfinite(ends)].mean())


def fit_and_predict(job: GroupJob, fold: Fold, test_set: TestSet, data_set: DataSet) -> Fit:
    setup = job.cells[0].setups[0]
    fitter = FoldFitter(job, fold, lambda stage, step, last: None)
    output = GeneratorOutput(fitter, fit_generator(fitter, setup.generator, {}))
    gate, classifier = (fitter.fit(part, output.view(part)).component for part in (setup.gate, setup.classifier))
    predictor = Predictor(fitter, output, setup, gate, classifier)
    test = predictor.predict(test_set)
    train = predictor.predict(TestSet(np.sort(fold.train), test_set.unseen_semantics), keep_scores=True)
    assert train.joint is not None
    labels, train_labels = data_set.labels[test.samples], data_set.labels[train.samples]
    seen, unseen = (np.intersect1d(rows, labels) for rows in (fold.seen_rows, fold.unseen_rows))
    return Fit(
        seen_unseen_curve(labels, test.best_seen, test.best_unseen, test.margin, seen, unseen),
        test.margin.astype(np.float64),
        np.isin(labels, seen),
        train.margin.astype(np.float64),
        train.joint.astype(np.float64),
        np.searchsorted(fold.seen_rows, train_labels),
        len(fold.seen_rows),
    )


def both_fits(registry: Registry, data_set: DataSet, method: str, seed: int) -> tuple[Fit, Fit]:
    """Fit a method, without its gate, on the validation fold and on the outer problem."""
    outer = validation_split(data_set, data_set.split(), seed)
    generator, _, classifier = of_method(registry, method).entries
    combination = of_parts(registry, generator.name if generator else "none", "none", classifier.name)
    scope = Scope([protocol_named("validated")], [seed])
    (group,) = make_plan([combination], [Task(data_set, outer)], Resolver(registry, "quick"), scope).groups
    job = make_job(group, Request(device="cpu", precision="float32"))
    assert job.validation is not None
    fold = fit_and_predict(job, job.validation.fold, job.validation.test_set, data_set)
    return fold, fit_and_predict(job, job.fold, make_test_set(data_set, outer), data_set)


Unit = Callable[[Fit, Fit, float], float]
"""Carries a constant from the fold's fit to the refit."""


def multiple(scale: Callable[[Fit], float], centre: Callable[[Fit], float] = lambda fit: 0.0) -> Unit:
    """Measure the constant from a centre, in multiples of a scale, both found in either fit."""
    return lambda fold, refit, gamma: centre(refit) + (gamma - centre(fold)) / scale(fold) * scale(refit)


def share(margins: Callable[[Fit], Floats]) -> Unit:
    """Send the same share of some samples to the unseen classes."""

    def carried(fold: Fit, refit: Fit, gamma: float) -> float:
        return float(np.quantile(margins(refit), (margins(fold) <= gamma).mean(), method="hazen"))

    return carried


def temperature(fit: Fit) -> float:
    """Fit the softmax over seen classes to the training samples by likelihood."""
    scores, rows = fit.train_scores[:, : fit.seen], np.arange(len(fit.train_labels))

    def loss(log_temperature: float) -> float:
        logits = scores / np.exp(log_temperature)
        return float((logsumexp(logits, axis=1) - logits[rows, fit.train_labels]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-8.0, 8.0), method="bounded").x))


UNITS: Mapping[str, Unit] = {
    "no constant": lambda fold, refit, gamma: 0.0,
    "raw": lambda fold, refit, gamma: gamma,
    "mean margin": multiple(lambda fit: fit.train_margins.mean()),
    "deviations": multiple(lambda fit: fit.train_margins.std()),
    "raw from mean": multiple(lambda fit: 1.0, lambda fit: fit.train_margins.mean()),
    "deviations from mean": multiple(lambda fit: fit.train_margins.std(), lambda fit: fit.train_margins.mean()),
    "temperature": multiple(temperature),
    "spread": multiple(lambda fit: fit.train_scores.std(axis=1).mean()),
    "share": share(lambda fit: fit.train_margins),
    "(deviations)": multiple(lambda fit: fit.margins.std()),
    "(deviations from mean)": multiple(lambda fit: fit.margins.std(), lambda fit: fit.margins.mean()),
    "(share)": share(lambda fit: fit.margins),
    "(share of seen)": share(lambda fit: fit.margins[fit.test_seen]),
}
"""Of training margins, spread of a training sample's scores, or share of them; in brackets of the samples that are to
be judged, which is there to compare, as is the last one, which looks at labels."""


def regrets(fold: Fit, refit: Fit) -> list[float]:
    gamma, best = fold.best_gamma(), float(refit.h.max())
    return [best - refit.h_at(carried(fold, refit, gamma)) for carried in UNITS.values()]


def show(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--method", action="append", dest="methods", help=f"{', '.join(METHODS)} if left out")
    parser.add_argument("--dataset", action="append", dest="data_sets", help=f"{', '.join(DATA_SETS)} if left out")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--data-dir", action="append", dest="data_dirs", type=Path, default=[])
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    given = parser.parse_args(arguments)
    registry, catalogue = load_plugins(), Catalogue.find(given.data_dirs, cache_dir=given.cache)
    show("data set", "method", "best H", *UNITS)
    show(*["---"] * (3 + len(UNITS)))
    cells = []
    for name, method in product(given.data_sets or DATA_SETS, given.methods or METHODS):
        data_set = catalogue.open(name, given.cache)
        fits = [both_fits(registry, data_set, method, seed) for seed in given.seeds]
        cells.append(np.array([regrets(*both) for both in fits]))
        best = np.mean([refit.h.max() for _, refit in fits])
        show(name, method, f"{best:.1f}", *(f"{mean:.1f}" for mean in cells[-1].mean(axis=0)))
    every = np.concatenate(cells)
    show("mean", "", "", *(f"{mean:.2f}" for mean in every.mean(axis=0)))
    show("worst", "", "", *(f"{worst:.1f}" for worst in every.max(axis=0)))
    show("over 3 points", "", "", *(f"{often:.0%}" for often in (every > 3).mean(axis=0)))


if __name__ == "__main__":
    main()
