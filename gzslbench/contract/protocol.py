"""The protocols: what training may see, which state is kept, and whether the result is ranked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gzslbench.contract.info import Need
from gzslbench.errors import UsageError, nearest

Selection = Literal["last step", "validation classes", "test set"]
"""Which state is kept: that of the last step of a fixed budget, or the best by H on validation classes or on test."""


@dataclass(frozen=True)
class Protocol:
    """One way to run and judge every method.

    ``reveals`` lists what components may see beyond seen data, if they declare the need. ``version`` changes whenever
    numbers obtained before and after stop being comparable.
    """

    name: str
    summary: str
    reveals: frozenset[Need]
    selection: Selection = "last step"
    ranked: bool = True
    many_splits: bool = False
    version: int = 1


_INDUCTIVE = frozenset({Need.UNSEEN_SEMANTICS})

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol("strict", "nothing of unseen classes before test time", frozenset()),
        Protocol("inductive", "semantics of unseen classes from the start", _INDUCTIVE),
        Protocol(
            "validated",
            "as inductive; steps and settings chosen on validation classes, then refitted on all training samples",
            _INDUCTIVE,
            selection="validation classes",
        ),
        Protocol(
            "paper",
            "as inductive, but the best H on the test set is kept, as most released code does",
            _INDUCTIVE,
            selection="test set",
            ranked=False,
        ),
        Protocol("splits", "as inductive, over many class splits", _INDUCTIVE, many_splits=True),
        Protocol(
            "transductive",
            "as inductive, and unlabelled test features from the start",
            _INDUCTIVE | {Need.TEST_FEATURES},
        ),
    )
}


def protocol_named(name: str) -> Protocol:
    """Find a protocol; raises :class:`UsageError` naming the nearest ones."""
    if name not in PROTOCOLS:
        raise UsageError(f"there is no protocol '{name}'", nearest(name, PROTOCOLS))
    return PROTOCOLS[name]
