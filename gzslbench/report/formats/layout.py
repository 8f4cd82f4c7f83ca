"""Tables as readers get them: the columns that matter most first, the others in blocks below, and each note once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, takewhile
from typing import NamedTuple

from gzslbench.errors import UsageError, nearest
from gzslbench.report.tables import NOTHING, Aside, Column, Table

FIRST_COLUMNS = 9
"""What a page has room for side by side."""


class Block(NamedTuple):
    """Places of columns and rows to be laid out as one grid; ``further`` columns are not those of the first block."""

    caption: str
    columns: list[int]
    rows: list[int]
    further: bool = False


def blocks(table: Table, fits: Callable[[list[int]], bool]) -> Iterator[Block]:
    """Cut a table into as many blocks as it takes for each to fit, those after the first with what tells rows apart."""
    first, *others = _columns(table, fits)
    everything = list(range(len(table.rows)))
    yield Block("", first, [row for row in everything if row not in table.aside.rows])
    if table.aside.rows:
        rows = sorted(table.aside.rows)
        told = [place for place in first if any(table.rows[row][place] != NOTHING for row in rows)]
        yield Block(table.aside.title, told, rows)
    names = naming(table)
    for columns in others:
        caption = f"More columns: {', '.join(table.columns[place].name for place in columns if place not in names)}"
        yield Block(caption, columns, everything, further=True)


def _columns(table: Table, fits: Callable[[list[int]], bool]) -> list[list[int]]:
    names = naming(table)
    found = [names]
    for place in range(len(table.columns)):
        if place not in names:
            if len(found[-1]) > len(names) and not fits([*found[-1], place]):
                names = _telling_apart(table, names)
                found.append(names)
            found[-1] = sorted([*found[-1], place])
    return found


def _telling_apart(table: Table, names: list[int]) -> list[int]:
    """Give as few of the first columns that name the rows as no two rows share."""
    for count in range(1, len(names)):
        if len({tuple(row[place] for place in names[:count]) for row in table.rows}) == len(table.rows):
            return names[:count]
    return names


def naming(table: Table) -> list[int]:
    """Give the places of the columns that name the rows: those of text at the start, after a rank."""
    start = 0 if table.columns[0].left else 1
    return list(takewhile(lambda place: table.columns[place].left, range(start, len(table.columns))))


def without_rows_aside(table: Table) -> Table:
    """Leave out the rows that stand below the others."""
    rows = tuple(row for place, row in enumerate(table.rows) if place not in table.aside.rows)
    return replace(table, rows=rows, aside=Aside())


def readable(tables: Iterable[Table]) -> list[Table]:
    """Explain marks, columns and words under the first table that has them alone, and say once what all rows share."""
    said: set[str] = set()
    found = []
    for table in map(_condensed, tables):
        found.append(replace(table, notes=tuple(note for note in table.notes if note not in said)))
        said.update(note for note in table.notes if _explains(note, table))
    return found


def _explains(note: str, table: Table) -> bool:
    """Whether a note is of a mark, a column or a word in a cell, and not of what went on in this table."""
    word = note.partition(":")[0]
    return not word[0].isalnum() or any(word == column.name for column in table.columns) or word in chain(*table.rows)


def _condensed(table: Table) -> Table:
    """Say in a note what columns after the first block have alike in all rows."""
    values = list(zip(*table.rows, strict=True))
    alike = [place for place in range(FIRST_COLUMNS, len(values)) if len(set(values[place])) == 1]
    if len(table.rows) == 1 or not alike:
        return table
    told = ", ".join(f"{table.columns[place].name} {values[place][0]}" for place in alike)
    left = [place for place in range(len(table.columns)) if place not in alike]
    return replace(with_columns(table, left), notes=(f"In every row: {told}.", *table.notes))


def choose_columns(tables: Sequence[Table], words: Sequence[str]) -> list[Table]:
    """Keep what names the rows, the H that they are ordered by, and the columns whose names are or begin with a word.

    Raises :class:`UsageError` where a word is of no column.
    """
    names = dict.fromkeys(column.name for table in tables for column in table.columns)
    for word in words:
        if not any(_meant(word, name) for name in names):
            raise UsageError(f"no table has a column '{word}'", nearest(word, names))
    return [_chosen(table, words) for table in tables]


def _chosen(table: Table, words: Sequence[str]) -> Table:
    always = range(naming(table)[-1] + 2)
    places = [
        place
        for place, column in enumerate(table.columns)
        if place in always or any(_meant(word, column.name) for word in words)
    ]
    return replace(with_columns(table, places), aside=Aside() if table.aside.repeated else table.aside)


def _meant(word: str, name: str) -> bool:
    return f"{name} ".casefold().startswith(f"{word} ".casefold())


def with_columns(table: Table, places: Sequence[int]) -> Table:
    columns: tuple[Column, ...] = tuple(table.columns[place] for place in places)
    return replace(table, columns=columns, rows=tuple(tuple(row[place] for place in places) for row in table.rows))
