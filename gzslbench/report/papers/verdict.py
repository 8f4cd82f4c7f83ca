"""What a paper reports for a method beside what is measured here: whether the two compare, and which is higher."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Literal

import numpy as np

from gzslbench.report.groups import Group
from gzslbench.report.papers.audit import ROUNDING, read_counts
from gzslbench.report.papers.reported import OFFICIAL_SPLITS, Reported, best_of, reported_for, same_features
from gzslbench.report.uncertainty.interval import CONFIDENCE, Interval, MeanErrors

Word = Literal["matches", "lower", "higher", "not comparable"]


class Reason(Enum):
    """Why a paper's number doesn't compare: the mark in its cell, and what the mark means."""

    SETTINGS = "¬", "other settings than the recipe's, or settings of which that is unknown"
    FEATURES = "†", "other features: reported on features that are not these; no reproduction"
    SEMANTICS = "◊", "other semantics, or semantics that the paper doesn't tell"
    SPLIT = "¤", "other split: the paper's number is for a published split, or a mean over more or fewer splits"
    PEEKED = "¶", "chosen on the test set, by what is known of the system's code"
    WRONG = "§", "known to be wrong"
    SEEDS = "№", "a single seed here, or a single split: nothing is known of the spread"

    def __init__(self, mark: str, meaning: str) -> None:
        self.mark = mark
        self.meaning = meaning


@dataclass(frozen=True)
class Verdict:
    """A paper's H and how H here stands to it: ``lower`` says that it is lower here."""

    number: Reported
    word: Word
    reasons: tuple[Reason, ...] = ()

    def __str__(self) -> str:
        """Write a cell: ``66.1 ± 0.2 lower``, ``66.1 ± 0.2 not comparable †¶``."""
        return f"{self.number} {self.word} {''.join(reason.mark for reason in self.reasons)}".rstrip()


def verdict_on(group: Group, interval: Interval | None = None) -> Verdict | None:
    """Judge a group's H against what a paper reports for its method; None where no paper does for this data set.

    Where they compare, it ``matches`` if the 95% interval of H here meets the paper's mean ± its deviation or, where it
    gives none, ± half of its last digit. Without ``interval`` that is Student's t over seeds (or splits).
    """
    number = _number_for(group)
    if number is None:
        return None
    reasons = tuple(_reasons(number, group))
    if reasons:
        return Verdict(number, "not comparable", reasons)
    if interval is None:
        values = np.array([group.values(attrgetter("h"))])
        interval = MeanErrors.of(values).own.interval_of_fraction(0)
    margin = max(number.std or 0.0, ROUNDING)
    if 100 * interval.high < number.value - margin:
        return Verdict(number, "lower")
    return Verdict(number, "higher" if 100 * interval.low > number.value + margin else "matches")


def verdict_notes(verdicts: Sequence[Verdict | None]) -> Iterator[str]:
    """Explain the words and marks that occur, and what is wrong with numbers known to be wrong."""
    found = [verdict for verdict in verdicts if verdict]
    if any(not verdict.reasons for verdict in found):
        yield (
            f"paper H: matches where the {CONFIDENCE:.0%} interval of H here meets the paper's H ± its deviation, or ± "
            "its rounding where it gives none; else H here is lower or higher."
        )
    for reason in Reason:
        concerned = [verdict.number for verdict in found if reason in verdict.reasons]
        if reason is Reason.WRONG:
            wrong = {f"{number.system}, {number.source}": number.note for number in concerned}
            yield from (f"{reason.mark} {row}: {reason.meaning}: {note}." for row, note in sorted(wrong.items()))
        elif concerned:
            yield f"{reason.mark} {reason.meaning}."


def _number_for(group: Group) -> Reported | None:
    """Prefer a number for the same data set and kind of split to one for other splits, and to other semantics."""
    numbers = [number for number in reported_for(group.method) if number.metric == "H"]
    data_set, many = group.comparison.data_set, group.comparison.rules.many_splits
    same = [number for number in numbers if number.compares_to == data_set]
    images = data_set.partition("@")[0]  # CUB@sent has the images of CUB, and other semantics
    same_images = [number for number in numbers if number.dataset == images]
    return best_of(number for number in same if (number.splits > 1) == many) or best_of(same) or best_of(same_images)


def _reasons(number: Reported, group: Group) -> Iterator[Reason]:
    comparison = group.comparison
    if group.deviations != {}:
        yield Reason.SETTINGS
    if not same_features(number, comparison.features):
        yield Reason.FEATURES
    if number.compares_to != comparison.data_set:
        yield Reason.SEMANTICS
    if comparison.rules.many_splits:
        same_splits = number.splits == len(group.splits) > 1
    else:
        same_splits = number.splits == 1 and comparison.split in OFFICIAL_SPLITS
    if not same_splits:
        yield Reason.SPLIT
    if comparison.rules.choice != "test set" and number.system in _best_on_test():
        yield Reason.PEEKED
    if number.note:
        yield Reason.WRONG
    if group.h.sd is None and not group.deterministic:
        yield Reason.SEEDS


@cache
def _best_on_test() -> frozenset[str]:
    return frozenset(each.system for each in read_counts() if each.chose)
