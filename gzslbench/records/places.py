"""Where things lie in a folder of results, by names that every file system takes."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.record import CellKey

_LONGEST_NAME = 120


def answer_file(key: CellKey) -> str:
    return f"{path_safe(f'{key.labels}-{key.split_hash}')}.npz"


def read_answers(folder: Path, key: CellKey) -> AnswerKey | None:
    """Read the answer key of a key's data set and split; None where the folder has none."""
    path = folder / answer_file(key)
    return _answers_in(path, path.stat().st_mtime_ns) if path.exists() else None


@lru_cache(maxsize=16)
def _answers_in(path: Path, changed_ns: int) -> AnswerKey:
    return AnswerKey.load(path)


@lru_cache(maxsize=4096)
def path_safe(name: str) -> str:
    """Turn any name into a file name, different names into different ones; common names stay as they are."""
    safe = quote(name, safe="@+=,", errors="surrogatepass")
    if safe.startswith("."):
        safe = safe.replace(".", "%2E")
    if len(safe) > _LONGEST_NAME:
        safe = f"{safe[:_LONGEST_NAME]}%{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return safe or "%"
