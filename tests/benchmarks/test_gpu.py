"""What a GPU is to give: what must hold there, five seeds for less than the price of two, products near the ceiling."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from gpu_checks import CHECKS
from step_times import CUB, Problem, ceiling, seeds_step

pytestmark = pytest.mark.gpu

CUDA = torch.device("cuda")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_on_the_device(check: Callable[[torch.device], str]) -> None:
    print(f"\n{check.__name__}: {check(CUDA)}")


@pytest.mark.parametrize("method", ["gsmflow", "f-clswgan"])
def test_five_seeds_take_less_than_twice_the_time_of_one(method: str) -> None:
    problem = Problem.of(CUB)
    (one_s, _), (five_s, _) = (seeds_step(method, problem, "bfloat16", CUDA, count) for count in (1, 5))
    print(f"\n{method}: one seed {1e3 * one_s:.2f} ms, five {1e3 * five_s:.2f} ms a step, {five_s / one_s:.2f} times")
    assert five_s < 2 * one_s


def test_products_run_at_half_the_ceiling_or_more() -> None:
    step_s, gflop = seeds_step("gsmflow", Problem.of(CUB), "bfloat16", CUDA, count=5)
    rate, limit = gflop / step_s, ceiling("bfloat16", CUDA, size=8192)
    print(f"\ngsmflow, five seeds: {rate / 1e3:.0f} of {limit / 1e3:.0f} TFLOP/s in bfloat16")
    assert rate > limit / 2
