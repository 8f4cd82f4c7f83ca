"""Bringing results from elsewhere into a folder: cell by cell, each as a whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from gzslbench.errors import RecordError, UsageError
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.exchange.cells import Cell, read_answer_key, read_cell, same_cell
from gzslbench.records.exchange.changes import change_text, metric_changes, named
from gzslbench.records.exchange.sources import opened
from gzslbench.records.record import CellKey
from gzslbench.records.store import SAMPLES, Store

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
    """Bring results of folders and exports into a folder, which is made where it is absent.

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

    source: Store
    target: Store
    prefer: Preference | None
    merged: Merged
    _answered: set[Path] = field(default_factory=set)

    def run(self) -> None:
        for folder in self.source.folders():
            try:
                theirs = read_cell(self.source, folder)
            except RecordError as error:
                self.merged.damaged.append(error)
            else:
                self._bring(theirs)

    def _bring(self, theirs: Cell) -> None:
        ours = self._ours(theirs.record.key)
        if ours is None:
            self._write(theirs)
            self.merged.added += 1
        elif same_cell(ours, theirs):
            self.merged.same += 1
        else:
            self._choose(ours, theirs)
        self._bring_answer_key(theirs.record.key)

    def _ours(self, key: CellKey) -> Cell | None:
        """Read the target's cell; a damaged one is no hindrance to a sound one."""
        try:
            return read_cell(self.target, self.target.folder(key)) if self.target.has(key) else None
        except RecordError:
            return None

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
        key = cell.record.key
        samples = self.source.samples(key) if (cell.folder / SAMPLES).exists() else None
        self.target.write(cell.record, self.source.predictions(key), samples)

    def _bring_answer_key(self, key: CellKey) -> None:
        """Take an answer key that the target lacks; one that differs from the target's is false, or ours is."""
        path = self.source.answer_path(key)
        if path in self._answered or not path.exists():
            return
        self._answered.add(path)
        try:
            theirs, ours = read_answer_key(path), self.target.answer_key(key)
        except RecordError as error:
            self.merged.damaged.append(error)
            return
        if ours is None:
            self.target.write_answer_key(key, theirs)
            self.merged.answer_keys += 1
        elif not _same_answers(ours, theirs):
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


def _same_answers(ours: AnswerKey, theirs: AnswerKey) -> bool:
    return np.array_equal(ours.samples, theirs.samples) and np.array_equal(ours.labels, theirs.labels)
