"""FREE: the centre loss, the refinement module, and the features that are classified."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from gzslbench.contract import View
from gzslbench.training.loop import run
from gzslbench_plugins.free import FREE, gzslbench_generators, gzslbench_methods
from gzslbench_plugins.free.generator import Free, FreeConfig, RefinedVaeGan
from gzslbench_plugins.free.refinement import Centres

from .conftest import context

WIDTHS = {"encoder_hidden": 32, "generator_hidden": 32, "critic_hidden": 32, "refinement_hidden": 24}
SMALL = {**WIDTHS, "batch_size": 16, "initial_std": 0.2, "margin": 5.0}
RATES = {"learning_rate": 1e-2, "refinement_learning_rate": 1e-2}


def toy() -> tuple[View, Tensor, Tensor]:
    """Twenty seen classes and four unseen ones around points that depend on their semantics; features in [0, 1]."""
    rng = torch.Generator().manual_seed(1)
    semantics = torch.nn.functional.normalize(torch.rand(24, 5, generator=rng), dim=1)
    points = (6 * (semantics - 0.4) @ torch.randn(5, 12, generator=rng)).sigmoid()
    labels = torch.arange(24).repeat_interleave(20)
    features = (points[labels] + 0.03 * torch.randn(480, 12, generator=rng)).clamp(0, 1)
    return View(features[:400], labels[:400], semantics[:20]), semantics[20:], points[20:]


def made(**settings: object) -> RefinedVaeGan:
    return RefinedVaeGan(toy()[0], FreeConfig(**{**SMALL, "steps": 1, **settings}), context())


def fitted(**settings: object) -> Free:
    generator = Free(FreeConfig(**{**SMALL, **RATES, "adversarial_weight": 1.0, **settings}))
    generator.fit(toy()[0], context())
    return generator


@pytest.mark.parametrize("balance", [0.1, 0.8])
@pytest.mark.parametrize("nearest", [False, True])
def test_the_centre_loss_is_that_of_the_samples_one_by_one(nearest: bool, balance: float) -> None:
    torch.manual_seed(2)
    centres, codes = Centres(4, 3), torch.randn(6, 3)
    y, other = torch.tensor([0, 1, 2, 3, 0, 1]), torch.tensor([1, 2, 3, 0, 2, 3])
    total = 0.0
    for code, own, wrong in zip(codes, y.tolist(), other.tolist(), strict=True):
        squares = [float((code - c).square().sum()) for c in centres.c.detach()]
        distant = min(squares[:own] + squares[own + 1 :]) if nearest else squares[wrong]
        total += max(0.0, 0.7 + balance * squares[own] - (1 - balance) * distant)
    loss = centres.loss(codes, y, None if nearest else other, margin=0.7, balance=balance)
    assert total > 0
    assert loss.item() == pytest.approx(total / 6, rel=1e-5)


def test_the_wrong_class_is_never_the_own_one_and_any_other() -> None:
    gan = made()
    y, other, noise = gan.more(torch.arange(400).repeat(20))
    assert noise.shape == (8000, 5)
    assert (y != other).all()
    assert set(other[y == 7].tolist()) == set(range(20)) - {7}


def test_the_refinement_draws_codes_and_gives_their_sigmoid() -> None:
    refinement = made().refinement
    x, noise = torch.rand(7, 12), torch.randn(7, 5)
    hidden = torch.nn.functional.leaky_relu(refinement.from_features(x), 0.2)
    mean, deviation = refinement.to_code(hidden)[:, :5], refinement.to_code(hidden)[:, 5:].sigmoid()
    code, semantics = refinement(x, noise)
    torch.testing.assert_close(code, mean)
    torch.testing.assert_close(semantics, (mean + deviation * noise).sigmoid())


def changed(gan: RefinedVaeGan, descent: int) -> set[str]:
    """Name the networks that a descent changes."""
    names = ("encoder", "generator", "critic", "refinement", "centres")
    flat = lambda: {name: nn.utils.parameters_to_vector(getattr(gan, name).parameters()).clone() for name in names}  # noqa: E731
    before = flat()
    run([replace(gan.training(), descents=gan.training().descents[descent : descent + 1])], [gan.ctx])
    after = flat()
    return {name for name in names if not torch.equal(before[name], after[name])}


def test_who_learns_from_which_loss() -> None:
    assert changed(made(), 0) == {"critic", "refinement", "centres"}
    assert changed(made(), 1) == {"encoder", "generator", "refinement"}
    assert changed(made(refinement_learns_from_fakes=False), 1) == {"encoder", "generator"}


@pytest.mark.parametrize("other", ["random", "nearest"])
def test_codes_of_a_class_come_to_lie_around_its_centre(other: str) -> None:
    view = toy()[0]
    gan = fitted(steps=200, other=other).gan
    code, _ = gan.refinement(view.features, torch.zeros(400, 5))
    nearest = torch.cdist(code, gan.centres.c).argmin(dim=1)
    assert (nearest == view.labels).float().mean() > 0.3  # a twentieth by chance


def test_features_are_joined_with_hidden_layer_and_semantics() -> None:
    view, unseen, points = toy()
    generator = fitted(steps=200)
    encoded, refinement = generator.encode(view.features), generator.gan.refinement
    assert encoded.shape == (400, 12 + 24 + 5)
    torch.testing.assert_close(encoded[:, :12], view.features)
    torch.testing.assert_close(encoded[:, 12:36], refinement.embedding(view.features))
    torch.testing.assert_close(encoded[:, 36:], refinement(view.features, torch.zeros(400, 5))[1])
    torch.testing.assert_close(generator.encode(view.features[:3]), encoded[:3])
    assert not encoded.requires_grad
    made = generator.generate(unseen, 50, context(5))
    assert made.shape == (4, 50, 41)
    torch.testing.assert_close(made.flatten(0, 1), generator.encode(made[..., :12].flatten(0, 1)))
    right = torch.cdist(made[..., :12], points).argmin(dim=2) == torch.arange(4)[:, None]
    assert right.float().mean() > 0.8  # a quarter by chance


def test_hooks_register_what_the_methods_name() -> None:
    first, variant = gzslbench_methods()
    assert first == FREE
    assert variant.variant_of == "free"
    assert [each.info.name for each in gzslbench_generators()] == [FREE.generator]


@pytest.mark.parametrize(("field", "value"), [("balance", 1.5), ("margin", -1), ("other", "farthest")])
def test_config_refuses_what_is_out_of_range(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        FreeConfig(**{field: value})
