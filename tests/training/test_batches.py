"""Rows drawn on the device."""

import pytest
import torch

from gzslbench.contract.context import Context
from gzslbench.training import random_rows, shuffled_batches


def context(seed: int = 0) -> Context:
    return Context(torch.device("cpu"), seed)


def test_random_rows_are_in_range_and_follow_the_stream() -> None:
    rows, again, other = (random_rows(10, 1000, context(seed)) for seed in (1, 1, 2))
    assert set(rows.tolist()) == set(range(10))
    assert torch.equal(rows, again)
    assert not torch.equal(rows, other)


@pytest.mark.parametrize(("count", "batch_size"), [(1000, 300), (901, 300), (5, 300), (600, 300)])
def test_an_epoch_draws_each_row_once_in_batches_of_even_size(count: int, batch_size: int) -> None:
    batches = list(shuffled_batches(count, batch_size, context()))
    sizes = [len(batch) for batch in batches]
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    drawn = torch.cat(batches)
    assert drawn.sort().values.tolist() == list(range(count))
    assert count < 100 or drawn.tolist() != list(range(count))
