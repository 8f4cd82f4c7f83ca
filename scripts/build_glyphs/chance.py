"""Seeded chance that depends on no library's random numbers: every choice is a hash of what is chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import TypeVar

SEED = 0
T = TypeVar("T")


def uniform(key: str) -> float:
    """Return a number in [0, 1) that depends on ``key`` and the seed alone."""
    digest = hashlib.sha256(f"glyphs/{SEED}/{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def shuffled(items: Iterable[T], purpose: str, name: Callable[[T], str] = str) -> list[T]:
    """Return the items in an order that depends on their names, the purpose and the seed alone."""
    return sorted(items, key=lambda item: uniform(f"{purpose}/{name(item)}"))
