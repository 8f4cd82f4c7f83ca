"""TF-VAEGAN: the decoder, the feedback loop, and the features that are classified."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from gzslbench.contract import View
from gzslbench.training.loop import run
from gzslbench_plugins.tf_vaegan import TF_VAEGAN, gzslbench_generators, gzslbench_methods
from gzslbench_plugins.tf_vaegan.config import TFVaeganConfig
from gzslbench_plugins.tf_vaegan.feedback import FeedbackVaeGan
from gzslbench_plugins.tf_vaegan.generator import TFVaegan

from .conftest import context

WIDTHS = {"encoder_hidden": 32, "generator_hidden": 32, "critic_hidden": 32, "decoder_hidden": 24}
SMALL = {**WIDTHS, "batch_size": 16, "initial_std": 0.2, "critic_steps": 2}
RATES = {"learning_rate": 1e-2, "decoder_learning_rate": 1e-2, "feedback_learning_rate": 1e-3}


def toy() -> tuple[View, Tensor, Tensor]:
    """Twenty seen classes and four unseen ones around points that depend on their semantics; features in [0, 1]."""
    rng = torch.Generator().manual_seed(1)
    semantics = torch.nn.functional.normalize(torch.rand(24, 5, generator=rng) - 0.3, dim=1)
    points = (3 * semantics @ torch.randn(5, 12, generator=rng)).sigmoid()
    labels = torch.arange(24).repeat_interleave(20)
    features = (points[labels] + 0.03 * torch.randn(480, 12, generator=rng)).clamp(0, 1)
    return View(features[:400], labels[:400], semantics[:20]), semantics[20:], points[20:]


def made(**settings: object) -> FeedbackVaeGan:
    return FeedbackVaeGan(toy()[0], TFVaeganConfig(**{**SMALL, "steps": 1, **settings}), context())


def fitted(**settings: object) -> TFVaegan:
    generator = TFVaegan(TFVaeganConfig(**{**SMALL, **RATES, "adversarial_weight": 1.0, **settings}))
    generator.fit(toy()[0], context())
    return generator


def by_hand(gan: FeedbackVaeGan, z: Tensor, a: Tensor, delta: float) -> Tensor:
    """Both passes of the generator, layer by layer."""

    def phi(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, 0.2 * x)

    def linear(layer: nn.Linear, x: Tensor) -> Tensor:
        return x @ layer.weight.T + layer.bias

    hidden = phi(linear(gan.generator.hidden, torch.cat([z, a], dim=1)))
    first = 1 / (1 + torch.exp(-linear(gan.generator.output, hidden)))
    h = phi(linear(gan.decoder.from_features, first))
    fed_back = phi(linear(gan.feedback.second, phi(linear(gan.feedback.first, h))))
    return 1 / (1 + torch.exp(-linear(gan.generator.output, hidden + delta * fed_back)))


@pytest.mark.parametrize("delta", [0.0, 0.5])
def test_synthesis_makes_two_passes_with_what_the_decoder_finds_in_between(delta: float) -> None:
    gan, a = made(synthesis_feedback=delta), toy()[0].semantics[:6]
    z = gan.noise(6, context(3))
    torch.testing.assert_close(gan.synthesise(a, context(3)), by_hand(gan, z, a, delta))


def test_training_feeds_back_in_every_other_turn() -> None:
    gan, turns = made(turn_steps=2), []
    for step in range(1, 9):
        turns.append(gan.feeds_back)
        gan.after_step(step)
    assert turns == [False, False, True, True, False, False, True, True]
    assert made(turn_steps=0).turn == 25  # batches of 16 of 400 samples
    assert not made(training_feedback=0.0).feeds_back


def test_gradients_of_the_feedback_end_at_the_feedback_module() -> None:
    gan = made(training_feedback=0.5)
    gan.feeds_back = True
    ((_, a, noise, delta),) = gan.training().descents[1].batches()
    torch.testing.assert_close(gan.logits(noise[1], a, delta).sigmoid(), by_hand(gan, noise[1], a, 0.5))
    gan.logits(noise[1], a, delta).sum().backward()
    assert gan.feedback.first.weight.grad.abs().sum() > 0
    assert gan.decoder.from_features.weight.grad is None


def changed(gan: FeedbackVaeGan, descent: int, feeds_back: bool) -> set[str]:
    """Name the networks that a descent changes."""
    gan.feeds_back = feeds_back
    names = ("encoder", "generator", "critic", "decoder", "feedback")
    flat = lambda: {name: nn.utils.parameters_to_vector(getattr(gan, name).parameters()).clone() for name in names}  # noqa: E731
    before = flat()
    run([replace(gan.training(), descents=gan.training().descents[descent : descent + 1])], [gan.ctx])
    after = flat()
    return {name for name in names if not torch.equal(before[name], after[name])}


def test_who_learns_from_which_loss() -> None:
    assert changed(made(), 0, False) == changed(made(), 0, True) == {"critic", "decoder"}
    assert changed(made(), 1, False) == {"encoder", "generator", "decoder"}
    assert changed(made(), 1, True) == {"encoder", "generator", "decoder", "feedback"}
    assert changed(made(decoder_learns_from_fakes=False), 1, True) == {"encoder", "generator", "feedback"}


def test_decoded_semantics_have_length_1_and_come_to_be_those_of_the_class() -> None:
    view = toy()[0]
    decoder = fitted(steps=120).gan.decoder
    decoded = decoder(view.features)
    torch.testing.assert_close(decoded.norm(dim=1), torch.ones(400))
    nearest = torch.cdist(decoded, view.semantics).argmin(dim=1)
    assert (nearest == view.labels).float().mean() > 0.5  # a twentieth by chance


def test_features_are_joined_with_semantics_and_latent_embedding() -> None:
    view, unseen, points = toy()
    generator = fitted(steps=120)
    encoded = generator.encode(view.features)
    decoder = generator.gan.decoder
    assert encoded.shape == (400, 12 + 5 + 24)
    torch.testing.assert_close(encoded[:, :12], view.features)
    torch.testing.assert_close(encoded[:, 12:17], decoder(view.features))
    torch.testing.assert_close(encoded[:, 17:], decoder.embedding(view.features))
    torch.testing.assert_close(generator.encode(view.features[:3]), encoded[:3])
    assert not encoded.requires_grad
    made = generator.generate(unseen, 50, context(5))
    assert made.shape == (4, 50, 41)
    torch.testing.assert_close(made.flatten(0, 1), generator.encode(made[..., :12].flatten(0, 1)))
    right = torch.cdist(made[..., :12], points).argmin(dim=2) == torch.arange(4)[:, None]
    assert right.float().mean() > 0.8  # a quarter by chance


def test_hooks_register_what_the_methods_name() -> None:
    first, variant = gzslbench_methods()
    assert first == TF_VAEGAN
    assert variant.variant_of == "tf-vaegan"
    assert [each.info.name for each in gzslbench_generators()] == [TF_VAEGAN.generator]
