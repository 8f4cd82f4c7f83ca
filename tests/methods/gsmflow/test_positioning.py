"""Relative positioning against brute force (Eq. 8-10)."""

import math
import statistics

import pytest
import torch

from gzslbench_plugins.gsmflow.positioning import RelativePositioning, find_anchors, similarities


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(p * q for p, q in zip(a, b, strict=True))
    return dot / math.sqrt(sum(p * p for p in a) * sum(q * q for q in b))


@pytest.mark.parametrize("classes", [3, 8, 11])
def test_anchors_against_brute_force(classes: int) -> None:
    torch.manual_seed(classes)
    semantics = torch.randn(classes, 6, dtype=torch.float64)
    rows = semantics.tolist()
    totals = [sum(cosine(a, b) for b in rows) for a in rows]
    anchors = find_anchors(semantics)
    assert anchors.maximum.item() == totals.index(max(totals))
    assert anchors.minimum.item() == totals.index(min(totals))
    assert anchors.median.item() == totals.index(statistics.median_low(totals))


def test_similarities_ignore_length() -> None:
    semantics = torch.randn(5, 3, dtype=torch.float64)
    torch.testing.assert_close(similarities(semantics), similarities(semantics * torch.rand(5, 1) * 9))
    torch.testing.assert_close(similarities(semantics).diagonal(), torch.ones(5, dtype=torch.float64))


def test_identical_classes_have_anchors() -> None:
    anchors = find_anchors(torch.ones(4, 3))
    assert len({int(a) for a in anchors}) == 3


def test_global_vector_sums_three_responses() -> None:
    torch.manual_seed(0)
    seen = torch.randn(7, 4)
    net = RelativePositioning(seen, dim=5)
    unseen = torch.randn(2, 4)
    expected = torch.zeros(2, 5)
    for position, layer in zip(find_anchors(seen), net.responses, strict=True):
        expected += ((unseen - seen[position]) @ layer.weight.T + layer.bias).clamp(min=0)
    torch.testing.assert_close(net(unseen), expected)


def test_anchors_stay_those_of_seen_classes() -> None:
    seen = torch.randn(6, 4)
    net = RelativePositioning(seen, dim=3)
    before = net.anchors.clone()
    seen.add_(1.0)
    net(torch.randn(9, 4))
    torch.testing.assert_close(net.anchors, before)
