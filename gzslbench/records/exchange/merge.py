"""Bringing results from elsewhere into a folder: cell by cell, each as a whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gzslbench.errors import RecordError, UsageError
from gzslbench.records.compact import keep_the_same
from gzslbench.records.exchange.changes import change_text, metric_changes, named
from gzslbench.records.exchange.opening import opened
from gzslbench.records.record import CellKey
from gzslbench.records.results import Cell, Results, read_cell
from gzslbench.records.store import Store, answer_file

Preference = Literal["newer", "older", "theirs", "ours"]
"""Which of two different records of a cell to keep; "ours" is the one that is there already."""


@dataclass
class Merged:
    """What came of merging: counts of cells and answer keys, and one line for each that was not taken."""

    added: int = 0
    replaced: int = 0
    kept: int = 0
    same: int = 0
    answer_keys: int = 0
    refused: list[str] = field(default_factory=list)
    """Cells and answer keys that differ from ours, where nothing says which to take."""
    damaged: list[RecordError] = field(default_factory=list)


def merge(sources: Sequence[Path], into: Path, prefer: Preference | None = None) -> Merged:
    """Bring results, in either form, into a running store, which is made where it is absent.

    Raises :class:`UsageError` where a source has no results or is the folder itself.
    """
    for path in sources:
        if path.resolve() == into.resolve():
            raise UsageError(f"{path} can't be merged into itself", "name another folder by --into")
    merged = Merged()
    for path in sources:
        with opened(path) as source, Store(into).writing() as target:
            _Merging(source, target, prefer, merged).run()
    return merged


@dataclass(frozen=True)
class _Merging:
    """One source on its way into the target."""

    source: Results
    target: Store
    prefer: Preference | None
    merged: Merged
    _answered: set[str] = field(default_factory=set)

    def run(self) -> None:
        for record in self.source.records():
            try:
                if isinstance(record, RecordError):
                    raise record
                theirs = read_cell(self.source, record)
            except RecordError as error:
                self.merged.damaged.append(error)
            else:
                self._bring(theirs)
                self._bring_answer_key(record.key)

    def _bring(self, theirs: Cell) -> None:
        key = theirs.record.key
        try:
            ours = read_cell(self.target, self.target.record(key)) if self.target.has(key) else None
        except RecordError:  # a damaged one is no hindrance to a sound one
            ours = None
        if ours is None:
            self._write(theirs)
            self.merged.added += 1
        elif keep_the_same(ours, theirs):
            self.merged.same += 1
        else:
            self._choose(ours, theirs)

    def _choose(self, ours: Cell, theirs: Cell) -> None:
        choice = preferred(ours, theirs, self.prefer)
        if choice is None:
            self.merged.refused.append(f"{named(ours.record)}: {_difference(ours, theirs)}")
        elif choice is theirs:
            self._write(theirs)
            self.merged.replaced += 1
        else:
            self.merged.kept += 1

    def _write(self, cell: Cell) -> None:
        self.target.write(cell.record, cell.predictions, cell.samples)

    def _bring_answer_key(self, key: CellKey) -> None:
        """Take an answer key that the target lacks; one that differs from the target's is false, or ours is."""
        file = answer_file(key)
        if file in self._answered:
            return
        self._answered.add(file)
        try:
            theirs, ours = self.source.answer_key(key), self.target.answer_key(key)
        except RecordError as error:
            self.merged.damaged.append(error)
            return
        if theirs is not None and ours is None:
            self.target.write_answer_key(key, theirs)
            self.merged.answer_keys += 1
        elif theirs is not None and ours is not None and not ours.same(theirs):
            self.merged.refused.append(
                f"answer key of {key.data_set}, split '{key.split}': the labels differ from ours"
            )


def preferred(ours: Cell, theirs: Cell, prefer: Preference | None) -> Cell | None:
    """Choose one of two different records of a cell; None where the preference doesn't tell."""
    if prefer in ("ours", "theirs"):
        return ours if prefer == "ours" else theirs
    times = ours.record.created, theirs.record.created
    if prefer is None or times[0] == times[1]:
        return None
    return theirs if (times[1] > times[0]) == (prefer == "newer") else ours


def _difference(ours: Cell, theirs: Cell) -> str:
    """Say when both were made, and whether their metrics differ."""
    made, other = ours.record.created, theirs.record.created
    when = f"both were made at {made}" if made == other else f"ours was made at {made}, theirs at {other}"
    changes = metric_changes(ours.record.metrics, theirs.record.metrics)
    return f"{when}; {change_text(changes) if changes else 'their metrics are the same'}"
