"""The protocols: what training may see, how state and operating point are chosen, and whether the result is ranked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gzslbench.contract.info import Need
from gzslbench.errors import UsageError, nearest

Choice = Literal["last step", "calibrated", "validation classes", "test set"]
"""How the state that is kept, and the point where it stops between seen and unseen classes, are chosen.

The last step of a fixed budget, as the method stops; the same with the gate ``calibrated-stacking`` in place of its
own, whose constant is chosen on validation classes; steps and settings chosen on these; or the best H on test.
"""


@dataclass(frozen=True)
class Visibility:
    """What training may see: ``reveals`` lists what components that declare the need get beyond seen data."""

    name: str
    summary: str
    reveals: frozenset[Need]
    many_splits: bool = False


@dataclass(frozen=True)
class Protocol:
    """One way to run and judge every method: what training may see, and how state and operating point are chosen.

    ``version`` changes whenever numbers obtained before and after stop being comparable.
    """

    name: str
    visibility: Visibility
    choice: Choice = "last step"
    version: int = 1

    @property
    def summary(self) -> str:
        """Say both in a line."""
        return f"{self.visibility.summary}{_CHOSEN[self.choice]}"

    @property
    def reveals(self) -> frozenset[Need]:
        """What components may see beyond seen data, if they declare the need."""
        return self.visibility.reveals | ({Need.VALIDATION} if self.validates else frozenset())

    @property
    def validates(self) -> bool:
        """Whether a fold with validation classes is cut inside the training samples."""
        return self.choice in ("calibrated", "validation classes")

    @property
    def ranked(self) -> bool:
        """Whether its results are: those that were chosen on the test set are not."""
        return self.choice != "test set"

    @property
    def many_splits(self) -> bool:
        """Whether results are means over class splits."""
        return self.visibility.many_splits


_CHOSEN: dict[Choice, str] = {
    "last step": "",
    "calibrated": "; seen classes handicapped by a constant that is chosen on validation classes",
    "validation classes": "; steps and settings chosen on validation classes, then refitted on all training samples",
    "test set": "; the best H on the test set is kept, as most released code does",
}
_UNSEEN = frozenset({Need.UNSEEN_SEMANTICS})

VISIBILITIES: dict[str, Visibility] = {
    each.name: each
    for each in (
        Visibility("strict", "nothing of unseen classes before test time", frozenset()),
        Visibility("inductive", "semantics of unseen classes from the start", _UNSEEN),
        Visibility("splits", "as inductive, over many class splits", _UNSEEN, many_splits=True),
        Visibility(
            "transductive", "as inductive, and unlabelled test features from the start", _UNSEEN | {Need.TEST_FEATURES}
        ),
    )
}


def _fixed_pairs() -> list[Protocol]:
    as_they_stop = [Protocol(name, visibility) for name, visibility in VISIBILITIES.items()]
    calibrated = [Protocol(f"{each.name}-calibrated", each.visibility, "calibrated") for each in as_they_stop]
    inductive = VISIBILITIES["inductive"]
    chosen = [Protocol("validated", inductive, "validation classes"), Protocol("paper", inductive, "test set")]
    return [*as_they_stop, *calibrated, *chosen]


PROTOCOLS: dict[str, Protocol] = {protocol.name: protocol for protocol in _fixed_pairs()}
HEADLINE = ("inductive", "inductive-calibrated")
"""What a run makes that names no protocol, and the first table shows."""
CALIBRATING = "calibrated-stacking"
"""The gate of calibrated results, whatever a method's own gate is."""


def protocol_named(name: str) -> Protocol:
    """Find a protocol; raises :class:`UsageError` naming the nearest ones."""
    if name not in PROTOCOLS:
        raise UsageError(f"there is no protocol '{name}'", nearest(name, PROTOCOLS))
    return PROTOCOLS[name]
