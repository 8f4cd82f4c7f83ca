"""The generator of SE-GZSL: an encoder p_E, a generator p_G and a regressor p_R that take turns, as in the paper."""

from __future__ import annotations

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, random_rows
from gzslbench_plugins.shared.feature_vae import FeatureDecoder, FeatureEncoder, Regressor, frozen, squared_error
from gzslbench_plugins.shared.gaussian import divergence_from_standard, draw
from gzslbench_plugins.shared.networks import rescale


@dataclass(frozen=True)
class Config:
    """Settings of :class:`SynthesizedExamples`."""

    steps: PositiveInt = 20000  # of the regressor, and of encoder and generator
    batch_size: PositiveInt = 64  # samples per step
    learning_rate: PositiveFloat = 1e-4  # of Adam, for all networks
    latent_dim: PositiveInt = 100  # dimensions of z
    encoder_hidden: PositiveInt = 1024  # width of the encoder's first layer
    decoder_hidden: PositiveInt = 512  # of its second layer and of the generator's hidden one
    regressor_hidden: PositiveInt = 512  # width of the regressor's hidden layer
    deviation: PositiveFloat = 1.0  # sigma of p_G(x|z, a) = N(., sigma^2 I)
    regressor_fakes: NonNegativeFloat = 0.1  # lambda_R, what generated samples weigh for the regressor
    attribute_loss: NonNegativeFloat = 0.1  # lambda_c
    prior_loss: NonNegativeFloat = 0.1  # lambda_reg
    latent_loss: NonNegativeFloat = 0.1  # lambda_E
    semantic_norm: NonNegativeFloat = 0.0  # length that class semantics are brought to; 0 leaves them as they are
    per_class: PositiveInt = 300  # synthetic samples per unseen class


class SynthesizedExamples(Trained, Generator):
    """A conditional variational autoencoder with feedback from a regressor (Verma et al., Eq. 1 to 9)."""

    info = Info(
        name="se-gzsl",
        summary="conditional variational autoencoder with feedback from a regressor of the semantics",
        paper="Verma et al., CVPR 2018",
        makes=(Makes.SYNTHETIC,),
    )
    Config = Config

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train the regressor with the generator fixed, and encoder and generator with the regressor fixed, in turn."""
        config: Config = self.config
        x, y, a = view.features, view.labels, self._condition(view.semantics)
        width, semantic_dim = x.shape[1], a.shape[1]
        self.encoder = FeatureEncoder(width, config.encoder_hidden, config.decoder_hidden, config.latent_dim)
        self.generator = FeatureDecoder(config.latent_dim, semantic_dim, config.decoder_hidden, width)
        self.regressor = Regressor(width, config.regressor_hidden, semantic_dim)
        for network in (self.encoder, self.generator, self.regressor):
            network.to(ctx.device)

        def sample() -> tuple[Tensor, Tensor, Tensor]:
            rows = random_rows(len(x), config.batch_size, ctx)
            return x[rows], a[y[rows]], self._noise(config.batch_size, ctx)

        def regressor_batches() -> Batches:
            x, a, z = sample()
            with torch.no_grad():
                fake = self.generator(z, a)
            yield x, fake, a

        def generator_batches() -> Batches:
            x, a, z = sample()
            yield x, a, z, self._noise(config.batch_size, ctx)

        adam = Adam(config.learning_rate)
        regressor = Descent(self._regressor_loss, regressor_batches, adam, [self.regressor])
        networks = [self.encoder, self.generator]
        generator = Descent(self._generator_loss, generator_batches, adam, networks, [self.regressor])
        yield Training("generator", config.steps, [regressor, generator])

    def _regressor_loss(self, x: Tensor, fake: Tensor, a: Tensor) -> Terms:
        """Eq. 5: L_Sup on real features (Eq. 3), and L_Unsup on generated ones (Eq. 4)."""
        supervised = squared_error(self.regressor(x), a)
        unsupervised = squared_error(self.regressor(fake), a)
        return {"supervised": supervised, "unsupervised": self.config.regressor_fakes * unsupervised}

    def _generator_loss(self, x: Tensor, a: Tensor, z: Tensor, noise: Tensor) -> Terms:
        """Eq. 9, with z from the prior and noise for the draw from p_E(z|x)."""
        config: Config = self.config
        mean, log_variance = self.encoder(x)
        decoded, fake = self.generator(draw(mean, log_variance, noise), a), self.generator(z, a)
        precision = config.deviation**-2
        return {
            "reconstruction": precision * squared_error(decoded, x),  # L_VAE, Eq. 1
            "divergence": divergence_from_standard(mean, log_variance).mean(),
            "attributes": config.attribute_loss * squared_error(self.regressor(fake), a),  # L_c, Eq. 6
            "prior": config.prior_loss * precision * squared_error(fake, x),  # L_Reg, Eq. 7
            # L_E, Eq. 8: what is generated from the prior is encoded as the prior. It is a loss of p_G alone.
            "latents": config.latent_loss * divergence_from_standard(*frozen(self.encoder, fake)).mean(),
        }

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Synthesise class by class from latents of the prior."""
        conditions = self._condition(semantics)
        made = [self.generator(self._noise(per_class, ctx), a.expand(per_class, -1)) for a in conditions]
        return torch.stack(made)

    def _noise(self, count: int, ctx: Context) -> Tensor:
        return torch.randn(count, self.config.latent_dim, generator=ctx.rng, device=ctx.device)

    def _condition(self, semantics: Tensor) -> Tensor:
        return rescale(semantics, self.config.semantic_norm)
