"""How far a result's trust goes: the words that tables and pages show, in the order of what stands behind them."""

from __future__ import annotations

import json
from enum import Enum
from functools import total_ordering
from pathlib import Path

from gzslbench.errors import RecordError

MANIFEST = "manifest.json"
"""The file that says what a bundle holds; an accepted bundle's folder keeps it."""
PROVENANCE = "provenance.json"
"""The file of an accepted submission's folder that says what was checked, by whom, and with what outcome."""


@total_ordering
class Provenance(Enum):
    """Where a row comes from; later ones are trusted more."""

    REPORTED = "reported", "a number printed in a paper; no predictions are at hand"
    SUBMITTED = "submitted", "records from a bundle whose hashes, seeds and code fit; metrics as the author gives them"
    RESCORED = "rescored", "metrics recomputed from the submitted predictions with our own labels"
    REPRODUCED = (
        "reproduced",
        "rescored, and a sample of cells trained again here, confined, gave the same as far as honest fits do",
    )
    VERIFIED = "verified", "rescored and reproduced, and accepted by a maintainer"
    MEASURED = "measured here", "run by this project itself"

    def __init__(self, word: str, meaning: str) -> None:
        self.word = word
        self.meaning = meaning

    def __lt__(self, other: Provenance) -> bool:
        order = list(Provenance)
        return order.index(self) < order.index(other)

    def __str__(self) -> str:
        return self.word

    @staticmethod
    def named(word: str) -> Provenance:
        """Find a provenance by its word; raises :class:`KeyError` where there is none."""
        return {each.word: each for each in Provenance}[word]


def provenance_of(root: Path) -> Provenance:
    """Say how far the results in a folder are to be trusted: ``measured here`` unless its provenance file tells.

    Raises :class:`RecordError` where that file can't be read, or a bundle's folder has none.
    """
    path = root / PROVENANCE
    if not path.exists() and (root / MANIFEST).exists():
        raise RecordError(f"{root} holds a bundle that was not accepted to the end", "delete it, and accept it again")
    try:
        return Provenance.named(json.loads(path.read_text(encoding="utf-8"))["provenance"])
    except FileNotFoundError:
        return Provenance.MEASURED
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(
            f"{path} does not say what was verified: {error}", "accept the bundle again with gzslbench verify --accept"
        ) from error
