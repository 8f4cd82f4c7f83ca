"""The generator of f-VAEGAN-D2 where no unlabelled samples are given: the VAE-GAN of ``shared/vae_gan.py`` as it is."""

from __future__ import annotations

from pydantic import PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Trained, Trainings
from gzslbench_plugins.shared.vae_gan import VaeGan, VaeGanConfig


@dataclass(frozen=True)
class FVaeganConfig(VaeGanConfig):
    """Settings of :class:`FVaegan`."""

    per_class: PositiveInt = 300  # synthetic samples per unseen class


class FVaegan(Trained, Generator):
    """min_{E,G} max_D L_VAE + gamma L_WGAN."""

    info = Info(
        name="f-vaegan-d2",
        summary="conditional VAE whose decoder is the generator of a conditional Wasserstein GAN",
        paper="Xian et al., CVPR 2019",
        makes=(Makes.SYNTHETIC,),
    )
    Config = FVaeganConfig
    config: FVaeganConfig

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train encoder, generator and critic together."""
        self.gan = VaeGan(view, self.config, ctx)
        yield self.gan.training()

    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Synthesise features of classes (c, k): (c, per_class, d)."""
        return self.gan.generate(semantics, per_class, ctx)
