"""The threshold between two samples of numbers, and what a gate makes of it."""

from __future__ import annotations

import math

import pytest
import torch

from gzslbench_plugins.shared.domain_threshold import best_threshold, hard_routing

INF = math.inf


def harmonic(seen: torch.Tensor, unseen: torch.Tensor, threshold: float) -> float:
    s, u = float((seen <= threshold).double().mean()), float((unseen > threshold).double().mean())
    return 2 * s * u / (s + u) if s + u else 0.0


@pytest.mark.parametrize("seed", range(6))
def test_no_threshold_is_better_than_the_one_found(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    seen, unseen = torch.randn(40, generator=rng), 1 + torch.randn(25, generator=rng)
    if seed % 2:  # many ties
        seen, unseen = seen.round(), unseen.round()
    found = best_threshold(seen, unseen)
    everywhere = torch.linspace(-5, 6, 2001).tolist()
    assert harmonic(seen, unseen, found) >= max(harmonic(seen, unseen, each) for each in everywhere) - 1e-12


def test_the_threshold_of_what_does_not_overlap_lies_halfway() -> None:
    assert best_threshold(torch.tensor([0.0, 1.0]), torch.tensor([3.0, 5.0])) == 2.0


def test_each_sample_goes_to_one_domain() -> None:
    assert hard_routing(torch.tensor([False, True])).tolist() == [[0.0, -INF], [-INF, 0.0]]
