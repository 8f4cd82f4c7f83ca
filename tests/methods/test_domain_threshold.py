"""What is left out to find a threshold, and the threshold that is found."""

from __future__ import annotations

import math

import pytest
import torch

from gzslbench.contract import Context, View
from gzslbench_plugins.shared.domain_threshold import best_threshold, hard_routing, rehearse

INF = math.inf


def view(classes: int, per_class: int = 10) -> View:
    """Samples that carry their label and their own number as features; semantics that carry the class."""
    labels = torch.arange(classes).repeat(per_class)
    features = torch.stack([labels, torch.arange(len(labels))], dim=1).float()
    return View(features, labels, torch.arange(classes).float()[:, None])


@pytest.mark.parametrize(("classes", "left_out"), [(2, 1), (9, 1), (10, 2), (33, 6)])
def test_a_fifth_of_the_classes_and_of_the_other_samples_is_left_out(classes: int, left_out: int) -> None:
    whole = view(classes)
    cut = rehearse(whole, Context(torch.device("cpu"), 0))
    assert (len(cut.semantics), len(cut.left_out_semantics)) == (classes - left_out, left_out)
    assert torch.equal(cut.semantics[cut.labels, 0], cut.features[:, 0])
    assert set(cut.unseen[:, 0].tolist()) == set(cut.left_out_semantics[:, 0].tolist())
    assert set(cut.seen[:, 0].tolist()) <= set(cut.semantics[:, 0].tolist())
    numbers = torch.cat([cut.features, cut.seen, cut.unseen])[:, 1]
    assert sorted(numbers.tolist()) == list(range(len(whole.labels)))
    assert len(cut.unseen) == 10 * left_out
    assert abs(len(cut.seen) - len(whole.labels) / 5) <= len(cut.unseen)
    assert 0 < len(cut.seen) < len(cut.features)


def test_what_is_left_out_follows_the_seed() -> None:
    first, again, other = (rehearse(view(20), Context(torch.device("cpu"), seed)) for seed in (0, 0, 1))
    assert torch.equal(first.features, again.features)
    assert not torch.equal(first.left_out_semantics, other.left_out_semantics)


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


def test_samples_on_the_threshold_are_seen() -> None:
    assert hard_routing(torch.tensor([0.9, 1.0, 1.1]), 1.0).tolist() == [[0.0, -INF], [0.0, -INF], [-INF, 0.0]]
