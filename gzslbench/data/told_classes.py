"""The classes that samples' file names tell, by which the order of the semantics is checked."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from gzslbench.contract.dataset import DataSet, Indices


def told_classes(dataset: DataSet) -> Indices:
    """Give the class that each sample's path names, or -1: the innermost folder, or the file's name less its number."""
    rows = _rows_by_name(dataset.class_names)
    told_by_folder: dict[str, int] = {}

    def told(path: str) -> int:
        folder, _, file = path.rpartition("/")
        if folder not in told_by_folder:
            parts = reversed(folder.split("/"))
            told_by_folder[folder] = next(
                (rows[name] for part in parts for name in (part, _plain(part)) if name in rows), -1
            )
        if told_by_folder[folder] >= 0:
            return told_by_folder[folder]
        return rows.get(_plain(file.rpartition(".")[0] or file), -1)

    names = dataset.sample_names.tolist() if dataset.sample_names is not None else []
    return np.array([told(name.decode().replace("\\", "/")) for name in names], dtype=np.int64)


def _rows_by_name(class_names: tuple[str, ...]) -> dict[str, int]:
    """Map names, and what is left of them without digits and marks, to rows; what fits several classes tells none."""
    plain = [_plain(name) for name in class_names]
    counts = Counter(plain)
    unique = {name: row for row, name in enumerate(plain) if name and counts[name] == 1}
    return unique | {name: row for row, name in enumerate(class_names)}


def _plain(name: str) -> str:
    """Reduce a name to its letters, so that ``001.Black_footed`` and ``black+footed_0012`` are alike."""
    return re.sub(r"[\W\d_]+", "", name.casefold())
