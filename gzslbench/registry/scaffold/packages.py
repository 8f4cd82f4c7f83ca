"""Writing the package of a new plugin: small, correct and tested, to be changed into the author's own piece by piece.

Templates are files with ``$name`` and the like in them, by :class:`string.Template`. What kinds have in common lies in
``package-templates/common``, what a kind adds in folders that ``package-templates/kinds.toml`` names.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
import tomllib
from datetime import date
from pathlib import Path, PurePosixPath
from string import Template
from typing import Literal, get_args

from gzslbench.errors import UsageError
from gzslbench.registry.declarations import find_plugins, read_listing

Kind = Literal["generator", "gate", "classifier", "dataset", "method"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TEMPLATES = Path(__file__).with_name("package-templates")
MODULE = "__module__"
"""Stands for the module in the paths of templates."""
LONGEST_NAME = 30
"""The templates' lines then stay within 120 characters."""
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def write_package(kind: Kind, name: str, folder: Path) -> list[Path]:
    """Write the package of a plugin into ``folder / name``; gives its files.

    Raises :class:`UsageError` where the name can't be used or is taken, or where the folder is there already.
    """
    check_name(name)
    home = folder / name
    if home.exists():
        raise UsageError(f"{home} is there already", "choose another name or --out, or remove it")
    texts = render(kind, name)
    for path, text in texts.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text, encoding="utf-8")
    return [home / path for path in texts]


def render(kind: Kind, name: str) -> dict[PurePosixPath, str]:
    """Fill the templates of a kind; gives texts by their path inside the package."""
    declared = tomllib.loads((TEMPLATES / "kinds.toml").read_text(encoding="utf-8"))[kind]
    module = _module_of(name)
    stem = "".join(word.capitalize() for word in name.split("-"))
    data, plugin = (name, "eszsl") if kind == "dataset" else ("glyphs", name)
    words = {
        "name": name,
        "module": module,
        "cls": stem.removesuffix(kind.capitalize()) or stem,  # templates add the kind: my-gate gives MyGate
        "title": name.replace("-", " ").capitalize(),
        "summary": declared["summary"],
        "year": str(date.today().year),
        "files": "".join(f"| `src/{module}/{file}` | {what} |\n" for file, what in declared["code"].items()),
        "test": declared["test"],
        "run": f"gzslbench run --plugin {plugin} --dataset {data}",
    }
    texts = {}
    for layer in declared["layers"]:
        for template in (TEMPLATES / layer).rglob("*.tmpl"):
            path = template.relative_to(TEMPLATES / layer).with_suffix("")
            parts = (module if part == MODULE else part for part in path.parts)
            texts[PurePosixPath(*parts)] = Template(template.read_text(encoding="utf-8")).substitute(words)
    return {path.with_name(".gitignore") if path.name == "gitignore" else path: texts[path] for path in sorted(texts)}


def check_name(name: str) -> None:
    """Raise :class:`UsageError` where a plugin can't have this name."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise UsageError(
            f"'{name}' can't be the name of a plugin",
            f"use at most {LONGEST_NAME} lower-case letters and digits, in words joined by hyphens: 'my-method'",
        )
    plugins = find_plugins()
    taken = {each.info.name: f"a {each.kind} of {each.plugin}" for each in read_listing(plugins)}
    taken |= {plugin.name: f"the plugin {plugin}" for plugin in plugins}
    if name in taken:
        raise UsageError(f"the name '{name}' is taken by {taken[name]}", "choose another one")
    module = _module_of(name)
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or importlib.util.find_spec(module):
        raise UsageError(f"there is a Python module '{module}' already", "choose another name")


def _module_of(name: str) -> str:
    return name.replace("-", "_")
