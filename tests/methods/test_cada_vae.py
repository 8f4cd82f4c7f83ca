"""CADA-VAE on toy classes, its losses beside plain formulas, and its latents."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from gzslbench.contract import View
from gzslbench_plugins.cada_vae.alignment import distribution_distance, reconstruction_errors
from gzslbench_plugins.cada_vae.config import CadaVaeConfig
from gzslbench_plugins.cada_vae.generator import CadaVae, rows_by_turns
from gzslbench_plugins.cada_vae.warm_up import Ramp, warm_up

from .conftest import context

TINY = {
    "latent_dim": 8,
    "encoder_hidden": 32,
    "decoder_hidden": 32,
    "semantic_encoder_hidden": 32,
    "semantic_decoder_hidden": 32,
    "batch_size": 32,
    "learning_rate": 5e-3,
    "per_class": 20,
    "seen_per_class": 20,
}


def toy(classes: int = 12, unseen: int = 4) -> tuple[View, torch.Tensor, torch.Tensor]:
    """Classes whose features are a linear map of their semantics plus noise; means and semantics of unseen ones."""
    rng = torch.Generator().manual_seed(3)
    semantics = torch.rand(classes + unseen, 6, generator=rng)
    means = semantics @ torch.rand(6, 10, generator=rng) / 3
    labels = torch.arange(classes).repeat_interleave(30)
    features = means[labels] + 0.03 * torch.randn(len(labels), 10, generator=rng)
    return View(features, labels, semantics[:classes]), means[classes:], semantics[classes:]


def fitted(**settings: object) -> CadaVae:
    generator = CadaVae(CadaVaeConfig(**{**TINY, **settings}))
    generator.fit(toy()[0], context())
    return generator


def test_latents_of_unseen_semantics_lie_where_unseen_samples_are_encoded() -> None:
    generator, (_, means, semantics) = fitted(steps=500), toy()
    rng = torch.Generator().manual_seed(8)
    samples = (means[:, None] + 0.03 * torch.randn(4, 50, 10, generator=rng)).flatten(0, 1)
    centres = generator.generate(semantics, 200, context()).mean(dim=1)
    found = torch.cdist(generator.encode(samples), centres).argmin(dim=1)
    assert (found == torch.arange(4).repeat_interleave(50)).float().mean() > 0.6  # chance is 0.25


def test_the_objective_is_what_the_paper_writes_down() -> None:
    """Each term anew, one sample at a time, as in the released code's order."""
    generator, (view, _, _) = fitted(steps=1), toy()
    n, rng = 5, torch.Generator().manual_seed(1)
    x, a = view.features[:n], view.semantics[view.labels[:n]]
    noise, weights = torch.randn(2 * n, 8, generator=rng), torch.tensor([0.3, 2.0, 5.0])
    expected = dict.fromkeys(("reconstruction", "divergence", "cross_alignment", "distribution_alignment"), 0.0)
    image, text = generator.features, generator.semantics
    for i in range(n):
        (mu, s), (nu, t) = image.encoder(x[i : i + 1]), text.encoder(a[i : i + 1])
        z_x, z_a = mu + (s / 2).exp() * noise[i], nu + (t / 2).exp() * noise[n + i]
        expected["reconstruction"] += (image.decoder(z_x) - x[i]).abs().sum() + (text.decoder(z_a) - a[i]).abs().sum()
        expected["cross_alignment"] += (image.decoder(z_a) - x[i]).abs().sum() + (text.decoder(z_x) - a[i]).abs().sum()
        for mean, log_variance in ((mu, s), (nu, t)):
            expected["divergence"] += kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum()
        roots = torch.cat([mu - nu, (s / 2).exp() - (t / 2).exp()], dim=1)
        expected["distribution_alignment"] += roots.norm()
    factors = {"reconstruction": 1.0, "divergence": 0.3, "cross_alignment": 2.0, "distribution_alignment": 5.0}
    terms = generator._loss(x, a, noise, weights)
    assert terms.keys() == expected.keys()
    for name, term in terms.items():
        torch.testing.assert_close(term, factors[name] * expected[name] / n)


def test_the_distance_is_the_2_wasserstein_distance_of_equal_quantiles() -> None:
    """In one dimension the distance is that between quantile functions."""
    quantiles = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    one, other = Normal(0.3, 0.5), Normal(-1.0, 2.0)
    expected = (one.icdf(quantiles) - other.icdf(quantiles)).square().mean().sqrt()
    gaussians = (
        torch.tensor([[value]]) for value in (0.3, 2 * torch.tensor(0.5).log(), -1.0, 2 * torch.tensor(2.0).log())
    )
    assert float(distribution_distance(*gaussians)) == pytest.approx(float(expected), rel=1e-3)


def test_errors_tell_own_latents_from_the_others() -> None:
    original = torch.tensor([[1.0, 2.0], [3.0, 5.0]])
    decoded = torch.stack([original + 1.0, original - torch.tensor([3.0, 0.5])])
    own, crossed = reconstruction_errors(decoded, original)
    assert (float(own), float(crossed)) == (2.0, 3.5)


def test_weights_rise_as_the_released_code_has_them_epoch_by_epoch() -> None:
    weights = warm_up((Ramp(0.25, 0.0, 0.93), Ramp(2.37, 0.21, 0.75), Ramp(8.13, 0.06, 0.22)), 100, torch.device("cpu"))
    for epoch in range(100):
        for column, (full, start, end) in enumerate(((0.25, 0, 93), (2.37, 21, 75), (8.13, 6, 22))):
            expected = min(max(full * (epoch - start) / (end - start), 0), full)
            assert float(weights[epoch, column]) == pytest.approx(expected, abs=1e-5)


def test_every_class_gives_as_many_latents_by_turns() -> None:
    labels = torch.tensor([0, 2, 0, 1, 2, 2, 0])
    rows = rows_by_turns(labels, 3, 5, context()).view(3, 5)
    assert torch.equal(labels[rows], torch.arange(3)[:, None].expand(3, 5))
    counts = rows.flatten().bincount(minlength=7)
    assert sorted(counts[labels == 0].tolist()) == [1, 2, 2]
    assert counts[3] == 5


def test_seen_latents_scatter_around_their_samples() -> None:
    generator, (view, _, _) = fitted(steps=50), toy()
    latents, labels = generator.training_set(view, context())
    assert latents.shape == (240, 8)
    assert torch.equal(labels, torch.arange(12).repeat_interleave(20))
    assert (torch.cdist(latents, generator.encode(view.features)).amin(dim=1) > 0).all()


def test_scalar_noise_moves_a_latent_along_its_deviations() -> None:
    generator, (_, _, semantics) = fitted(steps=5, scalar_noise=True, squared_deviation=True), toy()
    mean, log_variance = generator.semantics.encoder(semantics)
    latents = generator.generate(semantics, 6, context())
    drawn = (latents - mean[:, None]) / log_variance.exp()[:, None]  # the deviation is the variance
    torch.testing.assert_close(drawn, drawn[..., :1].expand_as(drawn), atol=1e-4, rtol=1e-4)
    assert drawn[..., 0].std() > 0.5


def test_latents_spread_as_their_gaussians_say() -> None:
    generator, (_, _, semantics) = fitted(steps=5), toy()
    _, log_variance = generator.semantics.encoder(semantics)
    latents = generator.generate(semantics, 20_000, context())
    torch.testing.assert_close(latents.var(dim=1), log_variance.exp().detach(), rtol=0.06, atol=0.0)


@pytest.mark.parametrize(("name", "value"), [("steps", 0), ("latent_dim", 0), ("gamma", -1.0), ("delta_start", 1.5)])
def test_settings_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        CadaVaeConfig(**{name: value})


def test_a_ramp_that_falls_is_refused() -> None:
    with pytest.raises(ValueError, match="gamma_end"):
        CadaVaeConfig(gamma_start=0.5, gamma_end=0.4)
