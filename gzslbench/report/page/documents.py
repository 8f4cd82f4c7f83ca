"""What a plugin's folder says about it beside its code: METHOD.md and CITATION.bib."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markupsafe import Markup

from gzslbench.registry.declarations import PluginSource

_DEVIATIONS = re.compile(r"differ|deviat|leaves open|choices", re.IGNORECASE)
_HEADING = re.compile(r"^(#{1,6}) +(.*)$", re.MULTILINE)


def deviations(plugin: PluginSource) -> Markup:
    """Give the section of METHOD.md on where the plugin departs from its paper, as safe HTML; empty without one.

    Markup in it is shown as text, links as their text, headings below those of the page.
    """
    text = _beside(plugin, "METHOD.md")
    headings = list(_HEADING.finditer(text))
    for place, heading in enumerate(headings):
        if _DEVIATIONS.search(heading[2]):
            after = (other for other in headings[place + 1 :] if len(other[1]) <= len(heading[1]))
            end = next((other.start() for other in after), len(text))
            return Markup(_renderer().render(_HEADING.sub(r"##### \2", text[heading.end() : end])))
    return Markup("")


def citation(plugin: PluginSource) -> str:
    """Give the plugin's BibTeX entries; empty where it has none."""
    return _beside(plugin, "CITATION.bib").strip()


def _beside(plugin: PluginSource, name: str) -> str:
    """Read a file of the plugin's folder; a plugin that is a single file has no folder to itself."""
    if plugin.path is None or not plugin.path.is_dir():
        return ""
    path = Path(plugin.path, name)
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


@cache
def _renderer() -> MarkdownIt:
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    for name in ("link_open", "link_close"):
        renderer.add_render_rule(name, lambda *_: "")
    renderer.add_render_rule("image", lambda _, tokens, place, *__: escapeHtml(tokens[place].content))
    for name in ("th_open", "td_open"):  # their alignment is a style attribute, which the page's policy refuses
        renderer.add_render_rule(name, lambda _, tokens, place, *__: f"<{tokens[place].tag}>")
    return renderer
