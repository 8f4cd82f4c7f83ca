"""The files of the data set: two .mat files in the xlsa17 layout, thumbnails, the list of fonts, checksums."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from alphabet import Glyph, attribute_names, attributes
from fonts import Style
from numpy.typing import NDArray
from packages import LICENCES, version
from samples import Sample
from scipy.io import savemat

PARTS = {
    "trainval_loc": ("train", "val"),
    "train_loc": ("train",),
    "val_loc": ("val",),
    "test_seen_loc": ("test_seen",),
    "test_unseen_loc": ("test_unseen",),
}
# MATLAB 5 files begin with 116 characters of free text, where scipy writes the time.
MATLAB_HEADER = b"MATLAB 5.0 MAT-file glyphs".ljust(116)
CHECKED = ("hog.mat", "att_splits.mat", "thumbnails.npz", "attributes.txt", "FONTS.md")


def write_all(
    out: Path,
    glyphs: list[Glyph],
    samples: list[Sample],
    features: NDArray[np.float32],
    clusters: dict[Style, str],
    work: Path,
) -> None:
    """Write every file of the data set but its README into ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    names = attribute_names(glyphs)
    labels = np.array([[glyphs.index(sample.glyph) + 1] for sample in samples], np.uint8)
    save(out / "hog.mat", features=features.T, labels=labels, image_files=cells(sample.name for sample in samples))
    parts = np.array([sample.part for sample in samples])
    locations = {
        key: (np.flatnonzero(np.isin(parts, members)) + 1).astype(np.uint16)[:, None] for key, members in PARTS.items()
    }
    semantics = np.array([attributes(glyph, names) for glyph in glyphs], np.float32).T
    save(out / "att_splits.mat", att=semantics, allclasses_names=cells(glyph.name for glyph in glyphs), **locations)
    np.savez_compressed(out / "thumbnails.npz", pictures=np.stack([sample.picture for sample in samples]))
    (out / "attributes.txt").write_text("\n".join(names) + "\n")
    (out / "FONTS.md").write_text(fonts_page(samples, clusters, work))
    sums = (f"{hashlib.sha256((out / name).read_bytes()).hexdigest()}  {name}\n" for name in CHECKED)
    (out / "SHA256SUMS").write_text("".join(sums))


def cells(texts: Any) -> NDArray[np.object_]:
    """Return texts as a MATLAB cell array, (n, 1)."""
    return np.array(list(texts), dtype=object)[:, None]


def save(path: Path, **arrays: Any) -> None:
    """Write a compressed .mat file whose bytes don't depend on the time."""
    savemat(path, arrays, do_compression=True)
    content = path.read_bytes()
    path.write_bytes(MATLAB_HEADER + content[len(MATLAB_HEADER) :])


def fonts_page(samples: list[Sample], clusters: dict[Style, str], work: Path) -> str:
    """List the families with package, licence, design cluster and the styles that samples come from."""
    styles = {sample.style: "test" if sample.part.startswith("test") else "training" for sample in samples}
    rows = defaultdict(list)
    for style, side in styles.items():
        rows[style.family, style.package, clusters[style], side].append(style.name)
    lines = [
        "# Fonts of the data set glyphs",
        "",
        f"{len(styles)} styles of {len({s.family for s in styles})} families were drawn. No font software is in this",
        "folder: only small pictures of single letters and features of them. The names are given as attribution.",
        "Families of one design cluster are all on one side, training or test.",
        "",
        "| family | Debian package | licence of the font | design cluster | side | styles |",
        "|---|---|---|---|---|---|",
    ]
    for (family, package, cluster, side), found in sorted(
        rows.items(), key=lambda row: (row[0][0].lower(), row[0][1:])
    ):
        source = f"{package} {version(work, package)}"
        lines.append(f"| {family} | {source} | {LICENCES[package]} | {cluster} | {side} | {', '.join(sorted(found))} |")
    return "\n".join(lines) + "\n"
