"""A card for each method with a record: what it is, how it was run, what it took, and how to cite it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gzslbench.contract.info import Info
from gzslbench.records.record import CellKey
from gzslbench.registry.declarations import PluginSource
from gzslbench.report.groups import Group
from gzslbench.report.page.documents import citation, deviations
from gzslbench.report.page.installed import Installed
from gzslbench.report.page.recipes import Used, parts, settings_used
from gzslbench.report.page.views import Row, View, standing_for

COST_COLUMNS = ("budget", "H", "seeds", "fit (s)", "predict (1/s)", "peak (MiB)", "test reads")
"""What a card repeats of the tables."""


@dataclass(frozen=True)
class Part:
    """A component, the roles it plays, and what its plugin says of it."""

    roles: str
    name: str
    info: Info | None


@dataclass(frozen=True)
class Run:
    """The row that stands for a method in one table, out of ``configurations`` of it there."""

    view: View
    row: Row
    group: Group
    configurations: int

    @property
    def costs(self) -> tuple[str, ...]:
        """The cells of :data:`COST_COLUMNS`."""
        return tuple(self.view.cell(self.row, column) for column in COST_COLUMNS)


@dataclass(frozen=True)
class RecipeUsed:
    """Settings, and the tables in which the method ran with exactly these."""

    titles: tuple[str, ...]
    settings: tuple[Used, ...]


@dataclass(frozen=True)
class Document:
    """What a plugin's folder holds; ``see`` names the method whose card shows it, where that is another one."""

    plugin: str
    see: str
    deviations: Markup
    bibtex: str


@dataclass(frozen=True)
class Card:
    """All that the page says of one method."""

    name: str
    summary: str
    paper: str
    variant_of: str
    parts: tuple[Part, ...]
    runs: tuple[Run, ...]
    recipes: tuple[RecipeUsed, ...]
    documents: tuple[Document, ...]
    provenance: tuple[tuple[str, str], ...]


def cards_of(views: Sequence[View], installed: Installed) -> list[Card]:
    """Make a card for each method of the views, by name."""
    rows: dict[str, list[tuple[View, Row]]] = defaultdict(list)
    for view in views:
        for row in view.rows:
            if row.group:
                rows[row.method].append((view, row))
    return [_card(name, rows[name], installed, frozenset(rows)) for name in sorted(rows)]


def _card(name: str, rows: Sequence[tuple[View, Row]], installed: Installed, shown: frozenset[str]) -> Card:
    runs = tuple(_runs(rows))
    declared = installed.methods.get(name)
    method = declared.method if declared else None
    key = runs[0].group.key
    sources = {declared.plugin: None} if declared else {}
    sources |= {
        installed.components[part.name].plugin: None for part in parts(key) if part.name in installed.components
    }
    return Card(
        name=name,
        summary=method.summary if method else "",
        paper=method.paper if method else "",
        variant_of=method.variant_of if method else "",
        parts=tuple(_parts(key, installed)),
        runs=runs,
        recipes=tuple(_recipes(runs, installed)),
        documents=tuple(_documents(name, sources, installed, shown)),
        provenance=tuple(_provenance([row.group for _, row in rows if row.group], list(sources))),
    )


def _runs(rows: Sequence[tuple[View, Row]]) -> Iterator[Run]:
    by_view: dict[str, list[tuple[View, Row]]] = defaultdict(list)
    for view, row in rows:
        by_view[view.address].append((view, row))
    for alike in by_view.values():
        row = standing_for(row for _, row in alike)
        if row.group:
            yield Run(alike[0][0], row, row.group, len(alike))


def _parts(key: CellKey, installed: Installed) -> Iterator[Part]:
    for part in parts(key):
        roles = [
            role
            for role, each in (("generator", key.generator), ("gate", key.gate), ("classifier", key.classifier))
            if each and each.name == part.name
        ]
        declared = installed.components.get(part.name)
        yield Part(" and ".join(roles), part.name, declared.info if declared else None)


def _recipes(runs: Sequence[Run], installed: Installed) -> Iterator[RecipeUsed]:
    titles: dict[tuple[Used, ...], list[str]] = defaultdict(list)
    for run in runs:
        titles[tuple(settings_used(run.group, installed))].append(run.view.title)
    for settings, of_settings in titles.items():
        if settings:
            yield RecipeUsed(tuple(of_settings), settings)


def _documents(
    name: str, sources: dict[PluginSource, None], installed: Installed, shown: frozenset[str]
) -> Iterator[Document]:
    """Give what the plugins of a method hold, once: in the card of the method that the plugin is first about."""
    for plugin in sources:
        home = installed.home(plugin)
        see = home if home != name and home in shown else ""
        text, bibtex = deviations(plugin), citation(plugin)
        if text or bibtex:
            yield Document(plugin.name, see, text, bibtex)


def _provenance(groups: Sequence[Group], sources: Sequence[PluginSource]) -> Iterator[tuple[str, str]]:
    results = [result for group in groups for result in group.results]
    created = sorted({result.created[:10] for result in results if result.created})
    codes = {f"{part.name} {part.code[:8]}" for group in groups for part in parts(group.key)}
    yield "records", f"{len(results):,} of {len(groups):,} configurations"
    if created:
        yield "made", created[0] if len(created) == 1 else f"{created[0]} to {created[-1]}"
    yield "machines", "; ".join(sorted({result.machine_class for result in results}))
    yield "source hashes", ", ".join(sorted(codes))
    yield "installed here", ", ".join(map(str, sources)) or "no; all that this card says is from its records"
