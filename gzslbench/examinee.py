"""A fitted gate and classifier at the exam: predictions of all test samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gzslbench.contract import Classifier, Gate
from gzslbench.errors import ContractError
from gzslbench.fitting import Bench, isolated
from gzslbench.guards import checked, checked_log_prior
from gzslbench.job import Choice, Exam, IntArray
from gzslbench.material import Material
from gzslbench.predictions import Predictions
from gzslbench.routing import route
from gzslbench.views import ClassSet

PREDICTION_ROWS = 8192
"""Test samples are scored in chunks of this many rows, which bounds memory."""


class Examinee:
    """A fitted gate and classifier, with the encoding in front of them, at the exam."""

    def __init__(self, bench: Bench, material: Material, choice: Choice, gate: Gate, classifier: Classifier) -> None:
        self._bench, self._material, self._choice = bench, material, choice
        self._gate, self._classifier = gate, classifier

    def predict(self, exam: Exam, keep_scores: bool = False) -> Predictions:
        """Predict all test samples; raises :class:`ContractError` for unusable scores."""
        features, class_sets = self._bench.test_features(exam), self._bench.class_sets(exam)
        shown = [features, *(classes.semantics for classes in class_sets)]
        before = [tensor.clone() for tensor in shown]
        ctx = self._bench.context(self._classifier.info, "predict")
        with isolated(ctx.seed, grad=False):
            chunks = [self._score(rows, class_sets) for rows in torch.split(features, PREDICTION_ROWS)]
        if not all(map(torch.equal, before, shown)):
            raise ContractError(
                f"'{self._choice.combination}' changed test features or semantics in place", "work on a clone"
            )
        joint, seen, unseen, prior = (torch.cat(pieces) for pieces in zip(*chunks, strict=True))
        return self._predictions(exam, joint, seen, unseen, prior, keep_scores)

    def with_gate_score(self, predictions: Predictions, exam: Exam) -> Predictions:
        """Add the number by which the gate decided, if it gives one; apart from predicting, which is timed."""
        features = self._bench.test_features(exam)
        ctx = self._bench.context(self._gate.info, "predict")
        with isolated(ctx.seed, grad=False):
            pieces = [self._gate_score(rows) for rows in torch.split(features, PREDICTION_ROWS)]
        given = [piece for piece in pieces if piece is not None]
        return replace(predictions, gate_score=torch.cat(given).cpu().numpy()) if given else predictions

    def _gate_score(self, features: Tensor) -> Tensor | None:
        score = self._gate.unseen_score(self._material.encode(features))
        name = self._choice.gate.name
        return None if score is None else checked(score, (len(features),), name, "unseen_score")

    def _score(self, features: Tensor, class_sets: tuple[ClassSet, ClassSet, ClassSet]) -> tuple[Tensor, ...]:
        encoded = self._material.encode(features)
        gate, classifier = self._choice.gate.name, self._choice.classifier.name
        prior = checked_log_prior(self._gate.log_prior(encoded), len(features), gate)
        seen, unseen, joint = (
            checked(self._classifier.scores(encoded, classes), (len(features), len(classes)), classifier, "scores")
            for classes in class_sets
        )
        return joint, seen, unseen, prior

    def _predictions(
        self, exam: Exam, joint: Tensor, seen: Tensor, unseen: Tensor, prior: Tensor, keep_scores: bool
    ) -> Predictions:
        rows = np.concatenate([self._bench.fold.seen_rows, self._bench.fold.unseen_rows])
        count = seen.shape[1]
        best_seen, best_unseen = joint[:, :count].max(dim=1), joint[:, count:].max(dim=1)

        def classes(positions: Tensor) -> IntArray:
            return rows.take(positions.cpu().numpy())

        return Predictions(
            samples=exam.samples,
            predicted=classes(route(joint, seen, unseen, prior)),
            predicted_unseen=classes(count + unseen.argmax(dim=1)),
            best_seen=classes(best_seen.indices),
            best_unseen=classes(count + best_unseen.indices),
            score_seen=best_seen.values.cpu().numpy(),
            score_unseen=best_unseen.values.cpu().numpy(),
            log_prior=prior.cpu().numpy(),
            joint=joint.cpu().numpy() if keep_scores else None,
        )
