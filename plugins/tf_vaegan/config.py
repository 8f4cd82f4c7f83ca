"""The settings of TF-VAEGAN."""

from __future__ import annotations

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

from gzslbench_plugins.shared.semantic_distance import DistanceKind
from gzslbench_plugins.shared.vae_gan import VaeGanConfig


@dataclass(frozen=True)
class TFVaeganConfig(VaeGanConfig):
    """Settings of TF-VAEGAN; defaults are the paper's, or released for CUB, but for ``steps`` and ``turn_steps``."""

    decoder_hidden: PositiveInt = 4096  # width of Dec's hidden layer h
    decoder_learning_rate: PositiveFloat = 1e-4  # of Dec's Adam
    reconstruction_weight: NonNegativeFloat = 0.01  # beta
    reconstruction: DistanceKind = "l1"  # or "weighted", as in released code
    decoder_learns_from_fakes: bool = True  # off: it only judges them (released for AWA2)
    feedback_learning_rate: PositiveFloat = 1e-5  # of F's Adam
    training_feedback: NonNegativeFloat = 1.0  # delta in training; 0 leaves the feedback out
    synthesis_feedback: NonNegativeFloat = 1.0  # delta in synthesis; 0 leaves it out
    turn_steps: NonNegativeInt = 1  # training steps of a turn without or with feedback; 0: a pass over the samples
    per_class: PositiveInt = 300  # synthetic samples per unseen class
