"""What a row and a cell are called: everything that names one asks here.

A row bears its method's name alone only with exactly the recipe of its budget. What is set otherwise is part of the
name, ``gsmflow (steps=60, softmax.epochs=5)``, with the component where that is not the method's own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from gzslbench.records.record import CellKey, Json, canonical_json
from gzslbench.registry.deviations import ONE_OF

CUSTOM = "custom"
"""The budget shown of whatever is not the recipe of one."""
UNKNOWN = "recipe unknown"
OR = "|"
SHOWN_SETTINGS = 3
SHOWN_CHARACTERS = 24
_WORD = re.compile(r"(?!true$|false$|null$)[A-Za-z][A-Za-z0-9_.+-]*", re.IGNORECASE)


class Labelled(Protocol):
    """A cell that was run or is planned: a record, a failure, a summary, a plan's cell."""

    @property
    def method(self) -> str: ...

    @property
    def deviations(self) -> Mapping[str, Json] | None: ...


class Cell(Labelled, Protocol):
    """The same, with its key."""

    @property
    def key(self) -> CellKey: ...


def row_name(of: Labelled, apart: Sequence[str] = ()) -> str:
    """Name a row by its method and what is not the recipe's; ``apart`` is what else sets it apart from other rows."""
    if of.deviations is None:
        settings = [UNKNOWN]
    else:
        settings = [f"{_address(name, of.method)}={_value(value)}" for name, value in sorted(of.deviations.items())]
    texts = [*_shortened(settings), *_shortened(apart)]
    return f"{of.method} ({', '.join(texts)})" if texts else of.method


def budget_name(budget: str, deviations: Mapping[str, Json] | None) -> str:
    """Name the budget of a row: :data:`CUSTOM` where it is not exactly the recipe of one."""
    return CUSTOM if deviations else budget or "full"


def title(cell: Cell, tried: Sequence[str] = ()) -> str:
    """Name a cell in one line, with the values of ``component.setting`` that were ``tried``."""
    return titles([cell], tried)[0]


def titles(cells: Iterable[Cell], tried: Sequence[str] = ()) -> list[str]:
    """Name cells, in one line those that differ by their seed alone."""
    seeds: dict[str, list[int]] = {}
    for cell in cells:
        seeds.setdefault(_but_seed(cell, tried), []).append(cell.key.seed)
    return [f"{name} {seeds_named(sorted(alike))}" for name, alike in seeds.items()]


def _but_seed(cell: Cell, tried: Sequence[str]) -> str:
    key, name = cell.key, row_name(cell)
    place = key.data_set if key.split in ("", "official") else f"{key.data_set}/{key.split}"
    values = {f"{part.name}.{each}": value for part in key.parts if part for each, value in part.config.items()}
    texts = [f"{_address(each, cell.method)}={_short(values[each])}" for each in tried if each in values]
    unsaid = [] if key.candidates else [text for text in texts if text not in name]
    return " ".join([place, name, *([f"[{', '.join(unsaid)}]"] if unsaid else []), key.protocol])


def seeds_named(seeds: Sequence[int]) -> str:
    """Write seeds as the command line takes them: ``seeds 0-4``."""
    runs: list[list[int]] = []
    for seed in seeds:
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    written = ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
    return f"seed{'s' if len(seeds) > 1 else ''} {written}"


def written(value: Json) -> str:
    """Write a value as ``--set`` takes it: words without quotation marks, anything else as JSON."""
    if value is None:
        return "none"
    return value if isinstance(value, str) and _WORD.fullmatch(value) else canonical_json(value)


def _short(value: Json) -> str:
    """Write 100.0 as 100: a setting's type makes one of both."""
    return written(value).removesuffix(".0") if isinstance(value, float) else written(value)


def _address(address: str, method: str) -> str:
    component, _, name = address.rpartition(".")
    return name if component == method else address


def _value(value: Json) -> str:
    if isinstance(value, dict) and value.keys() == {ONE_OF}:
        return OR.join(map(_short, value[ONE_OF]))
    return _short(value)


def _shortened(texts: Sequence[str]) -> Sequence[str]:
    """Cut settings to what there is room for, and end with a hash of all where that leaves something out."""
    short = [_cut(*text.partition("=")) for text in texts[:SHOWN_SETTINGS]]
    digest = hashlib.sha256(canonical_json(texts).encode()).hexdigest()[:6]
    return texts if short == list(texts) else [*short, f"… #{digest}"]


def _cut(name: str, equals: str, value: str) -> str:
    if len(value) <= SHOWN_CHARACTERS:
        return f"{name}{equals}{value}"
    choices = value.count(OR)
    return f"{name}={f'one of {1 + choices}' if choices else f'{value[: SHOWN_CHARACTERS - 1]}…'}"
