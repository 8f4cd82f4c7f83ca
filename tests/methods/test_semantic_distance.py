"""The distance of predicted semantics, beside a plain loop."""

from __future__ import annotations

import pytest
import torch

from gzslbench_plugins.shared.semantic_distance import semantic_distance


@pytest.mark.parametrize("length", [1.0, 7.0])
@pytest.mark.parametrize("kind", ["l1", "weighted"])
def test_it_is_that_of_the_samples_one_by_one(kind: str, length: float) -> None:
    rng = torch.Generator().manual_seed(0)
    predicted, a = (torch.randn(5, 4, generator=rng) for _ in range(2))
    a = a / a.norm(dim=1, keepdim=True)
    total = 0.0
    for row, wanted in zip(predicted.tolist(), a.tolist(), strict=True):
        errors = [abs(p - w) for p, w in zip(row, wanted, strict=True)]
        norm = sum(e**2 for e in errors) ** 0.5
        total += sum(e if kind == "l1" else e**2 / norm * e for e in errors)
    assert float(semantic_distance(predicted, length * a, kind)) == pytest.approx(total / 5, rel=1e-5)


@pytest.mark.parametrize("kind", ["l1", "weighted"])
def test_a_perfect_prediction_has_a_gradient_of_zero(kind: str) -> None:
    a = torch.eye(3)
    predicted = a.clone().requires_grad_()
    semantic_distance(predicted, a, kind).backward()
    assert torch.equal(predicted.grad, torch.zeros(3, 3))
