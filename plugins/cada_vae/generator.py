"""CADA-VAE as a generator: it synthesises, and encodes, in the latent space of two aligned autoencoders."""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, random_rows
from gzslbench_plugins.cada_vae.alignment import distribution_distance, reconstruction_errors
from gzslbench_plugins.cada_vae.config import CadaVaeConfig
from gzslbench_plugins.cada_vae.networks import Autoencoder
from gzslbench_plugins.cada_vae.warm_up import Ramp, warm_up
from gzslbench_plugins.shared.gaussian import divergence_from_standard, draw
from gzslbench_plugins.shared.networks import rescale


class CadaVae(Trained, Generator):
    """Variational autoencoders of features and of semantics, aligned so that latents of either stand for a class."""

    info = Info(
        "cada-vae",
        summary="latents of two aligned variational autoencoders, of features and of semantics",
        paper="Schönfeld et al., Generalized Zero- and Few-Shot Learning via Aligned VAEs, CVPR 2019",
        makes=(Makes.SYNTHETIC, Makes.ENCODING),
    )
    Config = CadaVaeConfig
    config: CadaVaeConfig

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Minimise L_VAE + gamma L_CA + delta L_DA over pairs of a sample and the semantics of its class."""
        config = self.config
        d, k, latent = view.features.shape[1], view.semantics.shape[1], config.latent_dim
        self.features = Autoencoder(d, config.encoder_hidden, config.decoder_hidden, latent).to(ctx.device)
        self.semantics = Autoencoder(k, config.semantic_encoder_hidden, config.semantic_decoder_hidden, latent)
        self.semantics.to(ctx.device)
        A = rescale(view.semantics, config.semantic_norm)
        weights = iter(warm_up(self._ramps(), config.steps, ctx.device))

        def batches() -> Batches:
            rows = random_rows(len(view.features), config.batch_size, ctx)
            noise = self._noise(2 * config.batch_size, ctx)
            yield view.features[rows], A[view.labels[rows]], noise, next(weights)

        adam = Adam(config.learning_rate, amsgrad=True)
        descent = Descent(self._loss, batches, adam, trains=[self.features, self.semantics])
        yield Training("autoencoders", config.steps, [descent])

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Draw latents from the Gaussian of each class's semantics: (c, k) to (c, per_class, z)."""
        mean, log_variance = self.semantics.encoder(rescale(semantics, self.config.semantic_norm))
        rows = torch.arange(len(semantics), device=ctx.device).repeat_interleave(per_class)
        return self._draw(mean[rows], log_variance[rows], self._noise(len(rows), ctx)).unflatten(0, (-1, per_class))

    @torch.no_grad()
    def encode(self, features: Tensor) -> Tensor:
        """Map features (n, d) to the means of their Gaussians (n, z)."""
        mean: Tensor = self.features.encoder(features)[0]
        return mean

    @torch.no_grad()
    def training_set(self, view: View, ctx: Context) -> tuple[Tensor, Tensor]:
        """Draw as many latents for each seen class, by turns from the Gaussians of its samples, in random order."""
        rows = rows_by_turns(view.labels, len(view.semantics), self.config.seen_per_class, ctx)
        mean, log_variance = self.features.encoder(view.features)
        return self._draw(mean[rows], log_variance[rows], self._noise(len(rows), ctx)), view.labels[rows]

    def _ramps(self) -> tuple[Ramp, ...]:
        config = self.config
        return (
            Ramp(config.beta, 0.0, config.beta_end),
            Ramp(config.gamma, config.gamma_start, config.gamma_end),
            Ramp(config.delta, config.delta_start, config.delta_end),
        )

    def _noise(self, count: int, ctx: Context) -> Tensor:
        width = 1 if self.config.scalar_noise else self.config.latent_dim
        return torch.randn(count, width, generator=ctx.rng, device=ctx.device)

    def _draw(self, mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
        return draw(mean, 2 * log_variance if self.config.squared_deviation else log_variance, noise)

    def _loss(self, x: Tensor, a: Tensor, noise: Tensor, weights: Tensor) -> Terms:
        """Give the terms of the objective for features (n, d), semantics (n, k), noise (2n, z) and weights (3,)."""
        beta, gamma, delta = weights.unbind()
        of_x, of_a = self.features.encoder(x), self.semantics.encoder(a)
        mean, log_variance = (torch.cat(pair) for pair in zip(of_x, of_a, strict=True))
        z = self._draw(mean, log_variance, noise)
        # Each decoder gets the latents of both modalities, its own first, in one product.
        x_own, x_crossed = reconstruction_errors(self.features.decoder(z).unflatten(0, (2, -1)), x)
        a_own, a_crossed = reconstruction_errors(self.semantics.decoder(z).unflatten(0, (2, -1)).flip(0), a)
        return {
            "reconstruction": x_own + a_own,
            "divergence": beta * divergence_from_standard(mean, log_variance).sum() / len(x),
            "cross_alignment": gamma * (x_crossed + a_crossed),
            "distribution_alignment": delta * distribution_distance(*of_x, *of_a),
        }


def rows_by_turns(labels: Tensor, classes: int, per_class: int, ctx: Context) -> Tensor:
    """Pick rows of each class in random order, from the start again where it has fewer: (classes * per_class,).

    ``labels`` are (n,); each class has a row.
    """
    noise = torch.rand(len(labels), generator=ctx.rng, device=labels.device, dtype=torch.float64)
    by_class = (labels + noise).argsort()
    sizes = labels.bincount(minlength=classes)
    first = sizes.cumsum(0) - sizes
    turns = torch.arange(per_class, device=labels.device) % sizes[:, None]
    return by_class[first[:, None] + turns].flatten()
