"""Samples that components keep for figures, where they are asked to."""

import numpy as np
import pytest
import torch

from gzslbench.contract.context import Context, on_host


def test_numbers_take_two_bytes_and_integers_four():
    assert on_host(torch.ones(3, requires_grad=True)).dtype == np.float16
    assert on_host(torch.arange(3)).dtype == np.int32


@pytest.mark.parametrize("keeps", [False, True])
def test_a_component_keeps_samples_only_where_it_was_asked_to(keeps):
    ctx = Context(torch.device("cpu"), 0, keeps_samples=keeps)
    ctx.keep(few=torch.zeros(2, 3))
    assert list(ctx.samples) == (["few"] if keeps else [])
