"""The generator of GDAN: a conditional autoencoder and its dual, a regressor, trained against one discriminator."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import mse_loss

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, random_rows
from gzslbench_plugins.gdan.discriminator import PairDiscriminator, discriminator_loss
from gzslbench_plugins.shared.dropout import dropout_mask
from gzslbench_plugins.shared.feature_vae import FeatureDecoder, FeatureEncoder, Regressor, squared_error
from gzslbench_plugins.shared.gaussian import divergence_from_standard, draw
from gzslbench_plugins.shared.networks import rescale

Noise = Literal["normal", "uniform"]


@dataclass(frozen=True)
class Config:
    """Settings of :class:`DualAdversarialNetwork`."""

    pretraining_steps: NonNegativeInt = 55000  # of the autoencoder alone
    steps: PositiveInt = 27500  # of the discriminator, and of autoencoder and regressor
    batch_size: PositiveInt = 128  # samples per step
    learning_rate: PositiveFloat = 1e-5  # of Adam, for all networks
    weight_decay: NonNegativeFloat = 0.01  # of Adam
    latent_dim: PositiveInt = 100  # dimensions of z
    encoder_hidden: PositiveInt = 1200  # width of the encoder's first layer
    decoder_hidden: PositiveInt = 600  # of its second layer and of the decoder's hidden one
    regressor_hidden: PositiveInt = 512  # width of the regressor's hidden layer
    discriminator_hidden: PositiveInt = 800  # width of the discriminator's hidden layer
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3  # between the encoder's layers
    deviation: PositiveFloat = 1.0  # of features from what is decoded
    noise: Noise = "normal"  # of latents; "uniform" between 0 and 1, as the released code draws it
    cycle_loss: NonNegativeFloat = 0.1  # theta_1
    regression_loss: NonNegativeFloat = 0.1  # theta_2
    dual_loss: NonNegativeFloat = 0.1  # theta_3
    semantic_norm: NonNegativeFloat = 0.0  # length that class semantics are brought to; 0 leaves them as they are
    per_class: PositiveInt = 500  # synthetic samples per unseen class


class DualAdversarialNetwork(Trained, Generator):
    """Semantics to features by the decoder, features to semantics by the regressor, and one judge for both ways."""

    info = Info(
        name="gdan",
        summary="conditional variational autoencoder and regressor against one discriminator",
        paper="Huang et al., CVPR 2019",
        makes=(Makes.SYNTHETIC,),
    )
    Config = Config

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train the autoencoder; then, in turn, the discriminator, and autoencoder and regressor against it."""
        config: Config = self.config
        x, y, a = view.features, view.labels, self._condition(view.semantics)
        width, semantic_dim, classes = x.shape[1], a.shape[1], len(a)
        self.encoder = FeatureEncoder(width, config.encoder_hidden, config.decoder_hidden, config.latent_dim)
        self.decoder = FeatureDecoder(config.latent_dim, semantic_dim, config.decoder_hidden, width)
        self.regressor = Regressor(width, config.regressor_hidden, semantic_dim)
        self.discriminator = PairDiscriminator(width, semantic_dim, config.discriminator_hidden)
        for network in (self.encoder, self.decoder, self.regressor, self.discriminator):
            network.to(ctx.device)

        def rows() -> Tensor:
            return random_rows(len(x), config.batch_size, ctx)

        def batches() -> Batches:
            some = rows()
            noise = [self._noise(config.batch_size, ctx) for _ in range(2)]
            yield x[some], a[y[some]], self._kept(ctx), *noise

        def discriminator_batches() -> Batches:
            some = rows()
            labels = y[some]
            # Another class than its own; there is none where only one class is seen.
            shift = 1 + random_rows(max(1, classes - 1), len(some), ctx)
            with torch.no_grad():
                made = self._reconstructed(x[some], a[labels], self._kept(ctx), self._noise(config.batch_size, ctx))
                fakes = made, a[(labels + shift) % classes], self.regressor(x[some])
            yield x[some], a[labels], *fakes

        autoencoder = [self.encoder, self.decoder]
        alone = Adam(config.learning_rate, weight_decay=config.weight_decay)
        pretraining = Descent(self._autoencoder_loss, batches, alone, autoencoder)
        yield Training("autoencoder", config.pretraining_steps, [pretraining], selectable=False)

        adam = Adam(config.learning_rate, betas=(0.8, 0.999), weight_decay=config.weight_decay)
        judge = Descent(self._discriminator_loss, discriminator_batches, adam, [self.discriminator])
        dual = Descent(self._dual_loss, batches, adam, [*autoencoder, self.regressor], [self.discriminator])
        yield Training("dual", config.steps, [judge, dual])

    def _autoencoder_loss(self, x: Tensor, a: Tensor, kept: Tensor, noise: Tensor, _: Tensor) -> Terms:
        """The bound of the conditional autoencoder."""
        mean, log_variance = self.encoder(x, kept)
        return self._bound(x, self.decoder(draw(mean, log_variance, noise), a), mean, log_variance)

    def _discriminator_loss(self, x: Tensor, a: Tensor, made: Tensor, other: Tensor, regressed: Tensor) -> Terms:
        loss = discriminator_loss(self.discriminator, x, a, (made, other, regressed), self.config.dual_loss)
        return {"discriminator": loss}

    def _dual_loss(self, x: Tensor, a: Tensor, kept: Tensor, noise: Tensor, noise_of_dual: Tensor) -> Terms:
        """The bound, both ways round the circle, and the discriminator's opinion of both fakes."""
        config: Config = self.config
        mean, log_variance = self.encoder(x, kept)
        made, regressed = self.decoder(draw(mean, log_variance, noise), a), self.regressor(x)
        remade = self.decoder(draw(mean, log_variance, noise_of_dual), regressed)
        cycle = mse_loss(self.regressor(made), a) + mse_loss(remade, x)
        D = self.discriminator
        return self._bound(x, made, mean, log_variance) | {
            "adversarial": (D(made, a) - 1).square().mean(),
            "cycle": config.cycle_loss * cycle,
            "regression": config.regression_loss * mse_loss(regressed, a),
            "dual": config.dual_loss * (D(x, regressed) - 1).square().mean(),
        }

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Synthesise class by class from latents of the prior."""
        conditions = self._condition(semantics)
        return torch.stack([self.decoder(self._noise(per_class, ctx), a.expand(per_class, -1)) for a in conditions])

    def _bound(self, x: Tensor, made: Tensor, mean: Tensor, log_variance: Tensor) -> Terms:
        """Give the negative evidence bound, up to a constant."""
        error = squared_error(made, x) / self.config.deviation**2
        return {"reconstruction": error, "divergence": divergence_from_standard(mean, log_variance).mean()}

    def _reconstructed(self, x: Tensor, a: Tensor, kept: Tensor, noise: Tensor) -> Tensor:
        mean, log_variance = self.encoder(x, kept)
        made: Tensor = self.decoder(draw(mean, log_variance, noise), a)
        return made

    def _kept(self, ctx: Context) -> Tensor:
        config: Config = self.config
        return dropout_mask((config.batch_size, config.encoder_hidden), config.dropout, ctx)

    def _noise(self, count: int, ctx: Context) -> Tensor:
        shape = (count, self.config.latent_dim)
        make = torch.randn if self.config.noise == "normal" else torch.rand
        noise: Tensor = make(shape, generator=ctx.rng, device=ctx.device)
        return noise

    def _condition(self, semantics: Tensor) -> Tensor:
        return rescale(semantics, self.config.semantic_norm)
