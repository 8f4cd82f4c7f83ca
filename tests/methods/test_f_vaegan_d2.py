"""f-VAEGAN-D2: its samples, and what it registers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gzslbench.contract import Context, View
from gzslbench_plugins.f_vaegan_d2.generator import FVaegan

from .conftest import context

SMALL = {"encoder_hidden": 32, "generator_hidden": 32, "critic_hidden": 32, "batch_size": 32, "initial_std": 0.2}
FAST = {"learning_rate": 1e-2, "critic_steps": 2, "adversarial_weight": 1.0}


def toy() -> tuple[View, Tensor, Tensor]:
    """Twenty seen classes and four unseen ones around points that depend on their semantics; features in [0, 1]."""
    rng = torch.Generator().manual_seed(1)
    semantics = torch.rand(24, 4, generator=rng)
    points = (3 * (semantics - 0.5) @ torch.randn(4, 12, generator=rng)).sigmoid()
    labels = torch.arange(24).repeat_interleave(20)
    features = (points[labels] + 0.03 * torch.randn(480, 12, generator=rng)).clamp(0, 1)
    return View(features[:400], labels[:400], semantics[:20]), semantics[20:], points[20:]


def fitted(**settings: object) -> tuple[FVaegan, Context]:
    generator, ctx = FVaegan(FVaegan.Config(**{**SMALL, **FAST, "semantic_norm": 0.0, **settings})), context()
    generator.fit(toy()[0], ctx)
    return generator, ctx


def test_samples_of_unseen_classes_lie_around_their_points() -> None:
    _, unseen, points = toy()
    samples = fitted(steps=120)[0].generate(unseen, 50, context(5))
    right = torch.cdist(samples, points).argmin(dim=2) == torch.arange(4)[:, None]
    assert right.float().mean() > 0.8  # a quarter by chance


def test_samples_are_class_major_and_between_0_and_1() -> None:
    samples = fitted(steps=2)[0].generate(torch.rand(3, 4), 7, context())
    assert samples.shape == (3, 7, 12)
    assert samples.min() > 0
    assert samples.max() < 1
    assert not samples.requires_grad


def test_it_can_generate_while_it_trains() -> None:
    generator, lent, shapes = FVaegan(FVaegan.Config(**SMALL, steps=10)), context(), []
    lent.on_checkpoint = lambda stage, step: shapes.append(generator.generate(torch.eye(4), 2, context()).shape)
    generator.fit(toy()[0], lent)
    assert len(shapes) == 10


def test_the_terms_of_the_loss_are_logged() -> None:
    assert set(fitted(steps=3)[1].settled_curves()) == {"critic", "divergence", "reconstruction", "generator"}


def test_same_seed_same_samples() -> None:
    first, second = (fitted(steps=3)[0].generate(torch.eye(4), 3, context(1)) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize(("field", "value"), [("adversarial_weight", -1), ("per_class", 0), ("encoder_hidden", 0)])
def test_config_refuses_what_is_out_of_range(field: str, value: int) -> None:
    with pytest.raises(ValueError, match=field):
        FVaegan.Config(**{field: value})
