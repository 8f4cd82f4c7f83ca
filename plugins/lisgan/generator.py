"""The generator of LisGAN: f-CLSWGAN's, with its samples and their class means kept near soul samples."""

from __future__ import annotations

from dataclasses import replace

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import cross_entropy

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Trainings, random_rows
from gzslbench_plugins.lisgan.souls import soul_samples
from gzslbench_plugins.shared.seen_softmax import seen_softmax
from gzslbench_plugins.shared.wasserstein import WassersteinConfig, WassersteinGAN


@dataclass(frozen=True)
class LisGANConfig(WassersteinConfig):
    """Settings of :class:`LisGAN`."""

    class_loss: NonNegativeFloat = 0.01  # lambda, the weight of the class loss
    softmax_epochs: PositiveInt = 100  # epochs of the seen classifier behind the class loss
    softmax_learning_rate: PositiveFloat = 1e-3  # of its Adam
    souls: PositiveInt = 3  # soul samples per class
    sample_loss: NonNegativeFloat = 1e-3  # weight of the distance of samples from the nearest soul
    mean_loss: NonNegativeFloat = 1e-2  # weight of the distance of class means from the nearest soul
    mean_samples: PositiveInt = 20  # fresh samples of each seen class whose mean is taken
    per_class: PositiveInt = 300  # synthetic samples per unseen class


class LisGAN(Trained, Generator):
    """L_G = -E[D] + lambda L_CLS and the distances of samples and of class means from soul samples."""

    info = Info(
        name="lisgan",
        summary="conditional Wasserstein GAN with a class loss and soul samples",
        paper="Li et al., Leveraging the Invariant Side of Generative Zero-Shot Learning, CVPR 2019",
        makes=(Makes.SYNTHETIC,),
    )
    Config = LisGANConfig

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train the seen classifier, find the soul samples, then train the GAN against both."""
        config: LisGANConfig = self.config
        self.classifier = yield from seen_softmax(view, ctx, config.softmax_epochs, config.softmax_learning_rate)
        self.souls = soul_samples(view, config.souls, ctx)
        self.gan = WassersteinGAN(view, config, ctx)
        means = config.mean_samples if config.mean_loss else 0
        all_classes = torch.arange(len(view.semantics), device=ctx.device).repeat_interleave(means)

        def batches() -> Batches:
            labels = view.labels[random_rows(len(view.labels), config.batch_size, ctx)]
            a = self.gan.semantics[torch.cat([labels, all_classes])]
            yield self.gan.noise(len(a), ctx), a, labels

        training = self.gan.training()
        against = [self.gan.critic, self.classifier, self.souls]
        adam = Adam(config.learning_rate, betas=(0.5, 0.999))
        generator = Descent(self._loss, batches, adam, [self.gan.generator], against)
        yield replace(training, descents=[training.descents[0], generator])

    def _loss(self, z: Tensor, a: Tensor, labels: Tensor) -> Terms:
        """Judge a batch of fakes, of which those after the first len(labels) are for the means of all classes."""
        config, count, souls = self.config, len(labels), self.souls
        fake, for_means = self.gan.generator(z, a).tensor_split([count])
        terms = {"generator": -self.gan.critic(fake, a[:count]).mean()}
        if config.class_loss:
            terms["class_loss"] = config.class_loss * cross_entropy(self.classifier(fake), labels)
        if config.sample_loss:
            terms["sample_loss"] = config.sample_loss * souls.sample_loss(fake, labels)
        if config.mean_loss:
            terms["mean_loss"] = config.mean_loss * souls.mean_loss(for_means)
        return terms

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Synthesise class by class, which bounds the memory for hidden activations."""
        generator, noise = self.gan.generator, self.gan.noise
        conditions = self.gan.condition(semantics)
        return torch.stack([generator(noise(per_class, ctx), a.expand(per_class, -1)) for a in conditions])
