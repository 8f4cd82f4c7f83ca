"""The classes (accented Latin letters in both cases) and their semantics, derived from the Unicode database.

A class is one code point. Its attributes are exact: the base letter, the case, the mark and where the mark sits.
"""

from __future__ import annotations

import string
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

MARK_NAMES = {
    "\u0300": "grave",
    "\u0301": "acute",
    "\u0302": "circumflex",
    "\u0303": "tilde",
    "\u0304": "macron",
    "\u0306": "breve",
    "\u0307": "dot_above",
    "\u0308": "diaeresis",
    "\u030a": "ring",
    "\u030b": "double_acute",
    "\u030c": "caron",
    "\u0323": "dot_below",
    "\u0326": "comma_below",
    "\u0327": "cedilla",
    "\u0328": "ogonek",
}
# The Unicode position of a combining mark is its combining class.
POSITION_NAMES = {230: "above", 220: "below", 202: "attached"}
POSITION_OF_MARK = {name: POSITION_NAMES[unicodedata.combining(mark)] for mark, name in MARK_NAMES.items()}
POSITION_OF_MARK["stroke"] = "attached"
# Letters with a stroke have no decomposition.
STROKED = {"đ": "d", "ħ": "h", "ł": "l", "ŧ": "t", "ø": "o"}
# Type draws these with a comma below, though the Unicode database decomposes them with a cedilla.
COMMA_BELOW = frozenset("ķļņŗ")
# Carons drawn as apostrophes, a comma turned above, a cedilla that looks like the comma of another letter.
AMBIGUOUS = frozenset("ďťľģţ")
MINIMUM_PER_LETTER = MINIMUM_PER_MARK = 2


@dataclass(frozen=True, order=True)
class Glyph:
    """A class: a base letter, a mark ("" for a plain letter) and a case."""

    letter: str
    mark: str
    upper: bool
    character: str

    @property
    def name(self) -> str:
        """The class name, such as ``e_acute_lower``."""
        return f"{self.letter}_{self.mark or 'plain'}_{'upper' if self.upper else 'lower'}"

    @property
    def code_point(self) -> str:
        """The code point, such as ``U+00E9``."""
        return f"U+{ord(self.character):04X}"

    @property
    def position(self) -> str:
        """Where the mark sits: above, below, attached, or "" without a mark."""
        return POSITION_OF_MARK.get(self.mark, "")

    @property
    def pair(self) -> tuple[str, str]:
        """The letter and the mark: the two cases of one letter share it."""
        return self.letter, self.mark


def parse(character: str) -> tuple[str, str] | None:
    """Return the base letter and the mark of a lower-case character, or None if it is not one of ours."""
    if character in STROKED:
        return STROKED[character], "stroke"
    decomposed = unicodedata.normalize("NFD", character)
    if len(decomposed) != 2 or decomposed[0] not in string.ascii_lowercase or decomposed[1] not in MARK_NAMES:
        return None
    return decomposed[0], "comma_below" if character in COMMA_BELOW else MARK_NAMES[decomposed[1]]


def candidates() -> list[Glyph]:
    """List both cases of every Latin letter that may become a class, then those of their base letters."""
    pairs: dict[str, tuple[str, str]] = {}
    for character in map(chr, range(0x80, 0x2000)):
        parsed = parse(character)
        upper = character.upper()
        if parsed and character not in AMBIGUOUS and len(upper) == 1 and upper.lower() == character:
            pairs[character] = parsed
    plain = {letter: (letter, "") for letter, _ in pairs.values()}
    glyphs = [
        Glyph(letter, mark, upper, character.upper() if upper else character)
        for character, (letter, mark) in (pairs | plain).items()
        for upper in (False, True)
    ]
    return sorted(glyphs)


def choose(drawn_by: dict[Glyph, int], minimum: int) -> list[Glyph]:
    """Keep the pairs whose two cases at least ``minimum`` styles draw, and the letters and marks that recur."""
    pairs = {glyph.pair for glyph in drawn_by if glyph.mark}
    pairs -= {glyph.pair for glyph, count in drawn_by.items() if count < minimum}
    while True:
        letters = Counter(letter for letter, _ in pairs)
        marks = Counter(mark for _, mark in pairs)
        rare = {p for p in pairs if letters[p[0]] < MINIMUM_PER_LETTER or marks[p[1]] < MINIMUM_PER_MARK}
        if not rare:
            break
        pairs -= rare
    kept = pairs | {(letter, "") for letter in letters}
    return sorted(glyph for glyph in drawn_by if glyph.pair in kept)


def attribute_names(glyphs: Iterable[Glyph]) -> list[str]:
    """Name the columns of the semantics: base letters, upper case, marks, positions."""
    glyphs = list(glyphs)
    letters = sorted({glyph.letter for glyph in glyphs})
    marks = sorted({glyph.mark for glyph in glyphs if glyph.mark})
    positions = sorted({glyph.position for glyph in glyphs if glyph.mark})
    return (
        [f"letter_{x}" for x in letters]
        + ["upper_case"]
        + [f"mark_{x}" for x in marks]
        + [f"position_{x}" for x in positions]
    )


def attributes(glyph: Glyph, names: list[str]) -> list[float]:
    """Return the 0/1 attributes of a class, in the order of ``names``."""
    present = {f"letter_{glyph.letter}", f"mark_{glyph.mark}", f"position_{glyph.position}"}
    present |= {"upper_case"} if glyph.upper else set()
    return [float(name in present) for name in names]
