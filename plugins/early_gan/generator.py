"""Proxy samples from the early training of a conditional Wasserstein GAN (Section 4.2)."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.func import functional_call

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Trained, Trainings
from gzslbench_plugins.early_gan.confidence import confidence_score
from gzslbench_plugins.shared.seen_softmax import seen_softmax
from gzslbench_plugins.shared.wasserstein import WassersteinConfig, WassersteinGAN

SHOWN, SHOWN_SAMPLES = 4, 200
"""How many states, beside the first, and samples of each are kept for figures."""


@dataclass(frozen=True)
class EarlyGANConfig(WassersteinConfig):
    """Settings of :class:`EarlyGAN`; the band is given as fractions of (number of seen classes - 1) above 1."""

    score_low: NonNegativeFloat = 0.05  # s_l = 1 + score_low * (C_s - 1)
    score_high: Annotated[float, Field(le=1)] = 0.5  # s_h = 1 + score_high * (C_s - 1)
    score_every: PositiveInt = 50  # generator steps from one Confidence Score to the next
    score_samples: PositiveInt = 2000  # samples behind one Confidence Score
    softmax_epochs: PositiveInt = 50  # epochs of the pre-trained classifier PTC
    softmax_learning_rate: PositiveFloat = 1e-3  # of its Adam
    proxy_count: PositiveInt = 3000  # proxy samples
    single_state: Annotated[float, Field(ge=0, le=1)] = 0.0  # share of the steps where the one state lies; 0 takes all

    def __post_init__(self) -> None:
        if not self.score_low < self.score_high:
            raise ValueError(f"score_low must be below score_high, got {self.score_low} and {self.score_high}")


@dataclasses.dataclass(frozen=True, eq=False)
class GeneratorState:
    """The weights of G after a generator step, and the Confidence Score of its samples."""

    step: int
    score: float
    weights: dict[str, Tensor]


class EarlyGAN(Trained, Generator):
    """Keeps the states of a GAN's generator whose samples are neither noise nor yet of the seen classes."""

    info = Info(
        name="early-gan",
        summary="proxies of no seen class from the early training of a Wasserstein GAN",
        paper="Gune et al., ACM MM 2020",
        makes=(Makes.PROXIES,),
        precisions=("float32", "bfloat16"),
    )
    Config = EarlyGANConfig

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train PTC, then the GAN (Algorithm 1, steps 1 to 3)."""
        config: EarlyGANConfig = self.config
        self.ptc = yield from seen_softmax(view, ctx, config.softmax_epochs, config.softmax_learning_rate)
        steps = max(1, round(config.steps * (config.single_state or 1.0)))
        self.gan = WassersteinGAN(view, dataclasses.replace(config, steps=steps), ctx)
        spread = len(view.semantics) - 1
        self.s_l, self.s_h = 1 + config.score_low * spread, 1 + config.score_high * spread
        self.closest = self.last = self._state(0, ctx)
        self.admissible: list[GeneratorState] = []
        scores: list[tuple[int, float]] = [(0, self.closest.score)]

        def score(step: int) -> None:
            if step % config.score_every == 0 or step == steps:
                state = self._state(step, ctx)
                scores.append((step, state.score))
                self._keep(state)

        yield self.gan.training(after_step=score)
        self._note(scores, ctx)

    @torch.no_grad()
    def proxies(self, count: int, ctx: Context) -> Tensor:
        """Sample evenly over admissible states and, in each, over seen classes."""
        states = [self.last] if self.config.single_state else self.admissible or [self.closest]
        labels = torch.arange(count, device=ctx.device) % len(self.gan.semantics)
        shares = labels.tensor_split(len(states))
        return torch.cat([self._sample(state.weights, share, ctx) for state, share in zip(states, shares, strict=True)])

    def _sample(self, weights: dict[str, Tensor], labels: Tensor, ctx: Context) -> Tensor:
        noise = self.gan.noise(len(labels), ctx)
        return functional_call(self.gan.generator, weights, (noise, self.gan.semantics[labels]))

    @torch.no_grad()
    def _state(self, step: int, ctx: Context) -> GeneratorState:
        """Copy G and measure its Confidence Score on samples spread evenly over the seen classes."""
        weights = {name: value.detach().clone() for name, value in self.gan.generator.named_parameters()}
        labels = torch.arange(self.config.score_samples, device=ctx.device) % len(self.gan.semantics)
        samples = self._sample(weights, labels, ctx)
        p = self.ptc(samples).softmax(1)
        if step % max(1, self.gan.config.steps // SHOWN) < self.config.score_every:
            ctx.keep(**{f"step {step}": samples[:SHOWN_SAMPLES]})
        return GeneratorState(step, float(confidence_score(p)), weights)

    def _keep(self, state: GeneratorState) -> None:
        """Keep a state with s_l < CS < s_h, and the state closest to the middle of the band should there be none."""
        self.last = state
        if self.s_l < state.score < self.s_h:
            self.admissible.append(state)
        middle = (self.s_l + self.s_h) / 2
        self.closest = min(self.closest, state, key=lambda each: abs(each.score - middle))

    def _note(self, scores: list[tuple[int, float]], ctx: Context) -> None:
        ctx.note(
            confidence_steps=[step for step, _ in scores],
            confidence_scores=[score for _, score in scores],
            confidence_band=[self.s_l, self.s_h],
            admissible_steps=[state.step for state in self.admissible],
        )
        if not self.admissible and not self.config.single_state:
            ctx.note(
                warning=f"no generator state had a Confidence Score within the band; proxies come from step "
                f"{self.closest.step} (score {self.closest.score:.1f}, band {self.s_l:.1f} to {self.s_h:.1f})"
            )
