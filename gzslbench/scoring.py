"""The scorer: judges predictions by an answer key, and counts how often it is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.answers import AnswerKey
from gzslbench.predictions import Predictions
from gzslbench.record import Metrics


@dataclass
class Scorer:
    """One cell's way to the test labels: ``looks`` counts how often they were read for it."""

    answers: AnswerKey
    looks: int = 0

    def h(self, predictions: Predictions) -> float:
        """Give H alone, for protocols that select by it."""
        value = self.answers.h(predictions)
        self.looks += 1
        return value

    def score(self, predictions: Predictions) -> Metrics:
        """Compute all metrics."""
        metrics = self.answers.score(predictions)
        self.looks += 1
        return metrics
