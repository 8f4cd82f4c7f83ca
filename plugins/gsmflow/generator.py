"""GSMFlow as a generator: perturbation, prototypes, the objective, generation (GSMFlow, sections III-B and III-E)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gzslbench.contract import Context, Generator, Info, Makes, View, one_hot
from gzslbench_plugins.gsmflow.flow import Flow
from gzslbench_plugins.gsmflow.mining import ENTROPY_KINDS, EntropyKind, Mining, mine_boundary_samples
from gzslbench_plugins.gsmflow.positioning import RelativePositioning

CHUNK = 1024
"""Samples generated at once; bounds the memory that generation needs beside its result."""


@dataclass(frozen=True)
class GSMFlowConfig:
    """Settings of GSMFlow, named as in the method section of the paper where it has a symbol."""

    per_class: int = 600  # synthetic samples per unseen class
    couplings: int = 3  # L
    hidden: int = 2048  # width of the sub-nets
    clamp: float = 1.0  # bound of the log-scale of each coupling; 0 leaves it unbounded
    positioning: bool = True  # relative positioning; off: couplings see the semantics as they are
    semantic_dim: int = 1024  # width m of the global semantic vectors
    semantic_norm: float = 0.0  # mean length to which seen semantics are scaled; 0 leaves semantics as they are
    perturbation: float = 0.05  # lambda_2, weight of the noise of Eq. 5; 0 turns it off
    prototype_weight: float = 1.0  # lambda_3; 0 turns the prototype loss off
    prototype_trains_positioning: bool = False  # whether the prototype loss reaches the positioning, too
    mining_steps: int = 30  # K of Eq. 4; 0 turns the mining off
    mining_rate: float = 1e-4  # eta of Eq. 4
    entropy_weight: float = 20.0  # lambda_1
    entropy: EntropyKind = "printed"  # reading of Eq. 3
    ascend_contrastive: bool = True  # sign of L_con in Eq. 4: as printed, or (False) as the text around it says
    contrastive_hidden: int = 512  # width of g
    contrastive_steps: int = 1000  # training steps of g
    contrastive_batch: int = 64  # samples per step of g, each paired with all seen classes
    contrastive_rate: float = 1e-3  # learning rate of g
    steps: int = 16_200  # training steps of the flow
    batch_size: int = 256
    learning_rate: float = 3e-4
    lr_decay: float = 0.8  # factor on the learning rate ...
    lr_decay_epochs: int = 15  # ... after so many passes over the real training samples
    weight_decay: float = 1e-5  # the prior log p(theta) of Eq. 14, as L2 penalty

    def __post_init__(self) -> None:
        for name in (
            *("per_class", "couplings", "hidden", "semantic_dim", "steps", "batch_size", "lr_decay_epochs"),
            *("contrastive_hidden", "contrastive_steps", "contrastive_batch"),
        ):
            _require(self, name, getattr(self, name) >= 1, "at least 1")
        for name in (
            *("clamp", "semantic_norm", "perturbation", "prototype_weight", "weight_decay"),
            *("mining_steps", "entropy_weight"),
        ):
            _require(self, name, getattr(self, name) >= 0, "at least 0")
        for name in ("mining_rate", "contrastive_rate", "learning_rate"):
            _require(self, name, getattr(self, name) > 0, "greater than 0")
        _require(self, "lr_decay", 0 < self.lr_decay <= 1, "in (0, 1]")
        _require(self, "entropy", self.entropy in ENTROPY_KINDS, f"one of {', '.join(ENTROPY_KINDS)}")

    def mining(self) -> Mining:
        """Collect what the mining stage needs."""
        return Mining(
            steps=self.mining_steps,
            rate=self.mining_rate,
            entropy_weight=self.entropy_weight,
            entropy=self.entropy,
            ascend_contrastive=self.ascend_contrastive,
            hidden=self.contrastive_hidden,
            training_steps=self.contrastive_steps,
            training_batch=self.contrastive_batch,
            training_rate=self.contrastive_rate,
        )


def _require(config: GSMFlowConfig, name: str, holds: bool, demand: str) -> None:
    if not holds:
        raise ValueError(f"{name} must be {demand}, got {getattr(config, name)!r}")


class GSMFlow(Generator):
    """Generation shifts mitigating flow: a conditional flow from class semantics to features."""

    info = Info(
        "gsmflow",
        summary="conditional affine coupling flow with boundary samples, perturbation and relative positioning",
        paper="Chen, Luo, Wang, Li, Huang: GSMFlow, IEEE Transactions on Multimedia",
        makes=(Makes.SYNTHETIC,),
    )
    Config = GSMFlowConfig
    config: GSMFlowConfig

    positioning: nn.Module
    flow: Flow

    def fit(self, view: View, ctx: Context) -> None:
        """Mine boundary samples, then train flow and positioning on them and the real samples, Eq. 18."""
        self._build(view, ctx)
        samples, labels = self._enrich(view, ctx)
        prototypes = class_means(view.features, view.labels, len(view.semantics))
        optimiser, scheduler = self._optimiser(len(view.labels))
        for _ in ctx.steps(self.config.steps, stage="flow"):
            rows = torch.randint(len(labels), (self.config.batch_size,), generator=ctx.rng, device=ctx.device)
            x = self._perturb(samples[rows], ctx)
            conditions = self.condition(view.semantics)
            embedded = self.flow.embed(conditions)
            loss = flow_loss = self._flow_loss(x, embedded, labels[rows])
            if self.config.prototype_weight > 0:
                prototype_loss = self._prototype_loss(conditions, embedded, prototypes)
                loss = flow_loss + self.config.prototype_weight * prototype_loss  # Eq. 18
                ctx.log(prototype_loss=prototype_loss)
            ctx.log(flow_loss=flow_loss)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            scheduler.step()

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Draw z from N(0, I) and invert the flow, Eq. 19: ``semantics`` (c, k) to (c, per_class, d)."""
        embedded = self.flow.embed(self.condition(semantics))
        features = torch.randn(len(semantics), per_class, self.dim, generator=ctx.rng, device=ctx.device)
        for samples, row in zip(features, embedded.split(1), strict=True):
            for chunk in samples.split(CHUNK):
                chunk.copy_(self.flow.inverse(chunk, row))
        return features

    def condition(self, semantics: Tensor) -> Tensor:
        """Map semantics (c, k) to what the couplings are conditioned on: global semantic vectors (c, m), Eq. 10."""
        return self.positioning(self.semantic_scale * semantics)

    def _build(self, view: View, ctx: Context) -> None:
        """Make the networks, before any training, so that ``generate`` works at any time."""
        config, semantic_dim = self.config, view.semantics.shape[1]
        self.dim = view.features.shape[1]
        length = view.semantics.norm(dim=1).mean()
        self.semantic_scale = config.semantic_norm / length if config.semantic_norm > 0 else torch.ones_like(length)
        self.positioning = nn.Identity()
        if config.positioning:
            seen = self.semantic_scale * view.semantics
            self.positioning = RelativePositioning(seen, config.semantic_dim).to(ctx.device)
            semantic_dim = config.semantic_dim
        self.flow = Flow(self.dim, semantic_dim, config.couplings, config.hidden, config.clamp).to(ctx.device)

    def _enrich(self, view: View, ctx: Context) -> tuple[Tensor, Tensor]:
        """Append the boundary samples to the real ones."""
        if self.config.mining_steps == 0:
            return view.features, view.labels
        boundary = mine_boundary_samples(view, self.config.mining(), ctx)
        ctx.note(boundary_distance=float((boundary - view.features).norm(dim=1).mean()))
        return torch.cat([view.features, boundary]), view.labels.repeat(2)

    def _optimiser(self, samples: int) -> tuple[torch.optim.Adam, torch.optim.lr_scheduler.StepLR]:
        """Adam, whose weight decay stands for -log p(theta) of Eq. 14, with a rate that falls by stages."""
        config = self.config
        parameters = [*self.flow.parameters(), *self.positioning.parameters()]
        optimiser = torch.optim.Adam(parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)
        epoch_steps = -(-samples // config.batch_size)
        period = config.lr_decay_epochs * epoch_steps
        return optimiser, torch.optim.lr_scheduler.StepLR(optimiser, period, config.lr_decay)

    def _perturb(self, x: Tensor, ctx: Context) -> Tensor:
        """Add fresh noise e from N(0, I) to a batch (n, d), Eq. 5: x^+ + lambda_2 e."""
        if self.config.perturbation == 0:
            return x
        noise = torch.randn(x.shape, generator=ctx.rng, device=x.device, dtype=x.dtype)
        return x + self.config.perturbation * noise

    def _flow_loss(self, x: Tensor, embedded: Tensor, labels: Tensor) -> Tensor:
        """L_flow of Eq. 14 and 17 per dimension, less the prior on theta, which is the weight decay."""
        log_likelihood = self.flow.log_likelihood(x, nn.functional.embedding(labels, embedded))
        return -log_likelihood.mean() / self.dim

    def _prototype_loss(self, conditions: Tensor, embedded: Tensor, prototypes: Tensor) -> Tensor:
        """L_proto of Eq. 7 and 17 per dimension: the image of z = 0 against the mean of each seen class."""
        if not self.config.prototype_trains_positioning:
            embedded = self.flow.embed(conditions.detach())
        centres = self.flow.inverse(torch.zeros_like(prototypes), embedded)
        return nn.functional.mse_loss(centres, prototypes)


def class_means(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Mean of the real samples of each class, Eq. 6: (n, d) and (n,) to (classes, d); each class needs a sample."""
    members = one_hot(labels, classes).to(features.dtype)
    return (members.T @ features) / members.sum(dim=0).unsqueeze(1)
