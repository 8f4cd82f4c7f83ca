"""f-CLSWGAN on toy classes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from gzslbench.training.loop import run
from gzslbench_plugins.f_clswgan.generator import FClswgan, FClswganConfig
from gzslbench_plugins.shared.seen_softmax import seen_softmax

from .conftest import context, four_classes

TINY = {
    "generator_hidden": 32,
    "critic_hidden": 32,
    "batch_size": 32,
    "softmax_epochs": 20,
    "learning_rate": 5e-3,
    "initial_std": 0.2,
}


def fitted(**settings: object) -> FClswgan:
    generator = FClswgan(FClswganConfig(**{**TINY, **settings}))
    generator.fit(four_classes(), context())
    return generator


def nll(generator: FClswgan) -> Tensor:
    """How badly an independently trained classifier takes samples for their class."""
    judge = trained_softmax(9, epochs=200, learning_rate=1e-3)
    samples = generator.generate(four_classes().semantics, 100, context(5))
    return cross_entropy(judge(samples.flatten(0, 1)), torch.arange(4).repeat_interleave(100))


def test_generate_is_class_major_and_not_negative() -> None:
    samples = fitted(steps=2).generate(torch.rand(3, 4), 7, context())
    assert samples.shape == (3, 7, 4)
    assert (samples >= 0).all()
    assert not samples.requires_grad


def test_samples_resemble_their_class() -> None:
    means = fitted(steps=150).generate(four_classes().semantics, 100, context()).mean(1)
    assert torch.cdist(means, four_classes().semantics).argmin(1).tolist() == [0, 1, 2, 3]


def test_class_loss_pushes_samples_to_their_class() -> None:
    assert nll(fitted(steps=150, class_loss=10.0)) < nll(fitted(steps=150, class_loss=0.0)) - 0.1


def test_seen_classifier_stays_frozen() -> None:
    judge, view, ctx = FClswgan(FClswganConfig(**{**TINY, "steps": 5, "class_loss": 1.0})), four_classes(), context()
    stages = judge.trainings(view, ctx)
    first = next(stages)
    run([first], [ctx])
    (layer,) = first.descents[0].trains
    weight = layer.weight.clone()
    for training in stages:
        run([training], [ctx])
    assert torch.equal(layer.weight, weight)
    assert not layer.weight.requires_grad


def trained_softmax(seed: int, epochs: int, learning_rate: float) -> torch.nn.Linear:
    ctx = context(seed)
    stages = seen_softmax(four_classes(), ctx, epochs, learning_rate)
    run([next(stages)], [ctx])
    with pytest.raises(StopIteration) as ended:
        next(stages)
    layer: torch.nn.Linear = ended.value.value
    return layer


def test_seen_softmax_learns_the_classes() -> None:
    data, classifier = four_classes(), trained_softmax(0, epochs=60, learning_rate=1e-2)
    assert (classifier(data.features).argmax(1) == data.labels).float().mean() > 0.95


def test_same_seed_same_samples() -> None:
    first, second = (fitted(steps=5).generate(torch.eye(4), 3, context(1)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, fitted(steps=5).generate(torch.eye(4), 3, context(2)))


def test_it_can_generate_while_it_trains() -> None:
    generator, lent, shapes = FClswgan(FClswganConfig(steps=10, **TINY)), context(), []
    lent.on_checkpoint = lambda stage, step: shapes.append(generator.generate(torch.eye(4), 2, context()).shape)
    generator.fit(four_classes(), lent)
    assert len(shapes) == 10


@pytest.mark.parametrize(
    ("field", "value"), [("class_loss", -1), ("per_class", 0), ("softmax_epochs", 0), ("steps", 0)]
)
def test_config_refuses_what_is_out_of_range(field: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"{field}\n  Input should be"):
        FClswganConfig(**{field: value})
