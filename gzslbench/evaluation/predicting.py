"""A fitted gate and classifier on the test set: predictions of all test samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gzslbench.contract import Classifier, Gate
from gzslbench.contract.parts import Role, combination_name
from gzslbench.contract.views import ClassSet
from gzslbench.errors import ContractError
from gzslbench.evaluation.checks import checked, checked_log_prior
from gzslbench.evaluation.fitting import FoldFitter, isolated
from gzslbench.evaluation.generator_output import GeneratorOutput
from gzslbench.evaluation.job import TestSet
from gzslbench.evaluation.timing import Meter, excess
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import Phase
from gzslbench.registry.setup import Setup

CHUNK_ROWS = 8192
CHUNK_BYTES = 64 << 20
"""Test samples are scored in chunks of so many rows, fewer where their scores of all classes would take more bytes."""


class Predictor:
    """A fitted gate and classifier, with the encoding in front of them, on the test set; no gate leaves all open."""

    def __init__(
        self, fitter: FoldFitter, output: GeneratorOutput, setup: Setup, gate: Gate | None, classifier: Classifier
    ) -> None:
        self._fitter, self._output, self._setup = fitter, output, setup
        self._gate, self._classifier = gate, classifier
        self._class_rows = np.concatenate([fitter.fold.seen_rows, fitter.fold.unseen_rows])
        self._predicting, self._telling = Meter(), Meter()

    def predict(self, test_set: TestSet, keep_scores: bool = False, again: int = 0) -> Predictions:
        """Predict all test samples; raises :class:`ContractError` for unusable scores.

        No more than one chunk's scores are in memory at a time, unless they are to be kept. ``again`` numbers
        repetitions, which are made for their time alone: see :meth:`FoldFitter.test_features`.
        """
        self._predicting.calls.append({})
        class_sets = self._fitter.class_sets(test_set)
        before = [classes.semantics.clone() for classes in class_sets]
        ctx = self._fitter.context(self._classifier.info, "predict")
        with isolated(ctx.seed, grad=False):
            chunks = (self._predict(features, class_sets, keep_scores) for features in self._chunks(test_set, again))
            arrays = _gathered(chunks, len(test_set.samples))
        self._require_unchanged(before, [classes.semantics for classes in class_sets])
        classes = {name: self._class_rows.take(arrays[name]) for name in _POSITIONS}
        return Predictions.of({"samples": test_set.samples, **arrays, **classes})

    def training_margins(self, test_set: TestSet) -> Tensor:
        """Say by how much the best seen class of each training sample exceeds its best unseen one: (m,)."""
        classes = self._fitter.class_sets(test_set)[2]
        seen_count = len(self._fitter.semantics)
        ctx = self._fitter.context(self._classifier.info, "predict")
        with isolated(ctx.seed, grad=False):
            margins = [
                self._margin(rows, classes, seen_count) for rows in torch.split(self._fitter.features, self._chunk_rows)
            ]
        return torch.cat(margins)

    def _margin(self, features: Tensor, classes: ClassSet, seen_count: int) -> Tensor:
        name, before = self._setup.classifier.name, [features.clone(), classes.semantics.clone()]
        scores = self._classifier.scores(self._output.encode(features), classes)
        joint = checked(scores, (len(features), len(classes)), name, "scores")
        self._require_unchanged(before, [features, classes.semantics])
        return joint[:, :seen_count].amax(dim=1) - joint[:, seen_count:].amax(dim=1)

    @property
    def _chunk_rows(self) -> int:
        return min(CHUNK_ROWS, max(1, CHUNK_BYTES // (4 * len(self._class_rows))))

    def with_gate_score(self, predictions: Predictions, test_set: TestSet) -> Predictions:
        """Add the number by which the gate decided, if it gives one; apart from predicting, which is timed."""
        if self._gate is None:
            return predictions
        self._telling.calls.append({})
        ctx = self._fitter.context(self._gate.info, "predict")
        with isolated(ctx.seed, grad=False):
            chunks = (self._gate_score(features) for features in self._chunks(test_set))
            given = _gathered(chunks, len(test_set.samples))
        if any(len(scores) != len(test_set.samples) for scores in given.values()):
            what = f"unseen_score of '{self._setup.gate.name}' gave numbers for some samples alone"
            raise ContractError(what, "give one for each sample, or None for all")
        order = np.argsort(test_set.samples)
        return replace(predictions, **{name: scores[order] for name, scores in given.items()})

    def learned(self) -> dict[Role, Phase]:
        """Say what components must have learned when they first predicted, by the time that it took them.

        Prediction must have been repeated. A gate may also learn when it is asked by what number it decides.
        """
        learned, predicted = self._predicting.learned(), self._predicting.totals()[1:]
        told = excess(self._telling.totals()[0], predicted) if self._telling.calls else None
        return learned | {"gate": told + learned.get("gate", Phase(0.0, 0.0))} if told else learned

    def _chunks(self, test_set: TestSet, again: int = 0) -> Iterator[Tensor]:
        """Give the features of the test samples, a chunk at a time; a test set without samples has one empty chunk."""
        size = self._chunk_rows
        for samples in np.split(test_set.samples, range(size, len(test_set.samples), size)):
            yield self._fitter.test_features(samples, again)

    def _gate_score(self, features: Tensor) -> dict[str, Tensor]:
        name, gate = self._setup.gate.name, self._gate
        assert gate is not None
        with self._telling.at_work("gate"):
            score = gate.unseen_score(self._output.encode(features))
            return {} if score is None else {"gate_score": checked(score, (len(features),), name, "unseen_score")}

    def _predict(
        self, features: Tensor, class_sets: tuple[ClassSet, ClassSet, ClassSet], keep_scores: bool
    ) -> dict[str, Tensor]:
        """Score a chunk and give what :class:`Predictions` holds of it, classes as positions in the class sets."""
        before = features.clone()
        at_work = self._predicting.at_work
        gate, classifier = self._setup.gate.name, self._setup.classifier.name
        with at_work("generator"):
            encoded = self._output.encode(features)
        with at_work("gate"):
            given = encoded.new_zeros(len(features), 2) if self._gate is None else self._gate.log_prior(encoded)
            prior = checked_log_prior(given, len(features), gate)
        with at_work("classifier"):
            seen, unseen, joint = (
                checked(self._classifier.scores(encoded, classes), (len(features), len(classes)), classifier, "scores")
                for classes in class_sets
            )
        self._require_unchanged([before], [features])
        count = seen.shape[1]
        best_seen, best_unseen = joint[:, :count].max(dim=1), joint[:, count:].max(dim=1)
        reduced = {
            "predicted": route(joint, seen, unseen, prior),
            "predicted_unseen": count + unseen.argmax(dim=1),
            "best_seen": best_seen.indices,
            "best_unseen": count + best_unseen.indices,
            "margin": best_seen.values - best_unseen.values,
            "log_prior": prior,
        }
        return reduced | {"joint": joint} if keep_scores else reduced

    def _require_unchanged(self, before: Sequence[Tensor], after: Sequence[Tensor]) -> None:
        if not all(map(torch.equal, before, after)):
            raise ContractError(
                f"'{combination_name(self._setup)}' changed features or semantics in place", "work on a clone"
            )


def _gathered(chunks: Iterable[dict[str, Tensor]], count: int) -> dict[str, NDArray[Any]]:
    """Put what is given of each chunk of ``count`` samples together, by name.

    It is copied at once into what was set aside for all chunks: pieces that were kept until the end would lie between
    the scores of one chunk and the next, whose memory could then not be used again.
    """
    whole: dict[str, Tensor] = {}
    start = 0
    for chunk in chunks:
        for name, part in chunk.items():
            if name not in whole:
                whole[name] = part.new_empty((count, *part.shape[1:]))
            whole[name][start : start + len(part)] = part
        start += max(map(len, chunk.values()), default=0)
    return {name: tensor[:start].cpu().numpy() for name, tensor in whole.items()}


_POSITIONS = ("predicted", "predicted_unseen", "best_seen", "best_unseen")


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
