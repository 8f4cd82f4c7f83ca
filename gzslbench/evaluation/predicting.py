"""A fitted gate and classifier on the test set: predictions of all test samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gzslbench.contract import Classifier, Gate
from gzslbench.contract.parts import combination_name
from gzslbench.contract.views import ClassSet
from gzslbench.errors import ContractError
from gzslbench.evaluation.checks import checked, checked_log_prior
from gzslbench.evaluation.fitting import FoldFitter, isolated
from gzslbench.evaluation.generator_output import GeneratorOutput
from gzslbench.evaluation.job import TestSet
from gzslbench.records.predictions import IntArray, Predictions
from gzslbench.registry.setup import Setup

PREDICTION_ROWS = 8192
"""Test samples are scored in chunks of this many rows, which bounds memory."""


class Predictor:
    """A fitted gate and classifier, with the encoding in front of them, on the test set."""

    def __init__(
        self, fitter: FoldFitter, output: GeneratorOutput, setup: Setup, gate: Gate, classifier: Classifier
    ) -> None:
        self._fitter, self._output, self._setup = fitter, output, setup
        self._gate, self._classifier = gate, classifier

    def predict(self, test_set: TestSet, keep_scores: bool = False) -> Predictions:
        """Predict all test samples; raises :class:`ContractError` for unusable scores."""
        features, class_sets = self._fitter.test_features(test_set), self._fitter.class_sets(test_set)
        shown = [features, *(classes.semantics for classes in class_sets)]
        before = [tensor.clone() for tensor in shown]
        ctx = self._fitter.context(self._classifier.info, "predict")
        with isolated(ctx.seed, grad=False):
            chunks = [self._score(rows, class_sets) for rows in torch.split(features, PREDICTION_ROWS)]
        if not all(map(torch.equal, before, shown)):
            raise ContractError(
                f"'{combination_name(self._setup)}' changed test features or semantics in place", "work on a clone"
            )
        joint, seen, unseen, prior = (torch.cat(pieces) for pieces in zip(*chunks, strict=True))
        return self._predictions(test_set, joint, seen, unseen, prior, keep_scores)

    def with_gate_score(self, predictions: Predictions, test_set: TestSet) -> Predictions:
        """Add the number by which the gate decided, if it gives one; apart from predicting, which is timed."""
        features = self._fitter.test_features(test_set)
        ctx = self._fitter.context(self._gate.info, "predict")
        with isolated(ctx.seed, grad=False):
            pieces = [self._gate_score(rows) for rows in torch.split(features, PREDICTION_ROWS)]
        given = [piece for piece in pieces if piece is not None]
        if not given:
            return predictions
        return replace(predictions, gate_score=torch.cat(given).cpu().numpy()[np.argsort(test_set.samples)])

    def _gate_score(self, features: Tensor) -> Tensor | None:
        score = self._gate.unseen_score(self._output.encode(features))
        name = self._setup.gate.name
        return None if score is None else checked(score, (len(features),), name, "unseen_score")

    def _score(self, features: Tensor, class_sets: tuple[ClassSet, ClassSet, ClassSet]) -> tuple[Tensor, ...]:
        encoded = self._output.encode(features)
        gate, classifier = self._setup.gate.name, self._setup.classifier.name
        prior = checked_log_prior(self._gate.log_prior(encoded), len(features), gate)
        seen, unseen, joint = (
            checked(self._classifier.scores(encoded, classes), (len(features), len(classes)), classifier, "scores")
            for classes in class_sets
        )
        return joint, seen, unseen, prior

    def _predictions(
        self, test_set: TestSet, joint: Tensor, seen: Tensor, unseen: Tensor, prior: Tensor, keep_scores: bool
    ) -> Predictions:
        rows = np.concatenate([self._fitter.fold.seen_rows, self._fitter.fold.unseen_rows])
        count = seen.shape[1]
        best_seen, best_unseen = joint[:, :count].max(dim=1), joint[:, count:].max(dim=1)

        def classes(positions: Tensor) -> IntArray:
            return rows.take(positions.cpu().numpy())

        arrays = {
            "samples": test_set.samples,
            "predicted": classes(route(joint, seen, unseen, prior)),
            "predicted_unseen": classes(count + unseen.argmax(dim=1)),
            "best_seen": classes(best_seen.indices),
            "best_unseen": classes(count + best_unseen.indices),
            "margin": (best_seen.values - best_unseen.values).cpu().numpy(),
            "log_prior": prior.cpu().numpy(),
        }
        return Predictions.of(arrays | {"joint": joint.cpu().numpy()} if keep_scores else arrays)


def route(joint: Tensor, seen: Tensor, unseen: Tensor, log_prior: Tensor) -> Tensor:
    """Predict a class position for each sample: seen classes first, unseen ones after them.

    ``joint`` (n, s + u) scores all classes, ``seen`` (n, s) and ``unseen`` (n, u) come from the experts of one domain,
    ``log_prior`` (n, 2) from the gate. A row with one ``-inf`` is left to the other domain's expert; any other row
    takes the joint scores plus the log-prior of each class's domain.
    """
    classes = seen.shape[1]
    prior = torch.nan_to_num(log_prior, neginf=0.0)
    either = torch.cat([joint[:, :classes] + prior[:, :1], joint[:, classes:] + prior[:, 1:]], dim=1).argmax(dim=1)
    to_seen, to_unseen = log_prior[:, 1] == -torch.inf, log_prior[:, 0] == -torch.inf
    routed = torch.where(to_seen, seen.argmax(dim=1), either)
    return torch.where(to_unseen, classes + unseen.argmax(dim=1), routed)
