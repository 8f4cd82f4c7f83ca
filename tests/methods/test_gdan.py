"""GDAN: its losses against plain ones, what each stage moves, and features of unseen classes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import mse_loss

from gzslbench.contract import Context, View
from gzslbench.training.loop import run
from gzslbench_plugins.gdan.discriminator import PairDiscriminator, discriminator_loss
from gzslbench_plugins.gdan.generator import Config, DualAdversarialNetwork

from .conftest import linear_classes

SMALL = {
    "encoder_hidden": 32,
    "decoder_hidden": 32,
    "regressor_hidden": 16,
    "discriminator_hidden": 16,
    "latent_dim": 3,
    "batch_size": 32,
    "pretraining_steps": 1,
    "steps": 1,
    "weight_decay": 0.0,
}
CPU = torch.device("cpu")


def fitted(view: View, **settings: object) -> DualAdversarialNetwork:
    torch.manual_seed(0)
    generator = DualAdversarialNetwork(Config(**{**SMALL, **settings}))  # type: ignore[arg-type]
    generator.fit(view, Context(CPU, 0))
    return generator


def batch() -> tuple[Tensor, ...]:
    rng = torch.Generator().manual_seed(1)
    x, a, kept, noise, other = (torch.randn(6, width, generator=rng) for width in (10, 4, 32, 3, 3))
    return x.abs(), a, (kept > 0) * 2.0, noise, other


def test_the_discriminator_regresses_to_one_and_zero() -> None:
    torch.manual_seed(2)
    D = PairDiscriminator(10, 4, 8)
    rng = torch.Generator().manual_seed(3)
    x, made = torch.rand(2, 6, 10, generator=rng)
    a, other, regressed = torch.rand(3, 6, 4, generator=rng)
    one, zero = torch.ones(6), torch.zeros(6)
    expected = mse_loss(D(x, a), one) + mse_loss(D(made, a), zero) + mse_loss(D(x, other), zero)
    found = discriminator_loss(D, x, a, (made, other, regressed), 0.3)
    torch.testing.assert_close(found, expected + 0.3 * mse_loss(D(x, regressed), zero))
    layer = nn.Linear(14, 8)
    with torch.no_grad():
        layer.weight.copy_(torch.cat([D.from_features.weight, D.from_semantics.weight], dim=1))
        layer.bias.copy_(D.from_features.bias)
    torch.testing.assert_close(D(x, a), D.head(layer(torch.cat([x, a], dim=1)).relu())[:, 0])


def test_the_discriminators_first_layer_starts_as_one_layer_on_both_inputs() -> None:
    torch.manual_seed(2)
    D = PairDiscriminator(60, 4, 500)
    assert [float(each.weight.detach().abs().max()) for each in (D.from_features, D.from_semantics)] == [
        pytest.approx(64**-0.5, rel=0.02),
    ] * 2


def test_the_terms_of_the_dual_stage() -> None:
    made = fitted(linear_classes()[0], deviation=0.5, cycle_loss=0.2, regression_loss=0.3, dual_loss=0.4)
    x, a, kept, noise, other = batch()
    terms = made._dual_loss(x, a, kept, noise, other)
    mean, log_variance = made.encoder(x, kept)
    deviation = (0.5 * log_variance).exp()
    fake, regressed = made.decoder(mean + deviation * noise, a), made.regressor(x)
    remade, one = made.decoder(mean + deviation * other, regressed), torch.ones(6)
    expected = {
        "reconstruction": 2.0 * (x - fake).square().sum(dim=1).mean(),
        "divergence": kl_divergence(Normal(mean, deviation), Normal(0.0, 1.0)).sum(dim=1).mean(),
        "adversarial": mse_loss(made.discriminator(fake, a), one),
        "cycle": 0.2 * (mse_loss(made.regressor(fake), a) + mse_loss(remade, x)),
        "regression": 0.3 * mse_loss(regressed, a),
        "dual": 0.4 * mse_loss(made.discriminator(x, regressed), one),
    }
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value)


def test_mismatched_semantics_are_those_of_another_class() -> None:
    view = linear_classes()[0]
    stages = DualAdversarialNetwork(Config(**{**SMALL, "batch_size": 500})).trainings(view, Context(CPU, 0))  # type: ignore[arg-type]
    next(stages)
    ((_, own, _, other, _),) = next(stages).descents[0].batches()
    known = torch.cdist(other, view.semantics)
    assert (known.min(dim=1).values < 1e-2).all()
    assert len(set(known.argmin(dim=1).tolist())) == 12
    assert (own != other).any(dim=1).all()


def test_each_descent_moves_its_own_networks() -> None:
    made, ctx = DualAdversarialNetwork(Config(**SMALL)), Context(CPU, 0)  # type: ignore[arg-type]
    stages = made.trainings(linear_classes()[0], ctx)
    networks = ["encoder", "decoder", "regressor", "discriminator"]
    alone, dual = next(stages), next(stages)
    expected = {(alone, 0): {"encoder", "decoder"}, (dual, 0): {"discriminator"}, (dual, 1): set(networks[:3])}
    for (training, turn), wanted in expected.items():
        before = {name: nn.utils.parameters_to_vector(getattr(made, name).parameters()).clone() for name in networks}
        run([type(training)(training.stage, 1, training.descents[turn : turn + 1])], [ctx])
        after = {name: nn.utils.parameters_to_vector(getattr(made, name).parameters()) for name in networks}
        assert {name for name in networks if not torch.equal(before[name], after[name])} == wanted


@pytest.mark.parametrize(("noise", "lowest", "mean"), [("normal", -10.0, 0.0), ("uniform", 0.0, 0.5)])
def test_latents_are_normal_or_as_the_released_code_draws_them(noise: str, lowest: float, mean: float) -> None:
    made = DualAdversarialNetwork(Config(**{**SMALL, "noise": noise}))  # type: ignore[arg-type]
    drawn = made._noise(5000, Context(CPU, 0))
    assert lowest <= drawn.min() < lowest + 7
    assert abs(drawn.mean().item() - mean) < 0.03


def test_unseen_classes_are_told_apart_by_what_is_generated_for_them() -> None:
    view, unseen, centres = linear_classes()
    made = fitted(view, pretraining_steps=150, steps=150, learning_rate=5e-3)
    samples = made.generate(unseen, 30, Context(CPU, 5))
    assert samples.shape == (4, 30, 10)
    assert torch.cdist(samples.mean(dim=1), centres).argmin(dim=1).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(("field", "value"), [("steps", 0), ("dropout", 1.0), ("noise", "cauchy"), ("dual_loss", -1)])
def test_config_refuses_what_is_out_of_range(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{field}\n  Input should be"):
        Config(**{field: value})  # type: ignore[arg-type]
