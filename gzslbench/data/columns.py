"""What the columns of a table are: labels, keys that name its rows, or numbers.

1. The labels are the column that the user names; else the only one titled so; else, in a file of labels, the only one
   that repeats, and among features the only one of words that repeat.
2. Of the others these are keys, which name the rows: words; whole numbers under a title such as id, or under none as
   pandas writes its index; in a table without titles a first column that counts the rows.
3. A key that repeats, is empty or looks like numbers is refused, and so is what may be one: another column that counts
   the rows, one of features that is titled as labels, and a first column that alone has whole numbers which all differ.
4. All else is numbers. ``kept`` makes a column so, ``dropped`` leaves it out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.tables import VARIABLES, Role, Table
from gzslbench.errors import DataError, UsageError, nearest

LABELS = re.compile(r"labels?|class(es)?|class[ _]?(names?|labels?|ids?)|targets?|y|category|species", re.IGNORECASE)
ROW_NAMES = re.compile(r"|unnamed: ?\d+|index|rownames|row|id|.*[ _]id|nr|no|number|#", re.IGNORECASE)
LIKE_A_NUMBER = re.compile(r"[-+]?[\d.,'\s]*\d[\d.,'\s]*%?")
Kind = Literal["words", "ids", "index", "unclear"]
LEAST_ROWS = 3
"""Fewer rows do not tell a running number from others."""
MOSTLY = 0.8
"""What share of steps by 1 tells that the rows of joined tables are counted."""


@dataclass(frozen=True, eq=False)
class Key:
    """What names the rows of a table: words, ids, or an index, which counts them from 0 or 1.

    Its number is 0 where it is no column but a list beside the table.
    """

    number: int
    called: str
    words: NDArray[np.str_]
    kind: Kind

    def rows_of(self, words: NDArray[np.str_]) -> NDArray[np.int64]:
        """Find the row of each word, all of which it has."""
        order = np.argsort(self.words)
        return order[np.searchsorted(self.words, words, sorter=order)]


@dataclass(frozen=True)
class Choices:
    """What the user says about columns, each by its title or its number from 1."""

    labels: str = ""
    classes: str = ""
    dropped: Sequence[str] = ()
    kept: Sequence[str] = ()
    classes_in: str = ""
    """ "rows" or "columns" of the semantics."""
    texts: str = ""
    """Where features are made of texts, the column that holds them."""


def find_column(table: Table, name: str) -> int | None:
    """Find a column by its number from 1, or its title; ``features:`` before it means that file alone."""
    role, _, rest = name.partition(":")
    if role in VARIABLES:
        return find_column(table, rest) if role == table.role else None
    found = [number for number in table.numbers if name == (str(number) if name.isdecimal() else table.title(number))]
    if len(found) > 1:
        raise UsageError(f"{table.path} has {len(found)} columns '{name}'", "name it by its number from 1")
    return found[0] if found else None


def required_column(table: Table, name: str, option: str) -> int:
    if (number := find_column(table, name)) is None:
        raise UsageError(f"{option}: {table.path} has no column '{name}'", nearest(name, filter(None, table.titles)))
    return number


def require_columns(choices: Choices, tables: Sequence[Table]) -> None:
    """Refuse a column that no file has, and a number without its file; raises :class:`UsageError`."""
    for option, names in (("--drop-column", choices.dropped), ("--keep-column", choices.kept)):
        for name in names:
            if name.isdecimal():
                roles = " or ".join(f"{role}:{name}" for role in VARIABLES)
                raise UsageError(f"{option} {name} does not say of which file", f"write {roles}")
            if all(find_column(table, name) is None for table in tables):
                there = [title for table in tables for title in table.titles if title and not title.isdecimal()]
                raise UsageError(f"{option}: no file has a column '{name}'", nearest(name, there))


def without_dropped(table: Table, choices: Choices) -> Table:
    """Leave out columns that are empty, and those that the user drops."""
    left = {number: "" for name in choices.dropped if (number := find_column(table, name)) is not None}
    left |= {
        number: ": it is empty" for number, empty in zip(table.numbers, table.frame.isna().all(), strict=True) if empty
    }
    return table.without(left, *(f"{table.called(number)} left out{why}" for number, why in left.items()))


def label_column(table: Table, choices: Choices) -> int:
    """Find the labels by rule 1; raises :class:`DataError` where it does not tell."""
    if choices.labels:
        return required_column(table, choices.labels, "--label-column")
    text = [number for number in table.numbers if table.column(number).dtype.kind == "U"]
    may_be = [number for number in table.numbers if number in text or is_whole(table.column(number))]
    titled = [number for number in may_be if LABELS.fullmatch(table.title(number))]
    repeating = [number for number in (may_be if table.role == "labels" else text) if _repeats(table.column(number))]
    found = table.numbers if len(table.numbers) == 1 else titled or repeating
    if len(found) == 1:
        return found[0]
    listing = " or ".join(table.called(number) for number in (found or may_be)[:4])
    raise DataError(
        f"{table.path} may have its labels in {listing}" if listing else f"{table.path} holds no labels",
        "name their column by --label-column, or give a file of one label per sample by --labels",
    )


def take_keys(table: Table, choices: Choices) -> tuple[Table, list[Key]]:
    """Part a table from its keys, or from the one that the user names, by rules 2 to 4.

    Raises :class:`DataError` for what may be key or number.
    """
    kept = {find_column(table, name) for name in choices.kept}
    is_told = bool(choices.classes) and table.role == "semantics"
    told = required_column(table, choices.classes, "--class-column") if is_told else 0
    keys = [key for key in keys_of(table, told) if key.kind == "words" or key.number not in kept]
    for key in keys:
        fault = "holds words, which can't be kept" if key.number in kept else _fault(key, key.number == told)
        if fault:
            raise DataError(f"{table.path}: {key.called} {fault}", _remedy(key, table.role))
    notes = [f"{key.called} names the rows: left out" for key in keys if key.number]
    rest = table.without([key.number for key in keys if key.number], *notes)
    return rest, [key for key in keys if not is_told or key.number == told]


def keys_of(table: Table, told: int = 0) -> list[Key]:
    """Give what is or may be a key by rules 2 and 3, and the column that is told to be one."""
    keys = [Key(0, "the list of names", np.array(table.names), "words")] if table.names else []
    if table.names and len(table.names) != len(table.frame):
        raise DataError(
            f"{table.path} has {len(table.names)} names for {len(table.frame)} classes", "give one name per class"
        )
    for number in table.numbers:
        kind = _kind(table, number)
        if number == told and kind != "words":
            kind = "ids"
        if kind:
            keys.append(Key(number, table.called(number), as_words(table.column(number)), kind))
    return keys


def _kind(table: Table, number: int) -> Kind | None:
    column = table.column(number)
    if not is_whole(column):
        return "words" if column.dtype.kind == "U" else None
    counted = (np.diff(column.astype(np.int64)) == 1).mean() if len(column) >= LEAST_ROWS else 0
    is_first, title = number == table.numbers[0], table.title(number)
    is_index = counted == 1 and is_first and not table.titles
    names_rows = table.titles and ROW_NAMES.fullmatch(title)
    names_classes = LABELS.fullmatch(title)
    if is_index or names_rows or (names_classes and table.role == "semantics"):
        return "index" if counted == 1 and column[0] in (0, 1) else "ids"
    if counted == 1 or names_classes or (is_first and counted > MOSTLY):
        return "unclear"
    others = (table.column(other) for other in table.numbers[1:])
    alone = is_first and not _repeats(column) and all(_repeats(other) for other in others if is_whole(other))
    return "unclear" if alone else None


def _fault(key: Key, told: bool) -> str:
    """Say why a key is none, or nothing."""
    words, often = np.unique(key.words, return_counts=True)
    like_numbers = [word for word in words if LIKE_A_NUMBER.fullmatch(word)]
    if key.kind == "unclear":
        return "has whole numbers that may be names of rows or classes"
    if words[0] == "":
        return f"has no name in row {np.flatnonzero(key.words == '')[0] + 1}"
    if often.max() > 1:
        return f"names '{words[often.argmax()]}' {often.max()} times"
    return f"is text, and holds '{like_numbers[0]}'" if key.kind == "words" and like_numbers and not told else ""


def _remedy(key: Key, role: Role) -> str:
    ways = [f"leave it out by --drop-column {role}:{key.number}"] if key.number else []
    if key.kind != "words":
        ways.append(f"take it as a number by --keep-column {role}:{key.number}")
    if role == "semantics" and key.number and not _repeats(key.words):
        ways.append(f"say by --class-column {key.number} that it names the classes")
    return ", or ".join(["give each row its own name", *ways])


def is_whole(column: NDArray[Any]) -> bool:
    """Tell whole numbers, by few of them first since most columns have none."""
    if column.dtype.kind == "f":
        return all(bool((np.isfinite(part) & (part == np.round(part))).all()) for part in (column[:LEAST_ROWS], column))
    return column.dtype.kind in "bui"


def as_words(values: NDArray[Any]) -> NDArray[np.str_]:
    """Write labels as words, whole numbers without a point."""
    return (values.astype(np.int64) if is_whole(values) else values).astype(str)


def _repeats(column: NDArray[Any]) -> bool:
    return len(np.unique(column)) < len(column)
