"""The settings of GSMFlow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

EntropyKind = Literal["printed", "normalised", "bernoulli"]
ENTROPY_KINDS: tuple[str, ...] = get_args(EntropyKind)
Conditioning = Literal["explicit", "implicit"]


@dataclass(frozen=True)
class GSMFlowConfig:
    """Settings of GSMFlow, named as in the method section of the paper where it has a symbol."""

    per_class: int = 600  # synthetic samples per unseen class
    couplings: int = 3  # L
    hidden: int = 2048  # width of the sub-nets
    clamp: float = 1.0  # bound of the log-scale of each coupling; 0 leaves it unbounded
    conditioning: Conditioning = (
        "explicit"  # semantics enter each coupling, or ("implicit") they are part of z, as in IZF
    )
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
        _require(self, "conditioning", self.conditioning in get_args(Conditioning), "explicit or implicit")
        explicit = self.conditioning == "explicit"
        _require(self, "positioning", explicit or not self.positioning, "false where conditioning is implicit")
        _require(self, "entropy", self.entropy in ENTROPY_KINDS, f"one of {', '.join(ENTROPY_KINDS)}")


def _require(config: GSMFlowConfig, name: str, holds: bool, demand: str) -> None:
    if not holds:
        raise ValueError(f"{name} must be {demand}, got {getattr(config, name)!r}")
