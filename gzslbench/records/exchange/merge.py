"""Bringing results from elsewhere into a folder: cell by cell, each as a whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gzslbench.errors import RecordError, UsageError
from gzslbench.records.differences import change_text, metric_changes, named
from gzslbench.records.exchange.compact_files import keep_the_same
from gzslbench.records.exchange.opening import open_results, opened
from gzslbench.records.places import answer_file
from gzslbench.records.record import CellKey, Record
from gzslbench.records.results import Results, read_cell
from gzslbench.records.store import Store

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

    Raises :class:`UsageError` where a source has no results or is the folder itself, or that is of the compact form.
    """
    for path in sources:
        if path.resolve() == into.resolve():
            raise UsageError(f"{path} can't be merged into itself", "name another folder by --into")
    if not isinstance(open_results(into), Store):
        raise UsageError(f"{into} is a folder of the compact form", "add to it with gzslbench results pack")
    merged = Merged()
    for path in sources:
        with opened(path) as source, Store(into).writing() as target:
            keys = {}
            for record in source.records():
                if isinstance(record, RecordError):
                    merged.damaged.append(record)
                else:
                    _bring(record, source, target, prefer, merged)
                    keys[answer_file(record.key)] = record.key
            for key in keys.values():
                _bring_answer_key(key, source, target, merged)
    return merged


def _bring(record: Record, source: Results, target: Store, prefer: Preference | None, merged: Merged) -> None:
    try:
        theirs = read_cell(source, record)
    except RecordError as error:
        merged.damaged.append(error)
        return
    try:
        ours = read_cell(target, target.record(record.key))
    except RecordError:  # it is absent, or damaged, which does not keep a sound one out
        merged.added += 1
        target.write(record, theirs.predictions, theirs.samples)
        return
    chosen = _preferred(ours.record, record, prefer)
    if keep_the_same(ours, theirs):
        merged.same += 1
    elif chosen is None:
        merged.refused.append(f"{named(record)}: {_difference(ours.record, record)}")
    elif chosen is record:
        merged.replaced += 1
        target.write(record, theirs.predictions, theirs.samples)
    else:
        merged.kept += 1


def _bring_answer_key(key: CellKey, source: Results, target: Store, merged: Merged) -> None:
    """Take an answer key that the target lacks; one that differs from the target's is false, or ours is."""
    try:
        theirs, ours = source.answer_key(key), target.answer_key(key)
    except RecordError as error:
        merged.damaged.append(error)
        return
    if theirs and not ours:
        target.write_answer_key(key, theirs)
        merged.answer_keys += 1
    elif theirs and ours and not ours.same(theirs):
        merged.refused.append(f"answer key of {key.data_set}, split '{key.split}': the labels differ from ours")


def _preferred(ours: Record, theirs: Record, prefer: Preference | None) -> Record | None:
    """Choose one of two different records of a cell; None where the preference doesn't tell."""
    if prefer in ("ours", "theirs"):
        return ours if prefer == "ours" else theirs
    if prefer is None or ours.created == theirs.created:
        return None
    return theirs if (theirs.created > ours.created) == (prefer == "newer") else ours


def _difference(ours: Record, theirs: Record) -> str:
    """Say when both were made, and whether their metrics differ."""
    made, other = ours.created, theirs.created
    when = f"both were made at {made}" if made == other else f"ours was made at {made}, theirs at {other}"
    changes = metric_changes(ours.metrics, theirs.metrics)
    return f"{when}; {change_text(changes) if changes else 'their metrics are the same'}"
