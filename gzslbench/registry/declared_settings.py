"""The settings that a component declares, read from its source: names, types, defaults and the comments beside them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gzslbench.registry.declarations import PluginSource, info_of, parse, written
from gzslbench.registry.source_hash import modules


@dataclass(frozen=True)
class Setting:
    """One field of a ``Config``; ``comment`` is what its line says after the hash sign."""

    name: str
    type: str
    default: str
    comment: str

    def literal(self) -> tuple[Any, ...]:
        """Give the value of the default; nothing where it is not a literal, or one that takes too much to read."""
        try:
            return (ast.literal_eval(self.default),)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return ()


@dataclass(frozen=True)
class _Class:
    node: ast.ClassDef
    lines: list[str]


def declared_settings(plugin: PluginSource, component: str) -> list[Setting]:
    """List the settings of a component, inherited ones first; empty where it has none or its source can't be read."""
    classes = {each.node.name: each for path in modules(plugin).values() for each in _classes(path)}
    for each in classes.values():
        info = info_of(each.node)
        if info is not None and info.name == component:
            return list({s.name: s for s in _fields(_config_name(each.node), classes)}.values())
    return []


def _classes(path: Path) -> Iterator[_Class]:
    tree = parse(path)
    if tree is not None:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        yield from (_Class(node, lines) for node in tree.body if isinstance(node, ast.ClassDef))


def _config_name(node: ast.ClassDef) -> str:
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="Config")], value=ast.Name(id=name)):
                return name
    return ""


def _fields(name: str, classes: dict[str, _Class]) -> Iterator[Setting]:
    for config in reversed([*_with_bases(name, classes)]):
        for node in config.node.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                default = (written(node.value) or "...") if node.value else "required"
                comment = config.lines[(node.end_lineno or node.lineno) - 1].partition("  # ")[2].strip()
                yield Setting(node.target.id, written(node.annotation) or "...", default, comment)


def _with_bases(name: str, classes: dict[str, _Class]) -> Iterator[_Class]:
    """Give a class and all that it derives from, each once, the last base's line first."""
    waiting, known = [name], set[str]()
    while waiting:
        each = waiting.pop()
        if each in classes and each not in known:
            known.add(each)
            yield classes[each]
            waiting += [base.id for base in classes[each].node.bases if isinstance(base, ast.Name)]
