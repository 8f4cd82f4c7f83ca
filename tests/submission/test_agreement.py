from __future__ import annotations

from dataclasses import replace

import numpy as np

from gzslbench.records.predictions import Predictions
from gzslbench.submission.agreement import same_in_each_domain, same_predicted

SEEN, UNSEEN = 0, 2


def sent(*predicted: int) -> Predictions:
    count = len(predicted)
    seen, unseen = np.full(count, SEEN), np.full(count, UNSEEN)
    margin, prior = np.zeros(count, dtype=np.float32), np.zeros((count, 2), dtype=np.float32)
    return Predictions(np.arange(count), np.array(predicted), unseen, seen, unseen, margin, prior)


def test_that_nearly_all_is_taken_for_seen_makes_no_two_results_alike():
    one = sent(SEEN, SEEN, SEEN, SEEN, SEEN, SEEN, SEEN, UNSEEN, UNSEEN)
    other = sent(SEEN, SEEN, SEEN, SEEN, SEEN, SEEN, SEEN, SEEN, UNSEEN)
    assert same_predicted(one, other) == 8 / 9
    assert same_in_each_domain(one, other) == same_in_each_domain(other, one) == 1 / 2


def test_what_is_the_same_agrees_in_whatever_domain_it_has():
    for each in (sent(SEEN, SEEN), sent(UNSEEN), sent(SEEN, UNSEEN)):
        assert same_in_each_domain(each, each) == 1
    assert same_in_each_domain(sent(SEEN), replace(sent(SEEN), samples=np.array([7]))) == 0
