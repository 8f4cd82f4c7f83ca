"""The settings of SDGZSL."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

Rate = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class SDGZSLConfig:
    """Settings of :class:`SDGZSL`; defaults are those released for CUB with sentences, but for ``squashed_scores``."""

    per_class: PositiveInt = 1200  # synthetic samples per unseen class
    hidden: PositiveInt = 2048  # width of the hidden layers of all networks
    bottleneck: PositiveInt = 128  # width of the encoder's last hidden layer
    latent_dim: PositiveInt = 20  # of z
    part_dim: PositiveInt = 312  # width of h_s, and of h_n
    semantic_norm: NonNegativeFloat = 0.0  # Euclidean norm to which semantics are rescaled; 0 leaves them as they are
    steps: PositiveInt = 44_000
    batch_size: PositiveInt = 64
    learning_rate: PositiveFloat = 1e-4  # of Adam, for all networks
    weight_decay: NonNegativeFloat = 1e-6  # L2 penalty in Adam
    kl_growth: NonNegativeFloat = 0.02  # weight of the divergence, per pass over the training samples; at most 1
    relation_weight: NonNegativeFloat = 3.0  # lambda_1, of the relation loss
    correlation_weight: NonNegativeFloat = 0.3  # lambda_2, of the total correlation, ...
    correlation_growth: NonNegativeFloat = 0.001  # ... and the share of it per pass; at most 1
    discriminator_hidden: NonNegativeInt = 0  # width of its hidden layer; 0 for none, as in the released code
    discriminator_rest: PositiveInt = 2  # steps without an update of the discriminator after each with one
    squashed_scores: bool = False  # a sigmoid before the discriminator's cross-entropy, as in the released code
    encoder_dropout: Rate = 0.4
    variance_dropout: Rate = 0.2  # before the softplus that gives the variance of z
    decoder_dropout: Rate = 0.5
    autoencoder_dropout: Rate = 0.2
    batch_norm_eps: PositiveFloat = 0.8  # added to the variances of batch normalisation
