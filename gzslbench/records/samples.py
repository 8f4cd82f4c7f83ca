"""Samples kept beside a record, for figures: a few of those that its components made or moved."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import RecordError

Samples = Mapping[str, NDArray[np.generic]]
"""Arrays by ``component.name``."""

KEPT_CLASSES = 10
KEPT_PER_CLASS = 50
"""How many classes, and samples of each, are kept of synthetic features."""
KEPT_PROXIES = 500


def save_samples(samples: Samples, path: Path) -> None:
    """Write a compressed ``.npz``."""
    arrays: dict[str, Any] = dict(samples)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_samples(path: Path) -> dict[str, NDArray[np.generic]]:
    """Read what :func:`save_samples` wrote; raises :class:`RecordError` where the file is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise RecordError(f"no samples lie in {path.parent}", "run it with --keep-samples --force") from None
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise RecordError(f"{path} holds no samples: {error}", "run it with --keep-samples --force") from error
