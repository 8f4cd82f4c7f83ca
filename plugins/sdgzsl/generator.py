"""SDGZSL as a generator: features of a conditional VAE, of which the semantic-consistent part is handed on."""

from __future__ import annotations

from itertools import count
from math import ceil

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, autocast, random_rows
from gzslbench_plugins.sdgzsl.config import SDGZSLConfig
from gzslbench_plugins.sdgzsl.disentangling import (
    Autoencoder,
    Discriminator,
    RelationNetwork,
    columns,
    permute_parts,
    relation_loss,
)
from gzslbench_plugins.sdgzsl.networks import Decoder, Encoder
from gzslbench_plugins.shared.gaussian import divergence_from_standard, draw
from gzslbench_plugins.shared.networks import rescale


class SDGZSL(Trained, Generator):
    """Conditional VAE and disentangling autoencoder, trained together."""

    info = Info(
        "sdgzsl",
        summary="conditional VAE whose features are reduced to their semantic-consistent part",
        paper="Chen et al., Semantics Disentangling for Generalized Zero-Shot Learning, ICCV 2021",
        makes=(Makes.SYNTHETIC, Makes.ENCODING),
    )
    Config = SDGZSLConfig
    config: SDGZSLConfig

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train the discriminator and all else by turns; it rests between its steps, the others do not."""
        config = self.config
        A = rescale(view.semantics, config.semantic_norm)
        self._build(view, A, ctx)

        def pairs() -> tuple[Tensor, list[Tensor]]:
            """Draw the labels (n,) of a batch, and what becomes of it in the autoencoders."""
            rows = random_rows(len(view.features), config.batch_size, ctx)
            noise = torch.randn(len(rows), config.latent_dim, generator=ctx.rng, device=ctx.device)
            labels = view.labels[rows]
            return labels, [view.features[rows], A[labels], noise, *self._masks(len(rows), ctx)]

        schedule = iter(self._weights(ceil(len(view.features) / config.batch_size), ctx.device))

        def batches() -> Batches:
            labels, batch = pairs()
            others, shares = columns(labels, len(A))
            yield next(schedule), A[others], labels[:, None] == others, shares, *batch

        steps = count()

        def discriminator_batches() -> Batches:
            if next(steps) % (1 + config.discriminator_rest) == 0:
                with torch.no_grad(), autocast(ctx):
                    _, (x, *batch) = pairs()
                    h = self.autoencoder.encode(torch.cat([self._estimate(x, *batch)[0], x]), batch[-3])
                yield h, torch.cat([permute_parts(half, ctx) for half in h.chunk(2)])

        adam = Adam(config.learning_rate, weight_decay=config.weight_decay)
        others = [self.encoder, self.decoder, self.autoencoder, self.relation]
        discriminator = Descent(self._discriminator_loss, discriminator_batches, adam, trains=[self.discriminator])
        autoencoders = Descent(self._loss, batches, adam, trains=others, uses=[self.discriminator])
        yield Training("disentangling", config.steps, [discriminator, autoencoders])

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Decode noise under the semantics of each class, and keep h_s: (c, k) to (c, per_class, part_dim)."""
        self.decoder.eval()
        with autocast(ctx):
            parts = []
            for a in rescale(semantics, self.config.semantic_norm):  # class by class, which bounds the memory
                z = torch.randn(per_class, self.config.latent_dim, generator=ctx.rng, device=ctx.device)
                parts.append(self.autoencoder.semantic_part(self.decoder(z, a.expand(per_class, -1))))
        self.decoder.train()  # a protocol may ask for samples while training goes on
        return torch.stack(parts)

    @torch.no_grad()
    def encode(self, features: Tensor) -> Tensor:
        """Map features (n, d) to their semantic-consistent parts (n, part_dim)."""
        return self.autoencoder.semantic_part(features)

    def _build(self, view: View, A: Tensor, ctx: Context) -> None:
        d, k, config = view.features.shape[1], A.shape[1], self.config
        self.encoder = Encoder(d, k, config).to(ctx.device)
        self.decoder = Decoder(view.features.mean(dim=0), k, config).to(ctx.device)
        self.autoencoder = Autoencoder(view.features, config).to(ctx.device)
        compared = min(len(A), config.batch_size)
        self.relation = RelationNetwork(config.part_dim, A, config.hidden, compared).to(ctx.device)
        self.discriminator = Discriminator(config).to(ctx.device)

    def _masks(self, size: int, ctx: Context) -> tuple[Tensor, ...]:
        """Draw what dropout takes out: two masks of the encoder, three of the decoder, three of the autoencoder."""
        return *self.encoder.masks(size, ctx), *self.decoder.masks(size, ctx), *self.autoencoder.masks(2 * size, ctx)

    def _weights(self, steps_per_epoch: int, device: torch.device) -> Tensor:
        """Give the weights of divergence and correlation at each step, the latter 0 where D learns: (steps, 2)."""
        config = self.config
        step = torch.arange(config.steps, device=device)
        epoch = step // steps_per_epoch
        divergence = (config.kl_growth * epoch).clamp(max=1)
        correlation = config.correlation_weight * (config.correlation_growth * epoch).clamp(max=1)
        rests = step % (1 + config.discriminator_rest) > 0
        return torch.stack([divergence, correlation * rests], dim=1)

    def _estimate(self, x: Tensor, a: Tensor, noise: Tensor, *masks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pass features (n, d) through the VAE: features (n, d), and the Gaussians of z."""
        mean, log_variance = self.encoder(x, a, masks[:2])
        return self.decoder(draw(mean, log_variance, noise), a, masks[2:5]), mean, log_variance

    def _loss(
        self, weights: Tensor, others: Tensor, same: Tensor, shares: Tensor, x: Tensor, a: Tensor, *rest: Tensor
    ) -> Terms:
        """L_VAE + L_rec + lambda_1 L_rel + lambda_2 L_tc, each but the first on estimated and on real features."""
        noise, *masks = rest
        estimate, mean, log_variance = self._estimate(x, a, noise, *masks)
        h = self.autoencoder.encode(torch.cat([estimate, x]), masks[5])
        relations = self.relation(h[:, : self.config.part_dim], others)
        correlation, divergence = weights[1] * self.discriminator.total_correlation(h), weights[0]
        return {
            "estimate": (estimate - x).square().sum() / len(x),
            "divergence": divergence * divergence_from_standard(mean, log_variance).mean(),
            "reconstruction": 2 * mse_loss(self.autoencoder.decode(h, masks[6:]), x.repeat(2, 1)),
            "relation": 2 * self.config.relation_weight * relation_loss(relations, same.repeat(2, 1), shares),
            "total_correlation": 2 * correlation,
        }

    def _discriminator_loss(self, h: Tensor, permuted: Tensor) -> Tensor:
        return self.discriminator.loss(h, permuted)
