"""The settings of CADA-VAE."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

Share = Annotated[float, Field(ge=0, le=1)]
"""Of the training's steps; the paper counts 100 epochs, so 0.21 is its epoch 21."""


@dataclass(frozen=True)
class CadaVaeConfig:
    """Settings of :class:`CadaVae`, named as in the paper where it has a symbol."""

    per_class: PositiveInt = 400  # latents drawn for each unseen class
    seen_per_class: PositiveInt = 200  # latents drawn for each seen class
    latent_dim: PositiveInt = 64
    encoder_hidden: PositiveInt = 1560  # width of the hidden layer of the image features' encoder
    decoder_hidden: PositiveInt = 1660  # of their decoder
    semantic_encoder_hidden: PositiveInt = 1450  # of the semantics' encoder
    semantic_decoder_hidden: PositiveInt = 665  # of their decoder
    semantic_norm: NonNegativeFloat = 0.0  # Euclidean norm to which semantics are rescaled; 0 leaves them as they are
    steps: PositiveInt = 14_200
    batch_size: PositiveInt = 50
    learning_rate: PositiveFloat = 1.5e-4  # of Adam in its AMSGrad form
    beta: NonNegativeFloat = 0.25  # weight of the divergence from the prior, ...
    beta_end: Share = 0.93  # ... reached by then, from 0 on
    gamma: NonNegativeFloat = 2.37  # weight of the cross-alignment, ...
    gamma_start: Share = 0.21  # ... 0 until then
    gamma_end: Share = 0.75
    delta: NonNegativeFloat = 8.13  # weight of the distribution alignment, ...
    delta_start: Share = 0.06  # ... 0 until then
    delta_end: Share = 0.22
    squared_deviation: bool = False  # draw latents with the variance for a deviation, as the released code does
    scalar_noise: bool = False  # one random number for all dimensions of a latent, as in the released code

    def __post_init__(self) -> None:
        """Check that ramps rise."""
        for name, start, end in (
            ("beta", 0.0, self.beta_end),
            ("gamma", self.gamma_start, self.gamma_end),
            ("delta", self.delta_start, self.delta_end),
        ):
            if not start < end:
                raise ValueError(f"{name}_end must be above {start}, where {name} starts to rise, got {end}")
