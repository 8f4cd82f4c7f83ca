"""What a figure's module gives, and how files with a caption are made of it."""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from gzslbench.records.names import seeds_named
from gzslbench.records.places import path_safe
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.catalogue import FigureInfo
from gzslbench.report.figures.request import Request
from gzslbench.report.figures.style import save, styled
from gzslbench.report.groups import Group


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure, ``what`` it shows, and of which groups; ``seeds`` where not all of theirs are drawn."""

    figure: Figure
    what: str
    groups: Sequence[Group]
    seeds: Sequence[int] | None = None


def draw(request: Request, folder: Path) -> list[Path]:
    """Draw a figure and give its files.

    Raises :class:`RecordError` naming the command that makes the records where they are missing.
    """
    info = request.figure
    module = importlib.import_module(f"gzslbench.report.figures.{info.module}")
    with styled():
        drawing: Drawing = module.draw(Archive(request))
        data_sets = {group.comparison.data_set for group in drawing.groups}
        methods = request.methods if info.single else request.named
        names = [info.name, data_sets.pop() if len(data_sets) == 1 else "all", "+".join(methods), request.setting]
        return save(drawing.figure, caption(info, drawing), folder, path_safe("-".join(filter(None, names))))


def caption(info: FigureInfo, drawing: Drawing) -> str:
    """Say what is drawn, after which published figure; what groups of a data set, split and protocol share, once."""
    alike: dict[str, list[Group]] = defaultdict(list)
    for group in drawing.groups:
        comparison = group.comparison
        alike[f"data set {comparison.data_set} ({comparison.split}), protocol {comparison.protocol}"].append(group)
    facts = []
    for place, groups in alike.items():
        budgets = "; ".join(dict.fromkeys(group.budget for group in groups))
        seeds = frozenset[int]().union(*(group.seeds for group in groups)) if drawing.seeds is None else drawing.seeds
        facts.append(f"{place}, budget {budgets}, {seeds_named(sorted(set(seeds)))}")
    source = f" After {info.source}." if info.source else ""
    return f"{drawing.what} {'; '.join(facts).replace('data set', 'Data set', 1)}.{source}"
