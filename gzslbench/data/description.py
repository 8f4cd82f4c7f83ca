"""``dataset.toml`` beside the .mat files of a data set: what they can't tell of it.

.. code-block:: toml

    title = "CLINC150, intents of user requests"
    citation = "Larson et al., EMNLP 2019"
    backbone = "all-MiniLM-L6-v2"
    shared_space = true

``shared_space`` says that features and class semantics lie in one space, as embeddings by one model do, so that a
cosine between them means something: ``true`` of all semantics in the folder, a list of those of which it is so by the
names of their splits files, as in ``["att", "sent"]``.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gzslbench.errors import DataError, nearest

FILE = "dataset.toml"
TEXTS = ("title", "source", "licence", "citation", "backbone", "semantics", "split")
MOST_BYTES = 64 << 10
WITHOUT_VARIANT = "att"
"""How the file names the standard semantics, as their splits file does."""


@dataclass(frozen=True)
class Description:
    """Texts for people by their keys, and the variants whose semantics share the space of the features."""

    texts: Mapping[str, str] = field(default_factory=dict)
    shared_space: frozenset[str] = frozenset()


def read_description(folder: Path, variants: Iterable[str]) -> Description:
    """Read the file, where there is one, in a folder with semantics ``variants``, of which "" are the standard ones.

    Raises :class:`DataError` naming the entry that is wrong.
    """
    path = folder / FILE
    if not path.is_file():
        return Description()
    entries = _entries(path)
    known = {variant or WITHOUT_VARIANT: variant for variant in variants}
    shared = _shared(entries.pop("shared_space", False), known, path)
    for key, value in entries.items():
        if key not in TEXTS:
            raise DataError(f"{path}: there is no entry '{key}'", nearest(key, (*TEXTS, "shared_space")))
        if not isinstance(value, str):
            raise DataError(f"{path}: {key} is {value!r}", f'write text: {key} = "..."')
    return Description(entries, shared)


def written(texts: Mapping[str, str], shared_space: bool) -> str:
    """Write a description of a folder with one semantics."""
    others = ", ".join(key for key in TEXTS if key not in texts)
    said = [f"{key} = {_quoted(text)}" for key, text in texts.items()]
    return "\n".join([f"# It may also say: {others}.", *said, f"shared_space = {str(shared_space).lower()}", ""])


def _entries(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it takes more than {MOST_BYTES >> 10} KiB")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror})", "check the path and its permissions") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} can't be read: {error}", "it is TOML, with entries such as title = '...'") from error


def _shared(value: object, known: Mapping[str, str], path: Path) -> frozenset[str]:
    """Give the variants that a value of ``shared_space`` names; ``known`` has them by their names in the file."""
    if isinstance(value, bool):
        return frozenset(known.values() if value else ())
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise DataError(f"{path}: shared_space is {value!r}", f"write true, false, or a list such as {[*known]}")
    for name in value:
        if name not in known:
            what = f"{path}: shared_space names '{name}', and there is no {name}_splits.mat"
            raise DataError(what, nearest(name, known))
    return frozenset(known[name] for name in value)


def _quoted(text: str) -> str:
    """Quote text as TOML and JSON do alike, but for characters that only one of them takes as they are."""
    return json.dumps(text.encode(errors="replace").decode(), ensure_ascii=False).replace("\x7f", "\\u007f")
