"""Samples kept beside a record, for figures: a few of those that its components made or moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

Samples = Mapping[str, NDArray[Any]]
"""Arrays by ``component.name``."""

KEPT_CLASSES = 10
KEPT_PER_CLASS = 50
"""How many classes, and samples of each, are kept of synthetic features."""
KEPT_PROXIES = 500
