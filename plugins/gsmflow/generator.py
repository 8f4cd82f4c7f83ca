"""GSMFlow as a generator: perturbation, prototypes, the objective, generation (GSMFlow, sections III-B and III-E)."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from gzslbench.contract import Context, Generator, Info, Makes, View, one_hot
from gzslbench.training import (
    Adam,
    Batches,
    Descent,
    Terms,
    Trained,
    Training,
    Trainings,
    autocast,
    linear_for_two,
    random_rows,
)
from gzslbench_plugins.gsmflow.config import GSMFlowConfig
from gzslbench_plugins.gsmflow.flow import Flow
from gzslbench_plugins.gsmflow.implicit import ImplicitPrior
from gzslbench_plugins.gsmflow.mining import ContrastiveNetwork, contrastive_training, mine_boundary_samples
from gzslbench_plugins.gsmflow.positioning import RelativePositioning

CHUNK = 1024
"""Samples generated at once; bounds the memory that generation needs beside its result."""
KEPT_CLASSES = 10
"""Seen classes whose real and boundary samples are kept for figures."""


class GSMFlow(Trained, Generator):
    """Generation shifts mitigating flow: a conditional flow from class semantics to features."""

    info = Info(
        "gsmflow",
        summary="conditional affine coupling flow with boundary samples, perturbation and relative positioning",
        paper="Chen, Luo, Wang, Li, Huang: GSMFlow, IEEE Transactions on Multimedia",
        makes=(Makes.SYNTHETIC,),
        precisions=("float32", "bfloat16"),
    )
    Config = GSMFlowConfig
    config: GSMFlowConfig

    positioning: nn.Module
    implicit: ImplicitPrior | None
    flow: Flow

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Mine boundary samples, then train flow and positioning on them and the real samples, Eq. 18."""
        self._build(view, ctx)
        samples, labels = view.features, view.labels
        if self.config.mining_steps > 0:
            network = ContrastiveNetwork(view, self.config.contrastive_hidden).to(ctx.device)
            yield contrastive_training(network, view, self.config, ctx)
            boundary = mine_boundary_samples(network, view, self.config, ctx)
            ctx.note(boundary_distance=float((boundary - view.features).norm(dim=1).mean()))
            few = view.labels < KEPT_CLASSES
            ctx.keep(real=samples[few], boundary=boundary[few], labels=labels[few])
            samples, labels = torch.cat([samples, boundary]), labels.repeat(2)

        def batches() -> Batches:
            rows = random_rows(len(labels), self.config.batch_size, ctx)
            yield self._perturb(samples[rows], ctx), labels[rows]

        loss = partial(self._loss, view.semantics, class_means(view.features, view.labels, len(view.semantics)))
        descent = Descent(loss, batches, self._adam(len(view.labels)), trains=[self.flow, self.positioning])
        yield Training("flow", self.config.steps, [descent])

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Draw z from N(0, I) and invert the flow, Eq. 19: ``semantics`` (c, k) to (c, per_class, d)."""
        features = torch.randn(len(semantics), per_class, self.dim, generator=ctx.rng, device=ctx.device)
        means = self.prior_mean(semantics)
        with autocast(ctx):
            embedded = self.flow.embed(self.condition(semantics))
            for position, (samples, row) in enumerate(zip(features, embedded.split(1), strict=True)):
                for chunk in samples.split(CHUNK):
                    chunk.copy_(self.flow.inverse(chunk + means[position], row))
        return features

    def condition(self, semantics: Tensor) -> Tensor:
        """Map semantics (c, k) to what the couplings are conditioned on: global semantic vectors (c, m), Eq. 10."""
        if self.implicit is not None:
            return semantics.new_ones(len(semantics), 1)
        return self.positioning(self.semantic_scale * semantics)

    def prior_mean(self, semantics: Tensor) -> Tensor:
        """Give the mean of z (c, d) given each class: 0, unless conditioning is implicit."""
        if self.implicit is not None:
            return self.implicit(self.semantic_scale * semantics)
        return semantics.new_zeros(len(semantics), self.dim)

    def _build(self, view: View, ctx: Context) -> None:
        """Make the networks, before any training, so that ``generate`` works at any time."""
        config, semantic_dim = self.config, view.semantics.shape[1]
        self.dim = view.features.shape[1]
        length = view.semantics.norm(dim=1).mean()
        self.semantic_scale = config.semantic_norm / length if config.semantic_norm > 0 else torch.ones_like(length)
        self.positioning, self.implicit = nn.Identity(), None
        seen = self.semantic_scale * view.semantics
        if config.conditioning == "implicit":
            self.implicit, semantic_dim = ImplicitPrior(seen, self.dim), 1
        elif config.positioning:
            self.positioning = RelativePositioning(seen, config.semantic_dim).to(ctx.device)
            semantic_dim = config.semantic_dim
        self.flow = Flow(self.dim, semantic_dim, config.couplings, config.hidden, config.clamp).to(ctx.device)

    def _adam(self, samples: int) -> Adam:
        """Adam, whose weight decay stands for -log p(theta) of Eq. 14, with a rate that falls by stages."""
        config = self.config
        period = config.lr_decay_epochs * -(-samples // config.batch_size)  # in steps
        return Adam(config.learning_rate, weight_decay=config.weight_decay, decay=config.lr_decay, decay_every=period)

    def _perturb(self, x: Tensor, ctx: Context) -> Tensor:
        """Add fresh noise e from N(0, I) to a batch (n, d), Eq. 5: x^+ + lambda_2 e."""
        if self.config.perturbation == 0:
            return x
        noise = torch.randn(x.shape, generator=ctx.rng, device=x.device, dtype=x.dtype)
        return x + self.config.perturbation * noise

    def _loss(self, semantics: Tensor, prototypes: Tensor, x: Tensor, labels: Tensor) -> Terms:
        """L_flow + lambda_3 L_proto, Eq. 18, on perturbed samples x (n, d)."""
        conditions = self.condition(semantics)
        if self.config.prototype_trains_positioning or self.config.prototype_weight == 0:
            embedded = of_prototypes = self.flow.embed(conditions)
        else:
            layer = self.flow.conditions  # as embed(conditions), embed(conditions.detach())
            embedded, of_prototypes = linear_for_two(conditions, layer.weight, layer.bias)
        means = self.prior_mean(semantics)
        terms = {"flow_loss": self._flow_loss(x, embedded, labels, means)}
        if self.config.prototype_weight > 0:
            prototype_loss = self._prototype_loss(of_prototypes, prototypes, means)
            terms["prototype_loss"] = self.config.prototype_weight * prototype_loss
        return terms

    def _flow_loss(self, x: Tensor, embedded: Tensor, labels: Tensor, means: Tensor) -> Tensor:
        """L_flow of Eq. 14 and 17 per dimension, less the prior on theta, which is the weight decay."""
        log_likelihood = self.flow.log_likelihood(x, nn.functional.embedding(labels, embedded), means[labels])
        return -log_likelihood.mean() / self.dim

    def _prototype_loss(self, embedded: Tensor, prototypes: Tensor, means: Tensor) -> Tensor:
        """L_proto of Eq. 7 and 17 per dimension: the image of the prior's mean, z = 0, against that of each class."""
        centres = self.flow.inverse(means, embedded)
        return nn.functional.mse_loss(centres, prototypes)


def class_means(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Mean of the real samples of each class, Eq. 6: (n, d) and (n,) to (classes, d); each class needs a sample."""
    members = one_hot(labels, classes).to(features.dtype)
    return (members.T @ features) / members.sum(dim=0).unsqueeze(1)
