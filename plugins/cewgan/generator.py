"""The generator of CEWGAN: a conditional Wasserstein GAN with a cosine embedding and a cycle-consistency loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from pydantic import NonNegativeFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import mse_loss

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Trainings, random_rows
from gzslbench_plugins.cewgan.losses import embedding_loss
from gzslbench_plugins.cewgan.networks import DeepFeatureGenerator, decoder
from gzslbench_plugins.shared.networks import initialise
from gzslbench_plugins.shared.wasserstein import WassersteinConfig, WassersteinGAN, critic_loss


@dataclass(frozen=True)
class CEWGANConfig(WassersteinConfig):
    """Settings of :class:`CEWGAN`: those of the released code, but for narrower layers."""

    generator_hidden: PositiveInt = 512  # width of the generator's hidden layers; 4,096 as released
    critic_hidden: PositiveInt = 512  # width of the critic's hidden layer; 4,096 as released
    generator_layers: Literal[1, 2] = 2  # hidden layers of the generator
    decoder_hidden: PositiveInt = 512  # width of the decoder's two hidden layers; 4,096 as released
    embedding_loss: NonNegativeFloat = 0.1  # alpha, the weight of the cosine embedding loss
    cycle_loss: NonNegativeFloat = 0.01  # beta, the weight of the cycle-consistency loss
    per_class: PositiveInt = 50  # synthetic samples per unseen class


class CEWGAN(Trained, Generator):
    """min_G max_D L_WGAN + alpha L_EMB + beta L_CYC, with a decoder of semantics that learns from real features."""

    info = Info(
        name="cewgan",
        summary="conditional Wasserstein GAN with cosine embedding and cycle-consistency losses",
        paper="Mandal et al., Out-of-Distribution Detection for Generalized Zero-Shot Action Recognition, CVPR 2019",
        makes=(Makes.SYNTHETIC,),
    )
    Config = CEWGANConfig

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train critic and decoder in one descent, on the same real features, and the generator against both."""
        config: CEWGANConfig = self.config
        self.gan = WassersteinGAN(view, config, ctx)
        k, d = view.semantics.shape[1], view.features.shape[1]
        self.decoder = decoder(d, config.decoder_hidden, k).to(ctx.device)
        initialise(self.decoder, config.initial_std)
        if config.generator_layers == 2:
            noise_dim = self.gan.generator.noise_dim
            self.gan.generator = DeepFeatureGenerator(noise_dim, k, config.generator_hidden, d).to(ctx.device)
            initialise(self.gan.generator, config.initial_std)

        def batches() -> Batches:
            rows = random_rows(len(view.labels), config.batch_size, ctx)
            others = rows[torch.randperm(len(rows), generator=ctx.rng, device=ctx.device)]
            labels, features = view.labels, view.features
            a, same = self.gan.semantics[labels[rows]], labels[rows] == labels[others]
            yield self.gan.noise(len(rows), ctx), a, features[rows], features[others], same

        adam = Adam(config.learning_rate, betas=(0.5, 0.999))
        training = self.gan.training()
        critic = replace(training.descents[0], loss=self._critic_loss, also=[(self.decoder, adam)])
        against = [self.gan.critic, self.decoder]
        generator = Descent(self._generator_loss, batches, adam, [self.gan.generator], against)
        yield replace(training, descents=[critic, generator])

    def _critic_loss(self, real: Tensor, fake: Tensor, a: Tensor, alpha: Tensor) -> Terms:
        """Give the loss of the critic, and how far the decoder is from the semantics of real features."""
        return {
            "critic": critic_loss(self.gan.critic, self.config.penalty, real, fake, a, alpha),
            "decoder": mse_loss(self.decoder(real), a),
        }

    def _generator_loss(self, z: Tensor, a: Tensor, match: Tensor, other: Tensor, same: Tensor) -> Terms:
        """Give L_WGAN + alpha L_EMB + beta L_CYC."""
        config, fake = self.config, self.gan.generator(z, a)
        return {
            "generator": -self.gan.critic(fake, a).mean(),
            "embedding": config.embedding_loss * embedding_loss(fake, match, other, same),
            "cycle": config.cycle_loss * mse_loss(self.decoder(fake), a),
        }

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Synthesise class by class, which bounds the memory for hidden activations."""
        generator, noise = self.gan.generator, self.gan.noise
        conditions = self.gan.condition(semantics)
        return torch.stack([generator(noise(per_class, ctx), a.expand(per_class, -1)) for a in conditions])
