"""Features from raw data: images in a folder for each class, or a table of labelled texts, as files to be imported.

Class semantics are a table with a row for each class: its name, and either numbers, which are imported as they are, or
a text, which is embedded. Tables of texts have a header.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gzslbench.data.backbones import FOR_IMAGES, FOR_TEXTS, Backbone, Features, Item, load_backbone
from gzslbench.data.columns import Choices
from gzslbench.data.importing import Sources
from gzslbench.data.tables import NUMBER
from gzslbench.errors import DataError, UsageError
from gzslbench.files import aside, put

if TYPE_CHECKING:
    import pandas as pd

IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm")
CHUNK = 512
"""How many items are kept at once, so that an interrupted extraction goes on after them."""

Progress = Callable[[str, int, int], None]
"""Takes what is encoded, how many are done, and how many there are."""


@dataclass(frozen=True)
class Raw:
    """What to make features of: a folder of images or a table of texts, and a table of the classes.

    Without a ``backbone``, :data:`FOR_IMAGES` or :data:`FOR_TEXTS` is taken; without a ``text_backbone``, descriptions
    of classes are embedded by the backbone if it takes texts, else by :data:`FOR_TEXTS`.
    """

    source: Path
    semantics: Path
    backbone: str = ""
    text_backbone: str = ""
    weights: Path | None = None
    device: str = "cpu"
    batch: int = 32
    columns: Choices = field(default_factory=Choices)


def extract(raw: Raw, work: Path, progress: Progress = lambda *_: None) -> Sources:
    """Encode samples and, where they are described by texts, classes; into files in ``work``, for an import.

    What was encoded stays in ``work``, and is not encoded again. Raises :class:`DataError` or :class:`UsageError`.
    """
    classes = _read(raw.semantics)
    items, labels, named = _images(raw, classes) if raw.source.is_dir() else _texts(raw, classes)
    described = _descriptions(raw, classes, named)
    name = raw.backbone or (FOR_IMAGES if raw.source.is_dir() else FOR_TEXTS)
    backbone = load_backbone(name, raw.device, raw.weights)
    work.mkdir(parents=True, exist_ok=True)
    features, semantics, about = work / "features.npz", raw.semantics, {"backbone": backbone.about}
    np.savez(features, features=_encoded(items, backbone, work, raw.batch, progress), labels=np.array(labels))
    shared, choices = False, Choices(classes=named, dropped=raw.columns.dropped, kept=raw.columns.kept)
    if described:
        choices = Choices()
        text_name = raw.text_backbone or (FOR_TEXTS if name.startswith(("torchvision:", "timm:")) else name)
        shared = text_name == name
        of_texts = backbone if shared else load_backbone(text_name, raw.device)
        vectors = _encoded(described, of_texts, work, raw.batch, progress)
        semantics, about["semantics"] = work / "semantics.npz", f"texts of {raw.semantics.name} by {of_texts.about}"
        np.savez(semantics, semantics=vectors, class_names=classes[named].to_numpy(dtype=str))
    kind = "images" if raw.source.is_dir() else "texts"
    about["source"] = f"{kind} of {raw.source.resolve().name}, classes of {raw.semantics.name}"
    return Sources(features, semantics, choices=choices, shared_space=shared, about=about)


def _read(path: Path) -> pd.DataFrame:
    """Read a table with a header, every cell as text."""
    import pandas as pd

    separator = "\t" if path.suffix.casefold() == ".tsv" else ","
    try:
        return pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} can't be read as a table ({error})", "save it as .csv with a header, in UTF-8"
        ) from error


def _titles(table: pd.DataFrame) -> list[str]:
    return list(map(str, table.columns))


def _images(raw: Raw, classes: pd.DataFrame) -> tuple[list[Item], list[str], str]:
    folders = sorted(each for each in raw.source.iterdir() if each.is_dir() and not each.name.startswith("."))
    found: list[tuple[Item, str]] = [
        (path, folder.name)
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.suffix.casefold() in IMAGES
    ]
    if not found:
        raise DataError(f"{raw.source} has no images in folders of classes", "lay them out as FOLDER/CLASS/IMAGE.jpg")
    labels = [label for _, label in found]
    named = [name for name in _titles(classes) if set(labels) <= set(classes[name])]
    if raw.columns.classes in named:
        return [item for item, _ in found], labels, raw.columns.classes
    if len(named) != 1:
        first = next((label for label in sorted(set(labels)) if not (classes == label).to_numpy().any()), "")
        lacking = f"; '{first}' stands nowhere in it" if first else ""
        what = f"{len(named)} columns of {raw.semantics} name the folders of {raw.source}{lacking}"
        raise DataError(what, "name folders as the classes are, and the column by --class-column")
    return [item for item, _ in found], labels, named[0]


def _texts(raw: Raw, classes: pd.DataFrame) -> tuple[list[Item], list[str], str]:
    samples, columns = _read(raw.source), raw.columns
    pairs = [
        (label, name)
        for label, name in product(_titles(samples), _titles(classes))
        if columns.labels in ("", label) and columns.classes in ("", name) and set(samples[label]) <= set(classes[name])
    ]
    if len(pairs) != 1:
        what = f"{len(pairs)} columns of {raw.source} hold labels that a column of {raw.semantics} has, too"
        raise DataError(what, "name both by --label-column and --class-column; every label needs its class")
    (label, name), *_ = pairs
    return _column_of_texts(samples, label, columns.texts, raw.source), samples[label].tolist(), name


def _descriptions(raw: Raw, classes: pd.DataFrame, named: str) -> list[Item]:
    """Give the texts that describe the classes; none where numbers do."""
    others = [name for name in _titles(classes) if name != named]
    if any(all(cell and NUMBER.fullmatch(cell.strip()) for cell in classes[name]) for name in others):
        return []
    return _column_of_texts(classes, named, raw.columns.texts, raw.semantics)


def _column_of_texts(table: pd.DataFrame, beside: str, text: str, path: Path) -> list[Item]:
    others = [name for name in _titles(table) if name != beside]
    chosen = [name for name in others if name == text] or others
    if len(chosen) != 1:
        raise UsageError(
            f"{path} has {len(others)} columns beside '{beside}'", "name that of the texts by --text-column"
        )
    return list(table[chosen[0]])


def _encoded(items: Sequence[Item], backbone: Backbone, work: Path, batch: int, progress: Progress) -> Features:
    parts = []
    for start in range(0, len(items), CHUNK):
        chunk = items[start : start + CHUNK]
        path = work / f"{_identity(chunk, backbone)}.npy"
        if not path.exists():
            made = []
            for first in range(0, len(chunk), batch):
                made.append(backbone.encode(chunk[first : first + batch]))
                progress(backbone.name, start + first + len(made[-1]), len(items))
            with aside(path) as temporary:
                with temporary.open("wb") as file:
                    np.save(file, np.concatenate(made))
                put(temporary, path)
        parts.append(np.load(path))
        progress(backbone.name, start + len(chunk), len(items))
    return np.concatenate(parts)


def _identity(items: Sequence[Item], backbone: Backbone) -> str:
    """Hash what decides features: the network, and texts or files by name, size and time of change."""
    said = [backbone.about]
    for item in items:
        changed = item.stat() if isinstance(item, Path) else None
        said.append(f"{item} {changed.st_size} {changed.st_mtime_ns}" if changed else str(item))
    return hashlib.sha256("\0".join(said).encode()).hexdigest()[:16]
