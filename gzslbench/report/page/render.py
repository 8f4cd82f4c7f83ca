"""Putting the page together: data, style and script in one file, under a policy that lets it load nothing else."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from gzslbench import __version__
from gzslbench.records.summary import RecordSummary
from gzslbench.report.groups import group_results
from gzslbench.report.leaderboard import Leaderboard
from gzslbench.report.page.cards import COST_COLUMNS, cards_of
from gzslbench.report.page.installed import Installed
from gzslbench.report.page.payload import payload, rows_payload
from gzslbench.report.page.views import latest, views_of


def render_page(board: Leaderboard, results: Iterable[RecordSummary], installed: Installed | None = None) -> str:
    """Write the leaderboard of the results as HTML; the same results and plugins give the same bytes."""
    groups = group_results(results)
    views = views_of(board, groups)
    cards = cards_of(views, Installed.find() if installed is None else installed)
    style, script = _own("page.css"), "\n".join(map(_own, ("figures.js", "page.js")))
    dates = sorted(latest(group)[:10] for group in groups)
    template = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(_own("page.html"))
    return template.render(
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        data=_for_script(payload(views, cards)),
        rows=[_for_script(rows_payload(view)) for view in views],
        views=views,
        cards=cards,
        cost_columns=COST_COLUMNS,
        version=__version__,
        records=sum(len(group.results) for group in groups),
        configurations=len(groups),
        newest=dates[-1] if dates else "",
    )


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Allow this style and this script by their hashes, and nothing else: no network, no eval, no inline handlers."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _for_script(value: Any) -> Markup:
    """Write JSON for a script element: nothing in it can end the element or begin a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
