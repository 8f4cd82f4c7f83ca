"""The VAE-GAN with a decoder to semantics, and its feedback loop.

A first pass of G makes features, Dec finds their latent embedding h, and the feedback module F turns h into what a
second pass adds to G's hidden layer::

    x~ = G(z, a),  h = Dec_h(x~),  x~' = sigmoid(W_2 (phi(W_1 [z, a]) + delta F(h)))
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gzslbench.contract import Context, View
from gzslbench.training import Adam, Terms
from gzslbench_plugins.shared.semantic_distance import semantic_distance
from gzslbench_plugins.shared.vae_gan import BETAS, Learners, VaeGan
from gzslbench_plugins.shared.wasserstein import SLOPE
from gzslbench_plugins.tf_vaegan.config import TFVaeganConfig
from gzslbench_plugins.tf_vaegan.decoder import SemanticDecoder


class Feedback(nn.Module):
    """F(h): two LeakyReLU layers from Dec's hidden layer to that of G."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inputs, outputs), nn.Linear(outputs, outputs)

    def forward(self, h: Tensor) -> Tensor:
        """Map h (n, inputs) to (n, outputs)."""
        return leaky_relu(self.second(leaky_relu(self.first(h), SLOPE)), SLOPE)


class FeedbackVaeGan(VaeGan):
    """L_VAE + gamma L_WGAN + beta L_R, in turns without and with feedback.

    A batch of a turn with feedback has delta as a further column.
    """

    config: TFVaeganConfig

    def __init__(self, view: View, config: TFVaeganConfig, ctx: Context) -> None:
        super().__init__(view, config, ctx)
        (_, d), (_, k) = view.features.shape, view.semantics.shape
        self.decoder = self.ready(SemanticDecoder(d, config.decoder_hidden, k))
        self.decoder_adam = Adam(config.decoder_learning_rate, BETAS)  # one for real features and fakes
        self.feedback = self.ready(Feedback(config.decoder_hidden, config.generator_hidden))
        self.turn = config.turn_steps or math.ceil(len(view.labels) / config.batch_size)
        self.feeds_back = False

    def more(self, rows: Tensor) -> tuple[Tensor, ...]:
        if not self.feeds_back:
            return ()
        return (torch.full((len(rows), 1), self.config.training_feedback, device=rows.device),)

    def logits(self, z: Tensor, a: Tensor, *more: Tensor) -> Tensor:
        """Two passes of G with feedback, of which gradients flow through the second: that of h ends at F."""
        if not more:
            return super().logits(z, a)
        with torch.no_grad():
            h = self.decoder.embedding(self.generator(z, a).sigmoid())
        logits: Tensor = self.generator(z, a, more[0][0] * self.feedback(h))  # delta is the same in all rows
        return logits

    def on_real(self, x: Tensor, a: Tensor, *more: Tensor) -> Terms:
        """L_R of real features, from which Dec learns."""
        return {"decoder": self._reconstruction(x, a)}

    def learners_on_real(self) -> Learners:
        return [(self.decoder, self.decoder_adam)]

    def on_fake(self, fake: Tensor, a: Tensor, *more: Tensor) -> Terms:
        """L_R of fakes, from which E, G and F learn, and Dec unless it only judges them."""
        return {"semantics": self._reconstruction(fake, a)}

    def learners_on_fake(self) -> Learners:
        feedback = (self.feedback, Adam(self.config.feedback_learning_rate, BETAS))
        return [feedback, *self.learners_on_real()] if self.config.decoder_learns_from_fakes else [feedback]

    def judges(self) -> list[nn.Module]:
        return [] if self.config.decoder_learns_from_fakes else [self.decoder]

    def after_step(self, step: int) -> None:
        super().after_step(step)
        self.feeds_back = self.config.training_feedback > 0 and step // self.turn % 2 == 1

    def synthesise(self, a: Tensor, ctx: Context) -> Tensor:
        """Make a feature for each row of semantics (n, k), with feedback: (n, d)."""
        delta = self.config.synthesis_feedback
        more = (a.new_full((1, 1), delta),) if delta else ()
        return self.logits(self.noise(len(a), ctx), a, *more).sigmoid()

    def _reconstruction(self, x: Tensor, a: Tensor) -> Tensor:
        """Beta L_R: how far the semantics that Dec finds are from those of the class."""
        return self.config.reconstruction_weight * semantic_distance(self.decoder(x), a, self.config.reconstruction)
