"""The font styles: which are read, which are the same design, which are kept."""

from __future__ import annotations

import re
import string
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fontTools.ttLib import TTFont
from numpy.typing import NDArray
from render import draw, is_clipped, picture

STYLES_PER_FAMILY = 4
MINIMUM_COVERAGE = 60
SAME_STYLE = 0.985
SAME_DESIGN = 0.965
SAME_SHAPE = 0.80
MINIMUM_LIKENESS = 0.75
# Of 255: strokes thinner than half a pixel of the picture leave its brightest pixel below this.
MINIMUM_STROKE = 128
PROBE = "aegnrstBEGRSQ&"
CASE_PROBE = "aegnr"
# Styles whose small letters are capitals or whose letters are not letters.
SKIPPED = re.compile(r"caps|math|keyboard|initials", re.IGNORECASE)
NARROWER_NAME = re.compile(
    r"( (extra|light|medium|thin|demi|cond|cn|condensed|semi-condensed|narrow|caption|display|slanted|unslanted))+$",
    re.IGNORECASE,
)
# Families drawn from one another, or after one model: kept on one side of the font split.
DESIGNS: dict[str, str] = {
    "Computer Modern": r"CMU |Latin Modern ",
    "Helvetica": r"Arimo|Liberation Sans|TeX Gyre Heros|Caliban",
    "Times": r"Tinos|Liberation Serif|TeX Gyre Termes|Doulos",
    "Courier": r"Cousine|Liberation Mono|TeX Gyre Cursor|Courier Prime|GWMonospace",
    "Lato": r"Lato|Carlito",
    "DejaVu": r"DejaVu ",
    "Noto": r"Noto |Open Sans",
    "Gentium": r"Gentium |Andika",
    "M PLUS": r"M PLUS |Mplus ",
    "Roboto": r"Roboto",
    "PT": r"PT ",
    "Karla": r"Karla|Karmilla",
    "eurofurence": r"eurofurence|monofur|unifur",
    "Klaudia": r"Klaudia|Berenika",
    "Inter": r"Inter",
    "Go": r"Go\b",
    "3270": r"IBM 3270",
    "Libertine": r"Linux ",
    "GFS": r"GFS ",
    "Junius": r"Junicode|Elstob",
    "Anonymous Pro": r"Anonymous Pro",
    "Monoid": r"Monoid|Monoisome",
}


@dataclass(frozen=True, order=True)
class Style:
    """One font file: a family in one weight, width and slant."""

    family: str
    name: str
    package: str
    path: Path

    @property
    def design(self) -> str:
        """The design that the family belongs to, before pictures are compared."""
        return next((design for design, pattern in DESIGNS.items() if re.match(pattern, self.family)), self.family)


def read(folders: dict[str, Path], characters: Iterable[str]) -> dict[Style, frozenset[str]]:
    """Return every usable style with those of ``characters`` that it maps to a glyph."""
    wanted = set(characters)
    styles: dict[str, tuple[Style, frozenset[str]]] = {}
    for package, folder in folders.items():
        for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".ttf", ".otf"} and not p.is_symlink()):
            with TTFont(path, lazy=True) as font:
                mapped = set(map(chr, font.getBestCmap() or {}))
                family = font["name"].getDebugName(16) or font["name"].getDebugName(1) or ""
                variable = "fvar" in font
            style = Style(NARROWER_NAME.sub("", family), path.stem.replace(" ", ""), package, path)
            usable = set(string.ascii_letters) <= mapped and len(wanted & mapped) >= 2 * MINIMUM_COVERAGE
            if usable and not variable and not SKIPPED.search(f"{family} {style.name}"):
                styles.setdefault(style.name, (style, frozenset(wanted & mapped)))
    return dict(styles.values())


def is_legible(style: Style) -> bool:
    """Say whether the probe letters fit the picture, strokes are visible and small letters are no capitals."""
    if any(is_clipped(draw(style.path, character)) for character in PROBE + "WM"):
        return False
    if picture(draw(style.path, "I")).max() < MINIMUM_STROKE:
        return False
    likeness = [correlation(cropped(style, c), cropped(style, c.upper())) for c in CASE_PROBE]
    return float(np.mean(likeness)) < SAME_SHAPE


def cropped(style: Style, character: str) -> NDArray[np.float64]:
    """Return a character's ink, stretched over a 32 x 32 picture."""
    sheet = draw(style.path, character)
    return np.asarray(sheet.crop(sheet.getbbox()).resize((32, 32)), float)


def correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return Pearson's correlation of two pictures."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def likeness(styles: list[Style]) -> NDArray[np.float64]:
    """Return the mean correlation of the probe letters' pictures for each pair of styles, (n, n)."""
    total = np.zeros((len(styles), len(styles)))
    for character in PROBE:
        total += np.corrcoef([picture(draw(style.path, character)).ravel() for style in styles])
    return total / len(PROBE)


def keep(styles: list[Style], alike: NDArray[np.float64]) -> list[int]:
    """Return the positions of at most four styles a family: the plainest, then the most different.

    Duplicates are left out, and so are eccentric styles, which resemble no style of another family.
    """
    families = defaultdict(list)
    names = np.array([style.family for style in styles])
    for position, style in enumerate(styles):
        if alike[position, names != style.family].max() >= MINIMUM_LIKENESS:
            families[style.family].append(position)
    kept: list[int] = []
    for _, members in sorted(families.items()):
        chosen: list[int] = []
        while len(chosen) < STYLES_PER_FAMILY:
            fresh = [i for i in members if alike[i, kept + chosen].max(initial=-1) <= SAME_STYLE]
            if not fresh:
                break
            chosen.append(min(fresh, key=lambda i: (alike[i, chosen].max(initial=-1), plainness(styles[i]))))
        kept += chosen
    return kept


def plainness(style: Style) -> tuple[bool, int, str]:
    """Order styles from the regular one onwards."""
    plain = re.search(r"regular|roman|book", style.name, re.IGNORECASE)
    return (not plain and "-" in style.name, len(style.name), style.name)


def clusters(styles: list[Style], alike: NDArray[np.float64]) -> list[str]:
    """Name the design cluster of each style: designs that look alike in any style are one cluster."""
    names = [style.design for style in styles]
    for i, j in zip(*np.nonzero(np.triu(alike > SAME_DESIGN, 1)), strict=True):
        first, second = sorted((names[i], names[j]))
        names = [first if name == second else name for name in names]
    return names
