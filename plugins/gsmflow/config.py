"""The settings of GSMFlow."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

EntropyKind = Literal["printed", "normalised", "bernoulli"]
ENTROPY_KINDS: tuple[str, ...] = get_args(EntropyKind)
Conditioning = Literal["explicit", "implicit"]


@dataclass(frozen=True)
class GSMFlowConfig:
    """Settings of GSMFlow, named as in the method section of the paper where it has a symbol."""

    per_class: PositiveInt = 600  # synthetic samples per unseen class
    couplings: PositiveInt = 3  # L
    hidden: PositiveInt = 2048  # width of the sub-nets
    clamp: NonNegativeFloat = 1.0  # bound of the log-scale of each coupling; 0 leaves it unbounded
    conditioning: Conditioning = "explicit"  # semantics enter each coupling, or ("implicit") z, as in IZF
    positioning: bool = True  # relative positioning; off: couplings see the semantics as they are
    semantic_dim: PositiveInt = 1024  # width m of the global semantic vectors
    semantic_norm: NonNegativeFloat = 0.0  # mean length that seen semantics are brought to; 0 leaves all as they are
    perturbation: NonNegativeFloat = 0.05  # lambda_2, weight of the noise of Eq. 5; 0 turns it off
    prototype_weight: NonNegativeFloat = 1.0  # lambda_3; 0 turns the prototype loss off
    prototype_trains_positioning: bool = False  # whether the prototype loss reaches the positioning, too
    mining_steps: NonNegativeInt = 30  # K of Eq. 4; 0 turns the mining off
    mining_rate: PositiveFloat = 1e-4  # eta of Eq. 4
    entropy_weight: NonNegativeFloat = 20.0  # lambda_1
    entropy: EntropyKind = "printed"  # reading of Eq. 3
    ascend_contrastive: bool = True  # sign of L_con in Eq. 4: as printed, or (False) as the text around it says
    contrastive_hidden: PositiveInt = 512  # width of g
    contrastive_steps: PositiveInt = 1000  # training steps of g
    contrastive_batch: PositiveInt = 64  # samples per step of g, each paired with all seen classes
    contrastive_rate: PositiveFloat = 1e-3  # learning rate of g
    steps: PositiveInt = 16_200  # training steps of the flow
    batch_size: PositiveInt = 256
    learning_rate: PositiveFloat = 3e-4
    lr_decay: Annotated[float, Field(gt=0, le=1)] = 0.8  # factor on the learning rate ...
    lr_decay_epochs: PositiveInt = 15  # ... after so many passes over the real training samples
    weight_decay: NonNegativeFloat = 1e-5  # the prior log p(theta) of Eq. 14, as L2 penalty

    def __post_init__(self) -> None:
        if self.positioning and self.conditioning == "implicit":
            raise ValueError("positioning must be false where conditioning is implicit")
