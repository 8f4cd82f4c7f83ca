"""Putting the page together: data, style and script in one file, under a policy that lets it load nothing else.

The rows of each view are an element of their own, so that the script reads few of them.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from operator import attrgetter
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from gzslbench import __version__
from gzslbench.report.groups import Group
from gzslbench.report.installed import Installed
from gzslbench.report.leaderboard import Leaderboard
from gzslbench.report.page.cards import COST_COLUMNS, cards_of
from gzslbench.report.page.views import Row, View, views_of
from gzslbench.text import printable


def render_page(board: Leaderboard, installed: Installed | None = None) -> str:
    """Write a leaderboard as HTML; the same results and plugins give the same bytes."""
    groups = {point.group for rows in board.rows.values() for row in rows for point in row.points.values()}
    views = views_of(board)
    cards = cards_of(views, Installed.find() if installed is None else installed)
    style, script = _own("page.css"), "\n".join(map(_own, ("figures.js", "page.js")))
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    environment.filters["urlencode"] = lambda text: quote(printable(text))
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment.from_string(_own("page.html")).render(
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        data=_shown({"views": [_view_data(view) for view in views], "methods": [card.name for card in cards]}),
        rows=_shown([[_row_data(row) for row in view.rows] for view in views]),
        views=views,
        cards=cards,
        cost_columns=COST_COLUMNS,
        version=__version__,
        records=sum(len(group.results) for group in groups),
        configurations=len(groups),
        newest=max((group.latest[:10] for group in groups), default=""),
    )


def _view_data(view: View) -> dict[str, Any]:
    return {
        "name": view.name,
        "dataSet": view.data_set,
        "protocol": view.protocol,
        "visibility": view.visibility,
        "bestBy": view.best_by,
        "title": view.table.title,
        "summary": view.table.summary,
        "columns": [asdict(column) for column in view.columns],
        "others": view.others,
        "aside": sorted(view.table.aside.rows),
        "asideTitle": view.table.aside.title,
        "notes": view.table.notes,
        "diagram": view.diagram,
    }


def _row_data(row: Row) -> dict[str, Any]:
    """Give a row, and of its points, first the one shown, what the plane and the heat map need."""
    data: dict[str, Any] = {name: getattr(row, name) for name in ("method", "settings", "cells")}
    points = row.source.points.values() if row.source else ()
    return data | {"points": [_point_data(point.group) for point in points]}


def _point_data(group: Group) -> dict[str, Any]:
    """Describe a group; accuracies are in percent."""
    generator, gate, classifier = group.key.parts
    accuracies = {name: round(100 * group.summary(attrgetter(name)).mean, 4) for name in ("u", "s", "h")}
    return {
        "choice": group.choice,
        "generator": generator.name if generator else "none",
        "gate": gate.name,
        "classifier": classifier.name,
        **accuracies,
        "seeds": len(group.seeds),
        "deterministic": group.deterministic,
        "created": group.latest,
    }


def _shown(value: Any) -> Any:
    """Make all text of a value printable, but markup of our own."""
    if isinstance(value, Mapping):
        return {name: _shown(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(each) for each in value]
    return printable(value) if type(value) is str else value


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Allow this style and this script by their hashes, and nothing else: no network, no eval, no inline handlers."""
    style, script = (b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script))
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
