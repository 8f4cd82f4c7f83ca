"""TF-VAEGAN as a generator: what it trains, synthesises, and hands to the classifier."""

from __future__ import annotations

from torch import Tensor

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Trained, Trainings
from gzslbench_plugins.tf_vaegan.config import TFVaeganConfig
from gzslbench_plugins.tf_vaegan.feedback import FeedbackVaeGan


class TFVaegan(Trained, Generator):
    """min_{E,G,F,Dec} max_D L_VAE + gamma L_WGAN + beta L_R, features joined with what Dec makes of them."""

    info = Info(
        name="tf-vaegan",
        summary="VAE-GAN with feedback from a semantic decoder, which also makes features discriminative",
        paper="Narayan et al., ECCV 2020",
        makes=(Makes.SYNTHETIC, Makes.ENCODING),
    )
    Config = TFVaeganConfig
    config: TFVaeganConfig

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train all networks together."""
        self.gan = FeedbackVaeGan(view, self.config, ctx)
        yield self.gan.training()

    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Synthesise discriminative features of classes (c, k): (c, per_class, d')."""
        features = self.gan.generate(semantics, per_class, ctx)
        return self.encode(features.flatten(0, 1)).unflatten(0, features.shape[:2])

    def encode(self, features: Tensor) -> Tensor:
        """Join features (n, d) with decoded semantics and latent embedding: (n, d')."""
        return self.gan.decoder.discriminative(features)
