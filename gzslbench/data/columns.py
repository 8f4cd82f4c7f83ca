"""What the columns of a table are: labels, names and numbers of rows, or the numbers that count.

Whatever is not taken as a feature or an attribute is said, and what could be read in two ways is refused with the
option that decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.tables import VARIABLES, Table
from gzslbench.data.xlsa17 import from_one_hot
from gzslbench.errors import DataError, UsageError, counted, nearest

LABELS = re.compile(r"labels?|class(es)?|class[ _]?(names?|labels?|ids?)|targets?|y|category|species", re.IGNORECASE)
ROW_NAMES = re.compile(r"|unnamed: ?\d+|index|rownames|row|id|.*[ _]id|nr|no|number|#", re.IGNORECASE)
ONE_HOT = "one-hot columns"
LEAST_ROWS = 3
"""Fewer rows do not tell a running number from others."""


@dataclass(frozen=True, eq=False)
class Key:
    """What names the rows of a table: words, or whole numbers, which may just count the rows."""

    title: str
    words: NDArray[np.str_]
    counts: bool = False
    is_text: bool = False


@dataclass(frozen=True, eq=False)
class Parts:
    """A table's numbers (n, m), what names its rows, and what is to say about its columns."""

    values: NDArray[Any]
    keys: tuple[Key, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Choices:
    """What the user says about columns, each by its name or its number from 1."""

    labels: str = ""
    classes: str = ""
    dropped: Sequence[str] = ()
    kept: Sequence[str] = ()
    classes_in: str = ""
    """ "rows" or "columns" of the semantics."""


def without_dropped(table: Table, choices: Choices) -> Table:
    """Leave out columns that are empty, and those that the user drops."""
    empty = [place for place in range(table.values.shape[1]) if place not in table.text and _is_empty(table, place)]
    dropped = [place for name in choices.dropped if (place := find_column(table, name)) is not None]
    notes = [f"{table.called(place)} left out: it is empty" for place in empty]
    return table.without([*empty, *dropped], notes + [f"{table.called(place)} left out" for place in dropped])


def find_column(table: Table, name: str) -> int | None:
    """Find a column by its name, else by its number from 1; ``features:`` before it means that file alone."""
    role, _, rest = name.partition(":")
    if role in VARIABLES:
        return find_column(table, rest) if role == table.role else None
    if name in table.header:
        return table.header.index(name)
    return table.numbers.index(int(name)) if name.isdecimal() and int(name) in table.numbers else None


def require_columns(choices: Choices, tables: Sequence[Table]) -> None:
    """Refuse a column that no file has, and a number without its file; raises :class:`UsageError`."""
    for option, names in (("--drop-column", choices.dropped), ("--keep-column", choices.kept)):
        for name in names:
            if name.isdecimal():
                roles = " or ".join(f"{role}:{name}" for role in VARIABLES)
                raise UsageError(f"{option} {name} does not say of which file", f"write {roles}")
            if all(find_column(table, name) is None for table in tables):
                there = [title for table in tables for title in table.header if title and not title.isdecimal()]
                raise UsageError(f"{option}: no file has a column '{name}'", nearest(name, there))


def required_column(table: Table, name: str, option: str) -> int:
    place = find_column(table, name)
    if place is None:
        raise UsageError(f"{option}: {table.path} has no column '{name}'", nearest(name, filter(None, table.header)))
    return place


def take_labels(table: Table, choices: Choices, alone: bool) -> tuple[NDArray[Any], str, Table]:
    """Find the labels; gives them, what they are called, and the table without them.

    ``alone`` says that the table holds labels, not features too. Raises :class:`DataError` where two columns may be it.
    """
    if choices.labels:
        return _taken(table, required_column(table, choices.labels, "--label-column"))
    if alone and not table.text:
        one_hot = from_one_hot(table.values, len(table.values))
        if one_hot is not None:
            numbered = not table.header or any(title.isdecimal() or not title for title in table.header)
            return one_hot if numbered else np.array(table.header)[one_hot], ONE_HOT, table
    width = table.values.shape[1]
    rest = [place for place in range(width) if place in table.text or _is_whole(table.values[:, place])]
    named = [place for place in rest if table.header and LABELS.fullmatch(table.header[place])]
    likely = [place for place in rest if not _names_rows(table, place)]
    words = [place for place in likely if place in table.text]
    for candidates in (named, words, likely, list(range(width)) if alone else []):
        if len(candidates) == 1:
            return _taken(table, candidates[0])
        if candidates:
            break
    found = named or words or likely
    listing = " or ".join(table.called(place) for place in found[:4])
    what = f"{table.path} may have its labels in {listing}" if found else f"{table.path} holds no labels"
    raise DataError(what, "name their column by --label-column, or give their file by --labels")


def _taken(table: Table, place: int) -> tuple[NDArray[Any], str, Table]:
    return table.text.get(place, table.values[:, place]), table.called(place), table.without([place])


def parts_of(table: Table, choices: Choices, named: int | None = None) -> Parts:
    """Part the numbers that count from what names rows; ``named`` is the column that surely does.

    Raises :class:`DataError` for what is neither, or may be both.
    """
    keys: dict[int, Key] = {}
    notes: list[str] = []
    kept = {find_column(table, name) for name in choices.kept} - {named}
    left_out = set()
    for place in sorted({*table.text, *_odd_columns(table), *([] if named is None else [named])} - kept):
        title, column = table.called(place), table.text.get(place, table.values[:, place])
        unique, is_text = len(np.unique(column)) == len(column), place in table.text
        whole, counts = is_text or _is_whole(column), not is_text and _counts(column)
        if place == named or counts or (unique and (is_text or (whole and _looks_like_row_names(table, place)))):
            keys[place] = Key(title, as_words(column), counts, is_text)
            if not is_text:
                notes.append(f"{title} {'counts' if counts else 'names'} the rows: left out")
        elif whole and not unique and table.header and LABELS.fullmatch(table.header[place]):
            left_out.add(place)
            notes.append(f"{title} is called as labels are: left out")
        elif is_text:
            words, often = np.unique(column, return_counts=True)
            raise DataError(
                f"{table.path}: {title} is text and names '{words[often.argmax()]}' {often.max()} times",
                f"give each row its own name, or leave it out by --drop-column {table.role}:{table.numbers[place]}",
            )
        elif place == 0 and whole and unique and not _is_whole(np.delete(table.values, [*table.text, 0], axis=1)):
            raise DataError(
                f"{table.path}: {title} has another whole number in each row, as ids have",
                f"say what it is by --drop-column {table.role}:1 or --keep-column {table.role}:1"
                + (", or --class-column 1 if it names the classes" if table.role == "semantics" else ""),
            )
    rest = [place for place in range(table.values.shape[1]) if place not in keys and place not in left_out]
    return Parts(table.values[:, rest], tuple(keys.values()), tuple(notes))


def oriented(table: Table, count: int, what: str, lies_in: str = "") -> Table:
    """Lay a bare matrix with an item in each row, where only one of its sides fits their number.

    ``lies_in``, "rows" or "columns", decides. Raises :class:`DataError` where both may fit, as there may be classes
    without samples.
    """
    if lies_in == "columns":
        return turned(table)
    if lies_in or table.header or table.text:
        return replace(table, items_in_columns=False)
    values = table.values.T if table.items_in_columns else table.values
    if len(values) != count == values.shape[1]:
        if what == "classes" and len(values) > count and not table.names:
            raise DataError(
                f"{table.path} is {table.values.shape[0]} x {table.values.shape[1]}, and {count} classes have samples",
                "say where the classes lie by --classes-in rows or --classes-in columns",
            )
        note = f"its {'rows' if table.items_in_columns else 'columns'} are the {what}: only they are {count:,}"
        return replace(table, values=values.T, items_in_columns=False, notes=(*table.notes, note))
    return replace(table, values=values, items_in_columns=False)


def turned(table: Table) -> Table:
    """Lay a table whose columns are the items, called as the header calls them, with an item in each row."""
    rest = table.without(list(table.text))
    names = rest.header if all(rest.header) and not all(title.isdecimal() for title in rest.header) else ()
    note = "its columns are the classes"
    return replace(
        rest,
        values=rest.values.T,
        left=None,
        header=(),
        names=names or rest.names,
        items_in_columns=False,
        notes=(*rest.notes, note),
    )


def as_words(values: NDArray[Any]) -> NDArray[np.str_]:
    """Write labels as words, whole numbers without a point."""
    if values.dtype.kind in "SU":
        return values.astype(str)
    whole = [str(int(value)) if np.isfinite(value) and value == int(value) else str(value) for value in values.tolist()]
    return np.array(whole, dtype=str)


def _odd_columns(table: Table) -> list[int]:
    """Columns of numbers that may name the rows: the first, those that count, and those whose title says so."""
    values, width = table.values, table.values.shape[1]
    if len(values) < LEAST_ROWS:
        return []
    steps = np.diff(values[:LEAST_ROWS].astype(np.float64), axis=0)
    odd = {0, *np.flatnonzero((steps == 1).all(axis=0)).tolist()}
    odd |= {place for place in range(width) if table.header and _looks_like_row_names(table, place)}
    return sorted(place for place in odd if place not in table.text)


def _names_rows(table: Table, place: int) -> bool:
    """Tell a column whose entries all differ: it names samples, not classes."""
    column: NDArray[Any] = table.text.get(place, table.values[:, place])
    return len(np.unique(column)) == len(column)


def _looks_like_row_names(table: Table, place: int) -> bool:
    title = table.header[place] if table.header else "?"
    return bool(ROW_NAMES.fullmatch(title) or LABELS.fullmatch(title))


def _counts(column: NDArray[Any]) -> bool:
    return _is_whole(column) and bool((np.diff(column.astype(np.float64)) == 1).all())


def _is_whole(values: NDArray[Any]) -> bool:
    return values.dtype.kind in "bui" or bool(np.isfinite(values).all() and (values == np.round(values)).all())


def _is_empty(table: Table, place: int) -> bool:
    column = table.values[:, place]
    return column.dtype.kind == "f" and bool(np.isnan(column).all())


def said(count: int, noun: str) -> str:
    """Write a number, its thousands apart, with its noun."""
    return counted(count, noun).replace(str(count), f"{count:,}", 1)
