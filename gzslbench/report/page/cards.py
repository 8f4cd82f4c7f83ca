"""A card for each method with a record: what it is, how it was run, what it took, and how to cite it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gzslbench.contract.info import Info, Method
from gzslbench.registry.declarations import PluginSource
from gzslbench.report.groups import Group
from gzslbench.report.installed import Installed
from gzslbench.report.operating_points import preference
from gzslbench.report.page.documents import citation, deviations
from gzslbench.report.page.recipes import Used, parts, settings_used
from gzslbench.report.page.views import Row, View
from gzslbench.report.papers.reported import findings, printed_rows, reported_numbers

COST_COLUMNS = (
    "method",
    "budget",
    "H calibrated",
    "H as it stops",
    "seeds",
    "fit (s)",
    "predict (1/s)",
    "peak (MiB)",
    "test reads",
)
"""What a card repeats of the tables."""


@dataclass(frozen=True)
class Run:
    """The row that stands for a method in one table, out of ``configurations`` of it there."""

    view: View
    row: Row
    group: Group
    configurations: int


@dataclass(frozen=True)
class Document:
    """What a plugin's folder holds; ``see`` names the method whose card shows it, where that is another one."""

    plugin: str
    see: str
    deviations: Markup
    bibtex: str


@dataclass(frozen=True)
class Printed:
    """What a table of a paper prints for a method on one data set; ``here`` is H as the method stops in our records.

    ``notes`` are the audit's findings on that row.
    """

    source: str
    data_set: str
    numbers: str
    here: str
    notes: Sequence[str]


@dataclass(frozen=True)
class Card:
    """All that the page says of one method.

    ``parts`` are its components, with their roles and what their plugins say of them; ``paper`` is that of the method
    or else of its generator or its classifier; ``recipes`` are settings, with the tables in which it ran with these.
    """

    name: str
    method: Method
    parts: Sequence[tuple[str, str, Info | None]]
    paper: str
    runs: Sequence[Run]
    recipes: Mapping[tuple[Used, ...], Sequence[str]]
    printed: Sequence[Printed]
    documents: Sequence[Document]
    provenance: Mapping[str, str]


def cards_of(views: Sequence[View], installed: Installed) -> list[Card]:
    """Make a card for each method of the views, by name."""
    runs: dict[str, list[Run]] = defaultdict(list)
    groups: dict[str, list[Group]] = defaultdict(list)
    for view in views:
        rows: dict[str, dict[Group, Row]] = defaultdict(dict)
        for row in view.rows:
            if row.source:
                rows[row.method][row.source.group] = row
        for method, alike in rows.items():
            group = max(alike, key=preference)
            runs[method].append(Run(view, alike[group], group, len(alike)))
            groups[method] += alike
    return [_card(name, runs[name], groups[name], installed, frozenset(runs)) for name in sorted(runs)]


def _card(name: str, runs: Sequence[Run], groups: Sequence[Group], installed: Installed, shown: frozenset[str]) -> Card:
    declared = installed.methods.get(name)
    roles: dict[str, list[str]] = defaultdict(list)
    for role, part in runs[0].group.key.parts.by_role().items():
        roles[part.name].append(role)
    components = {part: installed.components.get(part) for part in roles}
    plugins = {each.plugin: installed.main_method(each.plugin) for each in (declared, *components.values()) if each}
    recipes: dict[tuple[Used, ...], list[str]] = defaultdict(list)
    for run in runs:
        recipes[tuple(settings_used(run.group, installed))].append(run.view.table.title)
    recipes.pop((), None)
    method = declared.info if declared else Method(name, classifier="")
    infos = [each.info for part, each in components.items() if each and roles[part] != ["gate"]]
    return Card(
        name=name,
        method=method,
        parts=[(part, " and ".join(roles[part]), each.info if each else None) for part, each in components.items()],
        paper=method.paper or next((info.paper for info in infos if info.paper), ""),
        runs=runs,
        recipes=recipes,
        printed=list(_printed(method.reported, runs)),
        documents=[
            Document(plugin.name, main if main != name and main in shown else "", deviations(plugin), citation(plugin))
            for plugin, main in plugins.items()
        ],
        provenance=_provenance(groups, plugins),
    )


def _printed(system: str, runs: Sequence[Run]) -> Iterator[Printed]:
    """Give the rows of a system in the papers' tables; ``here`` is of the set with the same classes and semantics."""
    here = {run.view.data_set: run.view.cell(run.row, "H as it stops") for run in reversed(runs)}  # the first counts
    own = [number for number in reported_numbers() if number.system == system]
    same = {(number.source, number.dataset): number.compares_to for number in own}
    notes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for finding in findings():
        if finding.row.system == system:
            notes[finding.row.source, finding.row.dataset].append(finding.text)
    for row in printed_rows() if system else ():
        if row.system == system:
            numbers = " ".join(f"{metric} {value:.1f}" for metric, value in row.values.items())
            place = same.get((row.source, row.dataset), "")
            yield Printed(row.source, row.dataset, numbers, here.get(place, ""), notes[row.source, row.dataset])


def _provenance(groups: Sequence[Group], plugins: Iterable[PluginSource]) -> dict[str, str]:
    summaries = [summary for group in groups for summary in group.results]
    created = sorted({summary.created[:10] for summary in summaries if summary.created})
    codes = {f"{part.name} {part.code[:8]}" for group in groups for part in parts(group.key)}
    facts = {
        "records": f"{len(summaries):,} of {len(groups):,} configuration{'s' if len(groups) > 1 else ''}",
        "made": " to ".join(dict.fromkeys((created[0], created[-1]))) if created else "",
        "machines": "; ".join(sorted({summary.machine_class for summary in summaries})),
        "source hashes": ", ".join(sorted(codes)),
        "installed here": ", ".join(map(str, plugins)) or "no; all that this card says is from its records",
    }
    return {name: text for name, text in facts.items() if text}
