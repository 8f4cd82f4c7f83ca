import numpy as np
import pytest

from gzslbench.errors import ContractError
from gzslbench.records.answer_key import AnswerKey, Scorer
from gzslbench.records.predictions import Predictions

ANSWERS = AnswerKey(np.array([2, 5]), np.array([0, 1]), np.array([0]), np.array([1]), ("ant", "bee"))


def predictions(samples):
    rows, margin = np.array([0, 1]), np.zeros(2, dtype=np.float32)
    arrays = dict.fromkeys(("predicted", "predicted_unseen", "best_seen", "best_unseen"), rows)
    return Predictions.of(
        {"samples": np.array(samples), **arrays, "margin": margin, "log_prior": np.zeros((2, 2), dtype=np.float32)}
    )


def test_reads_are_counted():
    scorer = Scorer(ANSWERS)
    assert scorer.test_reads == 0
    assert scorer.h(predictions([2, 5])) == 1.0
    assert scorer.score(predictions([5, 2])).h == 0.0
    assert scorer.test_reads == 2


def test_what_is_refused_is_not_counted():
    scorer = Scorer(ANSWERS)
    with pytest.raises(ContractError):
        scorer.h(predictions([2, 4]))
    assert scorer.test_reads == 0
