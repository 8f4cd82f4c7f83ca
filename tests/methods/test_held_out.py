"""What is held out of a training to find a threshold."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gzslbench.contract import Context, View
from gzslbench_plugins.shared.held_out import cut, drawn_folds, held_out_samples, one_cut


def context(seed: int = 0) -> Context:
    return Context(torch.device("cpu"), seed)


def view(classes: int, per_class: int = 10) -> View:
    """Samples that carry their label and their own number as features; semantics that carry the class."""
    labels = torch.arange(classes).repeat(per_class)
    features = torch.stack([labels, torch.arange(len(labels))], dim=1).float()
    return View(features, labels, torch.arange(classes).float()[:, None])


@pytest.mark.parametrize(("classes", "left_out"), [(2, 1), (9, 2), (10, 2), (33, 7)])
def test_a_fifth_of_the_classes_and_of_the_other_samples_is_left_out(classes: int, left_out: int) -> None:
    whole = view(classes)
    made = one_cut(whole, context())
    assert (len(made.kept.semantics), len(made.unseen_semantics)) == (classes - left_out, left_out)
    assert torch.equal(made.kept.semantics[made.kept.labels, 0], made.kept.features[:, 0])
    assert set(made.unseen[:, 0].tolist()) == set(made.unseen_semantics[:, 0].tolist())
    assert set(made.seen[:, 0].tolist()) <= set(made.kept.semantics[:, 0].tolist())
    numbers = torch.cat([made.kept.features, made.seen, made.unseen])[:, 1]
    assert sorted(numbers.tolist()) == list(range(len(whole.labels)))
    assert len(made.unseen) == 10 * left_out
    assert len(made.seen) == 2 * (classes - left_out)
    assert 0 < len(made.seen) < len(made.kept.features)


def test_what_is_left_out_follows_the_seed() -> None:
    first, again, other = (one_cut(view(20), context(seed)) for seed in (0, 0, 1))
    assert torch.equal(first.kept.features, again.kept.features)
    assert not torch.equal(first.unseen_semantics, other.unseen_semantics)


@pytest.mark.parametrize("sizes", [[5, 10, 1], [2, 3, 21]])
def test_a_fifth_of_each_class_is_held_out_but_never_all(sizes: list[int]) -> None:
    labels = torch.arange(3).repeat_interleave(torch.tensor(sizes))[torch.randperm(sum(sizes))]
    held_out = held_out_samples(labels, context())
    expected = [min(int(np.ceil(size / 5)), size - 1) for size in sizes]
    assert labels[held_out].bincount(minlength=3).tolist() == expected


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_each_class_is_held_out_once(classes: int) -> None:
    folds = torch.stack(drawn_folds(classes, 3, context())).int()
    assert folds.sum(dim=0).tolist() == [1] * classes
    assert folds.sum(dim=1).max() - folds.sum(dim=1).min() <= 1


def test_classes_kept_are_numbered_anew() -> None:
    view = View(torch.arange(6.0)[:, None], torch.tensor([0, 1, 2, 2, 0, 1]), torch.tensor([[0.0], [1.0], [2.0]]))
    held_out = torch.tensor([False, False, False, True, False, True])
    made = cut(view, held_out, without=torch.tensor([False, True, False]))
    assert made.kept.features.ravel().tolist() == [0, 2, 4]
    assert made.kept.labels.tolist() == [0, 1, 0]
    assert made.kept.semantics.ravel().tolist() == [0, 2]
    assert (made.seen.ravel().tolist(), made.unseen.ravel().tolist()) == ([3], [1, 5])
