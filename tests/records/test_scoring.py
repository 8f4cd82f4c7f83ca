import numpy as np
import pytest

from gzslbench.errors import ContractError
from gzslbench.records.answer_key import AnswerKey, Scorer
from gzslbench.records.predictions import Predictions

ANSWERS = AnswerKey(np.array([2, 5]), np.array([0, 1]), np.array([0]), np.array([1]), ("ant", "bee"))


def predictions(samples):
    rows, scores = np.array([0, 1]), np.zeros(2, dtype=np.float32)
    return Predictions(np.array(samples), rows, rows, rows, rows, scores, scores, np.zeros((2, 2), dtype=np.float32))


def test_readings_are_counted():
    judge = Scorer(ANSWERS)
    assert judge.test_reads == 0
    assert judge.h(predictions([2, 5])) == 1.0
    assert judge.score(predictions([5, 2])).h == 0.0
    assert judge.test_reads == 2


def test_what_is_refused_is_no_look():
    judge = Scorer(ANSWERS)
    with pytest.raises(ContractError):
        judge.h(predictions([2, 4]))
    assert judge.test_reads == 0
