"""Which style draws which class correctly, and which pictures become samples."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from alphabet import Glyph
from chance import shuffled
from fonts import Style
from numpy.typing import NDArray
from render import BASELINE, CAP_HEIGHT, draw, is_clipped, jitter, picture, window
from split import ClassSplit

TRAIN_PER_SEEN, TEST_PER_SEEN, TEST_PER_UNSEEN = 30, 10, 20
# Of 255, mean over the window: fainter pictures are blank, and pictures closer than the second are the same.
MINIMUM_INK, MINIMUM_DIFFERENCE = 1.0, 0.08
# A mark moves the edge of the ink by at least this share of the height of an H.
MINIMUM_REACH = 0.035


@dataclass(frozen=True)
class Sample:
    """A picture of one class in one style, (32, 32), and the set it belongs to."""

    glyph: Glyph
    style: Style
    part: str
    picture: NDArray[np.uint8]

    @property
    def name(self) -> str:
        """The name of the picture: code point and style."""
        return f"{self.glyph.code_point}/{self.style.name}"


def drawn(style: Style, glyphs: list[Glyph], rejected: Counter[str]) -> frozenset[Glyph]:
    """Return the glyphs that a style draws correctly and count in ``rejected`` why others are left out."""
    sheets = {glyph: draw(style.path, glyph.character) for glyph in glyphs}
    plain = {(glyph.letter, glyph.upper): np.asarray(sheet) for glyph, sheet in sheets.items() if not glyph.mark}
    good: set[Glyph] = set()
    for glyph, sheet in sheets.items():
        pixels = np.asarray(sheet)
        base = plain.get((glyph.letter, glyph.upper))
        if is_clipped(sheet):
            rejected["clipped"] += 1
        elif window(sheet).mean() < MINIMUM_INK:
            rejected["blank"] += 1
        elif glyph.mark and (base is None or not has_mark(glyph, pixels, base)):
            rejected["mark missing"] += 1
        else:
            good.add(glyph)
    aliases = same_pictures({glyph: window(sheets[glyph]) for glyph in good})
    rejected["alias"] += len(aliases)
    return frozenset(good - aliases)


def has_mark(glyph: Glyph, pixels: NDArray[np.uint8], base: NDArray[np.uint8]) -> bool:
    """Say whether the ink reaches beyond the base letter on the side of the mark."""
    top, bottom = edges(pixels)
    base_top, base_bottom = edges(base)
    reach = MINIMUM_REACH * CAP_HEIGHT
    if glyph.mark == "stroke":
        return float(np.abs(pixels.astype(float) - base).mean()) > MINIMUM_DIFFERENCE
    if glyph.position == "above":
        # The dot of a plain i may be as high as the mark that replaces it.
        return top < (base_top - reach if glyph.letter != "i" or glyph.upper else BASELINE - 0.75 * CAP_HEIGHT)
    return bottom > base_bottom + reach


def edges(pixels: NDArray[np.uint8]) -> tuple[int, int]:
    """Return the first and the last row with ink."""
    rows = np.flatnonzero((pixels > 96).any(axis=1))
    return (int(rows[0]), int(rows[-1])) if rows.size else (0, 0)


def same_pictures(pictures: dict[Glyph, NDArray[np.uint8]]) -> set[Glyph]:
    """Return the glyphs whose picture is that of another one: which of them is right can't be told."""
    glyphs = list(pictures)
    stack = np.stack([pictures[glyph].reshape(32, 4, 32, 4).mean(axis=(1, 3)).ravel() for glyph in glyphs])
    square = (stack**2).sum(axis=1)
    distance = np.sqrt(np.maximum(square[:, None] + square - 2 * stack @ stack.T, 0)) / stack.shape[1] ** 0.5
    np.fill_diagonal(distance, np.inf)
    return {glyph for glyph, row in zip(glyphs, distance, strict=True) if row.min() < 1.0}


def select(
    glyphs: list[Glyph], split: ClassSplit, drawn_by: dict[Style, frozenset[Glyph]], test_styles: set[Style]
) -> list[Sample]:
    """Draw the samples of every class: training styles for trainval, the other styles for both test sets."""
    samples = []
    for glyph in glyphs:
        able = shuffled((s for s in drawn_by if glyph in drawn_by[s]), f"sample/{glyph.code_point}", lambda s: s.name)
        train = [style for style in able if style not in test_styles]
        test = [style for style in able if style in test_styles]
        if glyph.pair in split.unseen:
            parts = {"test_unseen": (test, TEST_PER_UNSEEN)}
        else:
            part = "val" if glyph.pair in split.validation else "train"
            parts = {part: (train, TRAIN_PER_SEEN), "test_seen": (test, TEST_PER_SEEN)}
        for part, (styles, count) in parts.items():
            samples += take(glyph, part, styles, count)
    return samples


def take(glyph: Glyph, part: str, styles: list[Style], count: int) -> list[Sample]:
    """Return the first ``count`` samples whose jittered picture is whole."""
    taken: list[Sample] = []
    for style in styles:
        if len(taken) == count:
            break
        sheet = jitter(draw(style.path, glyph.character), f"{glyph.code_point}/{style.name}")
        if not is_clipped(sheet):
            taken.append(Sample(glyph, style, part, picture(sheet)))
    if len(taken) < count:
        raise SystemExit(f"{glyph.name}: {len(taken)} of {count} samples for {part}; lower the counts or add fonts")
    return sorted(taken, key=lambda sample: sample.style.name)
