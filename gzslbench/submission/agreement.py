"""How far two sets of predictions agree, and whether the arrays of one agree with each other.

Measured on leaderboards/records (four data sets, 223 records): two seeds of one method that trains a generator name the
same best seen and best unseen class for at most 80% of the test samples, methods whose code differs for at most 75%.
What needs no generator, such as a closed form, names the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from gzslbench.records import metrics
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.predictions import Predictions

CLASSES = ("predicted", "predicted_unseen", "best_seen", "best_unseen")
HALVED = 2e-3
"""By how much scores may differ, relatively, and still be the same: some results keep them in two bytes."""


def same_best(one: Predictions, other: Predictions) -> float:
    """Give the share of samples whose best seen and best unseen class are the same, whatever their scores."""
    if not np.array_equal(one.samples, other.samples):
        return 0.0
    return float(((one.best_seen == other.best_seen) & (one.best_unseen == other.best_unseen)).mean())


def same_predicted(one: Predictions, other: Predictions) -> float:
    return float((one.predicted == other.predicted).mean()) if np.array_equal(one.samples, other.samples) else 0.0


def same_in_each_domain(one: Predictions, other: Predictions) -> float:
    """Give the share of equal predicted classes among what one of both sends to a domain, the lower of the domains.

    Where nearly all samples go to seen classes, honest methods predict the same for up to 98% of all samples.
    """
    if not np.array_equal(one.samples, other.samples):
        return 0.0
    same, unseen = one.predicted == other.predicted, [each.predicted == each.best_unseen for each in (one, other)]
    domains = unseen[0] | unseen[1], ~(unseen[0] & unseen[1])
    return min(float(same[domain].mean()) for domain in domains if domain.any())


def agreement(one: Predictions, other: Predictions) -> dict[str, float]:
    """Say for each array that a metric is made of how far it agrees, 1 being all.

    That is the share of equal classes, and the correlation of ranks of scores, since their scale decides nothing.
    """
    found = {name: float((getattr(one, name) == getattr(other, name)).mean()) for name in CLASSES}
    found["margin"] = _rank_correlation(one.margin, other.margin)
    found["gate's score"] = _rank_correlation(gate_score(one), gate_score(other))
    found["routing"] = float((routes(one) == routes(other)).mean())
    return found


def gate_score(predictions: Predictions) -> NDArray[np.floating]:
    """Give the number (n,) that the gate's metrics are made of."""
    given = predictions.gate_score
    return metrics.gate_score(predictions.log_prior) if given is None else given


def routes(predictions: Predictions) -> NDArray[np.int64]:
    """Say where a gate sent each sample (n,): 0 to the seen expert, 1 to the unseen one, 2 to either."""
    ruled_out = np.isneginf(predictions.log_prior)
    return np.select([ruled_out[:, 1], ruled_out[:, 0]], [0, 1], 2)


def contradiction(predictions: Predictions, answers: AnswerKey) -> str:
    """Say what no classifier and gate can predict together; empty where all arrays fit each other and the classes."""
    both = np.union1d(answers.seen_classes, answers.unseen_classes)
    allowed: Mapping[str, NDArray[np.integer]] = {
        "predicted": both,
        "predicted_unseen": answers.unseen_classes,
        "best_seen": answers.seen_classes,
        "best_unseen": answers.unseen_classes,
    }
    for name, rows in allowed.items():
        if not np.isin(getattr(predictions, name), rows).all():
            return f"{name} holds classes of another domain, or none"
    if predictions.joint is not None and predictions.joint.shape[1] != len(both):
        return f"joint has {predictions.joint.shape[1]} columns for {len(both)} classes"
    if (
        not np.isfinite(predictions.margin).all()
        or not np.isfinite(gate_score(predictions)[routes(predictions) == 2]).all()
    ):
        return "margin or the gate's score is infinite"
    prior, route = predictions.log_prior.astype(float), routes(predictions)
    if np.isposinf(prior).any() or np.isneginf(prior).all(axis=1).any():
        return "log_prior is no prior"
    to_seen = np.isin(predictions.predicted, answers.seen_classes)
    if (to_seen != (route == 0))[route != 2].any() or (predictions.predicted != predictions.predicted_unseen)[
        route == 1
    ].any():
        return "predicted is not what the gate's routing leads to"
    offset = np.where(route == 2, prior[:, 0] - prior[:, 1], 0.0)
    lead = predictions.margin + offset
    near = np.abs(lead) <= HALVED * (np.abs(predictions.margin) + np.abs(offset)) + 1e-6
    best = np.where(lead > 0, predictions.best_seen, predictions.best_unseen)
    if ((predictions.predicted != best) & ~near)[route == 2].any():
        return "predicted is not what margins and the gate's prior lead to"
    return ""


def _rank_correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    ranks = [rankdata(each) for each in (one, other)]
    constant = [np.ptp(each) == 0 for each in ranks]
    if any(constant):
        return float(all(constant))
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
