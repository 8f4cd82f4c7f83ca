"""The generator of f-CLSWGAN: a conditional Wasserstein GAN whose samples must also be classified as their class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench_plugins.seen_softmax import fit_seen_softmax
from gzslbench_plugins.wasserstein import WassersteinConfig, WassersteinGAN, require


@dataclass(frozen=True)
class FClswganConfig(WassersteinConfig):
    """Settings of :class:`FClswgan`."""

    class_loss: float = 0.01  # beta, the weight of the class loss
    softmax_epochs: int = 50  # epochs of the seen classifier behind the class loss
    softmax_learning_rate: float = 1e-3  # of its Adam
    per_class: int = 300  # synthetic samples per unseen class

    def __post_init__(self) -> None:
        """Check ranges."""
        super().__post_init__()
        require(self.class_loss >= 0, "class_loss", "0 or more", self.class_loss)
        for name in ("softmax_epochs", "per_class"):
            require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        require(self.softmax_learning_rate > 0, "softmax_learning_rate", "above 0", self.softmax_learning_rate)


class FClswgan(Generator):
    """min_G max_D L_WGAN + beta L_CLS (Xian et al., Eq. 3 and 4)."""

    info = Info(
        name="f-clswgan",
        summary="conditional Wasserstein GAN with a class loss",
        paper="Xian et al., CVPR 2018",
        makes=(Makes.SYNTHETIC,),
    )
    Config = FClswganConfig

    def fit(self, view: View, ctx: Context) -> None:
        """Train the seen classifier, then the GAN against it."""
        config: FClswganConfig = self.config
        classifier = fit_seen_softmax(view, ctx, config.softmax_epochs, config.softmax_learning_rate)
        self.gan = WassersteinGAN(view, config, ctx)

        def class_loss(fake: Tensor, labels: Tensor) -> Tensor:
            # Eq. 3: L_CLS = -E[log P(y | x~)], P frozen.
            return config.class_loss * cross_entropy(classifier(fake), labels)

        for _ in ctx.steps(config.steps, stage="gan"):
            critic = self.gan.update_critic()
            generator = self.gan.update_generator(class_loss if config.class_loss else None)
            ctx.log(critic=critic, generator=generator)

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Synthesise class by class, which bounds the memory for hidden activations."""
        conditions = self.gan.condition(semantics)
        samples = [self.gan.generator(self.gan.noise(per_class, ctx.rng), a.expand(per_class, -1)) for a in conditions]
        return torch.stack(samples)
