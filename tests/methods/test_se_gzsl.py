"""SE-GZSL: each term of its objective against torch's distributions, and which network each of them moves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from gzslbench.contract import Context, View
from gzslbench.training import fit_together
from gzslbench.training.loop import run
from gzslbench_plugins.se_gzsl.generator import Config, SynthesizedExamples

from .conftest import linear_classes

SMALL = {"encoder_hidden": 32, "decoder_hidden": 32, "regressor_hidden": 16, "latent_dim": 3, "batch_size": 32}


def fitted(view: View, **settings: object) -> SynthesizedExamples:
    torch.manual_seed(0)
    generator = SynthesizedExamples(Config(**{**SMALL, "steps": 1, **settings}))  # type: ignore[arg-type]
    generator.fit(view, Context(torch.device("cpu"), 0))
    return generator


def batch() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(1)
    x, a, z, noise = (torch.randn(6, width, generator=rng) for width in (10, 4, 3, 3))
    return x.abs(), a, z, noise


def nll(mean: Tensor, deviation: float, value: Tensor) -> Tensor:
    """-log N(value; mean, deviation^2 I), without what does not depend on the mean."""
    constant = -Normal(0.0, deviation).log_prob(torch.tensor(0.0)) * value.shape[1]
    return -Normal(mean, deviation).log_prob(value).sum(dim=1).mean() - constant


def test_the_terms_are_likelihoods_and_divergences() -> None:
    weights = {"attribute_loss": 0.3, "prior_loss": 0.2, "latent_loss": 0.7, "deviation": 0.5}
    made = fitted(linear_classes()[0], **weights)
    x, a, z, noise = batch()
    terms = made._generator_loss(x, a, z, noise)
    mean, log_variance = made.encoder(x)
    deviation, fake = (0.5 * log_variance).exp(), made.generator(z, a)
    again_mean, again_log_variance = made.encoder(fake)
    standard = Normal(0.0, 1.0)
    expected = {
        "reconstruction": nll(made.generator(mean + deviation * noise, a), 0.5, x),
        "divergence": kl_divergence(Normal(mean, deviation), standard).sum(dim=1).mean(),
        "attributes": 0.3 * nll(made.regressor(fake), 1.0, a),
        "prior": 0.2 * nll(fake, 0.5, x),
        "latents": 0.7
        * kl_divergence(Normal(again_mean, (0.5 * again_log_variance).exp()), standard).sum(dim=1).mean(),
    }
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value)


def test_the_regressor_learns_from_real_and_generated_features() -> None:
    made = fitted(linear_classes()[0], regressor_fakes=0.4)
    x, a, z, _ = batch()
    fake = made.generator(z, a)
    terms = made._regressor_loss(x, fake, a)
    torch.testing.assert_close(terms["supervised"], nll(made.regressor(x), 1.0, a))
    torch.testing.assert_close(terms["unsupervised"], 0.4 * nll(made.regressor(fake), 1.0, a))


def moved(network: nn.Module, loss: Tensor) -> bool:
    """Whether a gradient of the loss reaches the network's weights."""
    gradients = torch.autograd.grad(loss, list(network.parameters()), allow_unused=True, retain_graph=True)
    return any(each is not None and bool(each.abs().sum() > 0) for each in gradients)


def test_losses_of_generated_samples_leave_the_encoder_alone() -> None:
    made = fitted(linear_classes()[0])
    terms = made._generator_loss(*batch())
    of_encoder = {name for name, term in terms.items() if moved(made.encoder, term)}
    assert of_encoder == {"reconstruction", "divergence"}
    assert {name for name, term in terms.items() if moved(made.generator, term)} == terms.keys() - {"divergence"}


@pytest.mark.parametrize("turn", [0, 1])
def test_regressor_and_autoencoder_take_turns(turn: int) -> None:
    ctx, made = Context(torch.device("cpu"), 0), SynthesizedExamples(Config(**SMALL, steps=1))  # type: ignore[arg-type]
    training = next(made.trainings(linear_classes()[0], ctx))
    networks = [made.regressor, made.encoder, made.generator]
    before = [nn.utils.parameters_to_vector(each.parameters()).clone() for each in networks]
    run([type(training)(training.stage, 1, training.descents[turn : turn + 1])], [ctx])
    after = [nn.utils.parameters_to_vector(each.parameters()) for each in networks]
    assert [torch.equal(*pair) for pair in zip(before, after, strict=True)] == [turn == 1, turn == 0, turn == 0]


def test_unseen_classes_are_told_apart_by_what_is_generated_for_them() -> None:
    view, unseen, centres = linear_classes()
    made = fitted(view, steps=300, learning_rate=3e-3, deviation=0.1)
    samples = made.generate(unseen, 30, Context(torch.device("cpu"), 5))
    assert samples.shape == (4, 30, 10)
    assert torch.cdist(samples.mean(dim=1), centres).argmin(dim=1).tolist() == [0, 1, 2, 3]


def test_seeds_can_train_together() -> None:
    view = linear_classes()[0]
    contexts = [Context(torch.device("cpu"), seed) for seed in (0, 1)]
    make = lambda: SynthesizedExamples(Config(**SMALL, steps=3))  # type: ignore[arg-type]  # noqa: E731
    together = fit_together(make, [view, view], contexts)
    torch.manual_seed(1)
    alone = make()
    alone.fit(view, Context(torch.device("cpu"), 1))
    assert isinstance(together[1], SynthesizedExamples)
    for ours, theirs in zip(together[1].generator.parameters(), alone.generator.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(("field", "value"), [("steps", 0), ("deviation", 0), ("latent_loss", -1), ("per_class", 0)])
def test_config_refuses_what_is_out_of_range(field: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"{field}\n  Input should be"):
        Config(**{field: value})  # type: ignore[arg-type]
