"""The generator of f-CLSWGAN: a conditional Wasserstein GAN whose samples must also be classified as their class."""

from __future__ import annotations

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import cross_entropy

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Trained, Trainings, autocast
from gzslbench_plugins.shared.seen_softmax import seen_softmax
from gzslbench_plugins.shared.wasserstein import WassersteinConfig, WassersteinGAN


@dataclass(frozen=True)
class FClswganConfig(WassersteinConfig):
    """Settings of :class:`FClswgan`."""

    class_loss: NonNegativeFloat = 0.01  # beta, the weight of the class loss
    softmax_epochs: PositiveInt = 50  # epochs of the seen classifier behind the class loss
    softmax_learning_rate: PositiveFloat = 1e-3  # of its Adam
    per_class: PositiveInt = 300  # synthetic samples per unseen class


class FClswgan(Trained, Generator):
    """min_G max_D L_WGAN + beta L_CLS (Xian et al., Eq. 3 and 4)."""

    info = Info(
        name="f-clswgan",
        summary="conditional Wasserstein GAN with a class loss",
        paper="Xian et al., CVPR 2018",
        makes=(Makes.SYNTHETIC,),
        precisions=("float32", "bfloat16"),
    )
    Config = FClswganConfig

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train the seen classifier, then the GAN against it."""
        config: FClswganConfig = self.config
        classifier = yield from seen_softmax(view, ctx, config.softmax_epochs, config.softmax_learning_rate)
        self.gan = WassersteinGAN(view, config, ctx)

        def class_loss(fake: Tensor, labels: Tensor) -> Tensor:
            return config.class_loss * cross_entropy(classifier(fake).float(), labels)  # Eq. 3, P frozen

        yield self.gan.training(class_loss if config.class_loss else None, [classifier])

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Synthesise class by class, which bounds the memory for hidden activations."""
        generator, noise = self.gan.generator, self.gan.noise
        with autocast(ctx):
            conditions = self.gan.condition(semantics)
            return torch.stack([generator(noise(per_class, ctx), a.expand(per_class, -1)) for a in conditions])
