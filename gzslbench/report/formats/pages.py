"""The pages of the leaderboard: what is generated stands between markers, what is written by hand around them stays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import Path

from gzslbench.errors import UsageError
from gzslbench.report.formats.layout import readable, with_columns, without_rows_aside
from gzslbench.report.formats.markdown import to_markdown
from gzslbench.report.gates import gates_table
from gzslbench.report.labels import table_names
from gzslbench.report.leaderboard import Leaderboard
from gzslbench.report.tables import Table

OVERVIEW = "README.md"
_TAKEN = ("readme.md", "reported.md")
"""Names of pages that are not of data sets, in lower case: file systems may ignore it."""
TABLES = "tables"
NO_RECORDS = "No records."
DIFF_LINES = 20
_BESIDE_H = ("budget", "mean rank", "wins", "as it stops")

_INTRODUCTION = """\
# Leaderboard

Mean per-class top-1 accuracy in percent: T1 (conventional zero-shot learning), U and S (unseen and seen classes in
generalized zero-shot learning), H (their harmonic mean); AUSUC is the area under the curve of S over U. Mean ± sample
standard deviation over seeds. There is a table for each data set, split and limit to what training may see; its columns
of H differ in how the state, and the point between seen and unseen classes, were chosen. UD: something of the unseen
classes is used before test time; GM: a generator takes part. Times and memory are medians over seeds; test reads counts
how often test labels were read for one result. paper H is what a paper reports for the method, and whether H as it
stops matches it, is lower or higher, or why the two don't compare.
"""


@dataclass(frozen=True)
class Page:
    """A file of the leaderboard: its generated blocks by name, and the introduction it gets when it is made."""

    file: str
    introduction: str
    blocks: Mapping[str, str]


def leaderboard_pages(board: Leaderboard) -> list[Page]:
    """Lay the leaderboard out as an overview and a page for each data set."""
    links = "\n".join(f"- [{data_set}]({_file(data_set)})" for data_set in board.data_sets) or NO_RECORDS
    overview = Page(OVERVIEW, _INTRODUCTION, {"overall": as_text(board.overall), "data-sets": links})
    data_set_pages = [
        Page(_file(data_set), f"# {data_set}\n", {TABLES: as_text([*tables, *board.pareto.get(data_set, ())])})
        for data_set, tables in board.data_sets.items()
    ]
    return [overview, *data_set_pages]


def headline_page(board: Leaderboard) -> Page:
    """Lay out, for a README of the project, the first table over all data sets and that of gates: H alone."""
    shown = [_h_alone(without_rows_aside(table)) for table in board.overall[:1]]
    gates = [table for each in board.compared[:1] if (table := gates_table(each, table_names(board.rows)))]
    return Page(OVERVIEW, "", {"headline": as_text([*shown, *(replace(table, title="") for table in gates)])})


def _h_alone(table: Table) -> Table:
    kept = [place for place, column in enumerate(table.columns) if column.name not in _BESIDE_H]
    return replace(with_columns(table, kept), title="", notes=())


def write_pages(pages: Iterable[Page], folder: Path) -> list[Path]:
    """Bring the pages in a folder up to date, and return those that changed.

    Raises :class:`UsageError` where a page lacks a marker, or has one more than once.
    """
    changed = [(path, new) for path, old, new in _versions(pages, folder) if old != new]
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in changed:
        path.write_text(text, encoding="utf-8", newline="\n")
    return [path for path, _ in changed]


def stale_pages(pages: Iterable[Page], folder: Path) -> dict[Path, str]:
    """Find the pages in a folder that :func:`write_pages` would change; each with the change as a short unified diff.

    Raises :class:`UsageError` where a page lacks a marker, or has one more than once.
    """
    return {path: _diff(path, old, new) for path, old, new in _versions(pages, folder) if old != new}


def _versions(pages: Iterable[Page], folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Give each page's path with its text as it is and as it should be."""
    pages = list(pages)
    for page in [*pages, *_left_over(pages, folder)]:
        path = folder / page.file
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        empty = (f"{_begin(name)}\n{_end(name)}\n" for name in page.blocks)
        yield path, old, _filled(page, old or "\n".join((page.introduction, *empty)), path)


def _left_over(expected: Sequence[Page], folder: Path) -> list[Page]:
    """Pages of data sets that have no records any more, where it is a leaderboard that is written."""
    files = {page.file for page in expected}
    if OVERVIEW not in files:
        return []
    return [
        Page(path.name, "", {TABLES: NO_RECORDS})
        for path in sorted(folder.glob("*.md"))
        if path.name not in files and _begin(TABLES) in path.read_text(encoding="utf-8").splitlines()
    ]


def _filled(page: Page, text: str, path: Path) -> str:
    lines = text.split("\n")
    for name, block in page.blocks.items():
        begin, end = _only(lines, _begin(name), path), _only(lines, _end(name), path)
        if end < begin:
            raise UsageError(f"{path}: line {end + 1} ends the block '{name}' before it begins", _remedy(path))
        lines[begin + 1 : end] = ["", *block.split("\n"), ""]
    return "\n".join(lines)


def _only(lines: Sequence[str], marker: str, path: Path) -> int:
    places = [place for place, line in enumerate(lines) if line.strip() == marker]
    if len(places) != 1:
        found = "no line" if not places else f"{len(places)} lines"
        raise UsageError(f"{path} has {found} '{marker}', and needs one", _remedy(path))
    return places[0]


def _remedy(path: Path) -> str:
    return f"put the markers right, or delete {path} and write it anew"


def _diff(path: Path, old: str, new: str) -> str:
    lines = list(unified_diff(old.splitlines(), new.splitlines(), str(path), "generated", n=1, lineterm=""))
    shown = lines[:DIFF_LINES]
    if len(lines) > len(shown):
        shown.append(f"... {len(lines) - len(shown)} more lines")
    return "\n".join(shown)


def as_text(tables: Sequence[Table]) -> str:
    return "\n\n".join(map(to_markdown, readable(tables))) or NO_RECORDS


def _file(data_set: str) -> str:
    """The page's name: the data set's, with whatever file systems or links might stumble over replaced."""
    name = re.sub(r"[^A-Za-z0-9@._-]", "-", data_set) + ".md"
    return f"data-set-{name}" if name.casefold() in _TAKEN else name


def _begin(name: str) -> str:
    return f"<!-- gzslbench:begin {name} -->"


def _end(name: str) -> str:
    return f"<!-- gzslbench:end {name} -->"
