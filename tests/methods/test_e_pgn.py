"""E-PGN: losses against scikit-learn and torch, episodes, and prototypes of unseen classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from sklearn.metrics.pairwise import euclidean_distances
from torch import Tensor, nn

from gzslbench.contract import Context, View
from gzslbench.training.loop import run
from gzslbench_plugins.e_pgn.episodes import Episode
from gzslbench_plugins.e_pgn.generator import Config, PrototypeGenerator
from gzslbench_plugins.e_pgn.losses import (
    adversarial_loss,
    discriminator_loss,
    multimodal_cross_entropy,
    refinement,
)

from .conftest import linear_classes

SMALL = {"hidden": 32, "discriminator_hidden": 16, "batch_size": 32, "refining_batch": 32, "left_out": 3, "steps": 10}
CPU = torch.device("cpu")


def fitted(view: View, **settings: object) -> PrototypeGenerator:
    torch.manual_seed(0)
    generator = PrototypeGenerator(Config(**{**SMALL, "episodes": 1, **settings}))  # type: ignore[arg-type]
    generator.fit(view, Context(CPU, 0))
    return generator


def problem() -> tuple[Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(1)
    return torch.randn(6, 5, generator=rng), torch.randn(3, 5, generator=rng), torch.tensor([0, 2, 1, 1, 0, 2])


def test_classes_are_told_apart_in_both_spaces_by_inner_products() -> None:
    x, prototypes, labels = problem()
    rng = torch.Generator().manual_seed(2)
    inferred, a = torch.randn(6, 4, generator=rng), torch.randn(3, 4, generator=rng)
    expected = sum(
        log_loss(labels, torch.softmax((left @ right.T).double(), dim=1).numpy(), labels=[0, 1, 2])
        for left, right in ((x, prototypes), (inferred, a))
    )
    assert multimodal_cross_entropy(x, prototypes, inferred, a, labels).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("mean_distance", [False, True])
@pytest.mark.parametrize(("over", "axis"), [("classes", 1), ("samples", 0)])
def test_refinement_is_a_softmax_of_distances(mean_distance: bool, over: str, axis: int) -> None:
    x, prototypes, labels = problem()
    distances = euclidean_distances(x.double(), prototypes.double()) ** 2 / (5 if mean_distance else 1)
    likelihood = np.exp(-distances) / np.exp(-distances).sum(axis=axis, keepdims=True)
    expected = -np.log(likelihood[np.arange(len(labels)), labels]).mean()
    assert refinement(x, prototypes, labels, mean_distance, over).item() == pytest.approx(expected, rel=1e-5)


def test_adversaries_are_those_of_the_logarithms() -> None:
    real, made = torch.randn(2, 7, generator=torch.Generator().manual_seed(3))
    expected = -(real.sigmoid().log() + (1 - made.sigmoid()).log()).mean()
    torch.testing.assert_close(discriminator_loss(real, made), expected)
    torch.testing.assert_close(adversarial_loss(made), -made.sigmoid().log().mean())


def test_an_episode_trains_on_some_classes_and_refines_on_the_others() -> None:
    labels = torch.arange(10).repeat_interleave(torch.arange(5, 15))
    episode, sides = Episode(labels, 10, 4, 3, Context(CPU, 0)), []
    for step in range(12):
        inside, outside = set(labels[episode.rows(400)].tolist()), set(labels[episode.rows_left_out(400)].tolist())
        assert (len(inside), len(outside), inside & outside) == (6, 4, set())
        assert episode.is_over() == (step % 3 == 2)
        sides.append(frozenset(outside))
    assert [len(set(sides[first : first + 3])) for first in range(0, 12, 3)] == [1] * 4
    assert len(set(sides)) > 1


def test_at_most_half_of_the_classes_are_left_out() -> None:
    assert Episode(torch.arange(5), 5, 10, 1, Context(CPU, 0)).left_out == 2


def test_refining_moves_the_prototypes_alone_and_only_at_the_end_of_an_episode() -> None:
    made, ctx = PrototypeGenerator(Config(**SMALL, episodes=1)), Context(CPU, 0)  # type: ignore[arg-type]
    training = next(made.trainings(linear_classes()[0], ctx))
    base, _, refining = training.descents
    counts = []
    for _ in range(20):
        list(base.batches())
        counts.append(len(list(refining.batches())))
    assert counts == ([0] * 9 + [10]) * 2
    assert list(refining.networks()) == [made.F]


def test_the_discriminator_learns_alone() -> None:
    made, ctx = PrototypeGenerator(Config(**SMALL, episodes=1)), Context(CPU, 0)  # type: ignore[arg-type]
    training = next(made.trainings(linear_classes()[0], ctx))
    list(training.descents[0].batches())  # begins a step, in which the discriminator judges the same samples
    networks = [made.F, made.G, made.D]
    before = [nn.utils.parameters_to_vector(each.parameters()).clone() for each in networks]
    run([type(training)(training.stage, 1, training.descents[1:2])], [ctx])
    after = [nn.utils.parameters_to_vector(each.parameters()) for each in networks]
    assert [torch.equal(*pair) for pair in zip(before, after, strict=True)] == [True, True, False]


def test_without_adversarial_loss_there_is_no_discriminator_to_train() -> None:
    made = PrototypeGenerator(Config(**SMALL, episodes=1, adversarial=0.0))  # type: ignore[arg-type]
    training = next(made.trainings(linear_classes()[0], Context(CPU, 0)))
    assert not any(made.D in descent.networks() for descent in training.descents)
    run([training], [Context(CPU, 0)])


def test_prototypes_of_unseen_classes_lie_at_their_samples() -> None:
    view, unseen, centres = linear_classes()
    made = fitted(view, episodes=20, learning_rate=5e-3, cross_entropy=0.01)
    prototypes = made.generate(unseen, 1, Context(CPU, 0))
    assert prototypes.shape == (4, 1, 10)
    assert torch.cdist(prototypes[:, 0], centres).argmin(dim=1).tolist() == [0, 1, 2, 3]


def test_seen_classes_are_represented_by_generated_prototypes_or_by_samples() -> None:
    view, ctx = linear_classes()[0], Context(CPU, 0)
    generated, labels = fitted(view).training_set(view, ctx)
    assert generated.shape == (12, 10)
    assert labels.tolist() == list(range(12))
    assert torch.equal(fitted(view, generated_seen=False).training_set(view, ctx)[0], view.features)


def test_every_copy_of_a_prototype_is_the_same() -> None:
    view, unseen, _ = linear_classes()
    copies = fitted(view).generate(unseen, 3, Context(CPU, 0))
    assert torch.equal(copies[:, 0], copies[:, 2])
    assert not torch.equal(copies[0], copies[1])


@pytest.mark.parametrize(("field", "value"), [("episodes", 0), ("dropout", 1.0), ("adversarial", -1), ("left_out", 0)])
def test_config_refuses_what_is_out_of_range(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{field}\n  Input should be"):
        Config(**{field: value})  # type: ignore[arg-type]
