"""The two splits: (letter, mark) pairs into seen and unseen, design clusters of fonts into training and test."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from alphabet import Glyph
from chance import shuffled
from fonts import Style

UNSEEN_PAIRS, VALIDATION_PAIRS = 22, 13
SEEN_MINIMUM, TRAIN_MINIMUM = 2, 1
TEST_SHARE = 0.3
Pair = tuple[str, str]


@dataclass(frozen=True)
class ClassSplit:
    """The pairs held out for the test, and those of the rest held out for validation."""

    unseen: frozenset[Pair]
    validation: frozenset[Pair]


def split_classes(glyphs: list[Glyph]) -> ClassSplit:
    """Hold out pairs, both cases together, so that every letter and every mark stays well represented."""
    pairs = sorted({glyph.pair for glyph in glyphs if glyph.mark})
    unseen = hold_out(pairs, UNSEEN_PAIRS, SEEN_MINIMUM, "unseen")
    rest = [pair for pair in pairs if pair not in unseen]
    return ClassSplit(unseen, hold_out(rest, VALIDATION_PAIRS, TRAIN_MINIMUM, "validation"))


def hold_out(pairs: list[Pair], count: int, minimum: int, purpose: str) -> frozenset[Pair]:
    """Choose ``count`` pairs by chance such that each letter and each mark keeps at least ``minimum`` others."""
    letters = Counter(letter for letter, _ in pairs)
    marks = Counter(mark for _, mark in pairs)
    held: set[Pair] = set()
    for letter, mark in shuffled(pairs, purpose, "_".join):
        if len(held) < count and letters[letter] > minimum and marks[mark] > minimum:
            held.add((letter, mark))
            letters[letter] -= 1
            marks[mark] -= 1
    if len(held) < count:
        raise SystemExit(f"only {len(held)} of {count} {purpose} pairs can be held out")
    return frozenset(held)


def split_styles(styles: list[Style], clusters: list[str]) -> set[Style]:
    """Choose whole design clusters by chance until they hold the test's share of the styles."""
    members = defaultdict(list)
    for style, cluster in zip(styles, clusters, strict=True):
        members[cluster].append(style)
    test: set[Style] = set()
    for cluster in shuffled(members, "fonts"):
        if len(test) + len(members[cluster]) <= TEST_SHARE * len(styles):
            test |= set(members[cluster])
    return test
