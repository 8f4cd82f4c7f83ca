import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.evaluation.predicting import route

INF = float("inf")


def _route_row(joint, seen, unseen, prior):
    """Route one sample, written as the sentences of the contract."""
    if prior[1] == -INF:
        return int(np.argmax(seen))
    if prior[0] == -INF:
        return len(seen) + int(np.argmax(unseen))
    shifted = [score + prior[0] for score in joint[: len(seen)]] + [score + prior[1] for score in joint[len(seen) :]]
    return int(np.argmax(shifted))


@st.composite
def scored_samples(draw):
    """Scores in float32 of up to six samples; halves make ties, which go to the first class."""
    samples, seen, unseen = draw(st.integers(1, 6)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    halves = st.integers(-8, 8).map(lambda each: each / 2)

    def table(columns):
        rows = st.lists(halves, min_size=columns, max_size=columns)
        return np.array(draw(st.lists(rows, min_size=samples, max_size=samples)), dtype=np.float32)

    prior = table(2)
    for row in prior:
        ruled_out = draw(st.sampled_from([None, 0, 1]))
        if ruled_out is not None:
            row[ruled_out] = -INF
    return table(seen + unseen), table(seen), table(unseen), prior


@given(scored_samples())
def test_agrees_with_routing_row_by_row(scores):
    routed = route(*map(torch.from_numpy, scores))
    assert routed.tolist() == [_route_row(*row) for row in zip(*scores, strict=True)]


def test_worked_example():
    joint = torch.tensor([[3.0, 0.0, 2.0, 0.0]]).repeat(4, 1)
    seen, unseen = torch.tensor([[0.0, 1.0]]).repeat(4, 1), torch.tensor([[0.0, 1.0]]).repeat(4, 1)
    prior = torch.tensor([[0.0, 0.0], [-2.0, 0.0], [0.0, -INF], [-INF, 0.0]])
    assert route(joint, seen, unseen, prior).tolist() == [0, 2, 1, 3]
