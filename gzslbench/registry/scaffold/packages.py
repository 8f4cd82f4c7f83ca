"""Writing the package of a new plugin: small, correct and tested, to be changed into the author's own piece by piece.

Templates are files with ``$name`` and the like in them, by :class:`string.Template`. What kinds have in common lies in
``package-templates/common``; files of a kind's own folders take precedence, in the order of :data:`LAYERS`.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template
from typing import Literal, get_args

from gzslbench.errors import UsageError
from gzslbench.registry.declarations import find_plugins, read_listing

Kind = Literal["generator", "gate", "classifier", "dataset", "method"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LAYERS: dict[Kind, tuple[str, ...]] = {
    "generator": ("common", "generator"),
    "gate": ("common", "gate"),
    "classifier": ("common", "classifier"),
    "dataset": ("common", "dataset"),
    "method": ("common", "generator", "method"),
}
SUFFIX = ".tmpl"
MODULE = "__module__"
"""Stands for the module in the paths of templates."""
LONGEST_NAME = 30
"""The templates' lines then stay within 120 characters."""
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SUMMARIES: dict[Kind, str] = {
    "generator": "A Gaussian for each class, with its mean predicted from semantics.",
    "gate": "A gate by the distance to the nearest seen class.",
    "classifier": "The nearest prototype, predicted from semantics by ridge regression.",
    "dataset": "A small data set, drawn at random.",
    "method": "Gaussians predicted from semantics, then linear discriminant analysis.",
}
_CODE: dict[Kind, dict[str, str]] = {
    "generator": {"generator.py": "the generator"},
    "gate": {"gate.py": "the gate"},
    "classifier": {"classifier.py": "the classifier"},
    "dataset": {"source.py": "the data set"},
    "method": {
        "generator.py": "the generator",
        "classifier.py": "the classifier",
        "recipes.toml": "settings per data set, each with its origin",
    },
}
_TESTS: dict[Kind, str] = {"dataset": "tests/test_source.py", "method": "tests/test_generator.py, test_classifier.py"}


@dataclass(frozen=True)
class Words:
    """What templates are filled with."""

    name: str
    module: str
    cls: str
    title: str
    summary: str
    year: str
    files: str
    test: str
    run: str


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
    words = _words(kind, name)
    texts: dict[PurePosixPath, str] = {}
    for layer in LAYERS[kind]:
        for path, template in _templates(
            files("gzslbench.registry.scaffold") / "package-templates" / layer, PurePosixPath()
        ):
            parts = (words.module if part == MODULE else part for part in path.parts)
            texts[PurePosixPath(*parts)] = Template(template).substitute(asdict(words))
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
    module = module_of(name)
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or importlib.util.find_spec(module):
        raise UsageError(f"there is a Python module '{module}' already", "choose another name")


def module_of(name: str) -> str:
    """Give the module's name of a plugin."""
    return name.replace("-", "_")


def _words(kind: Kind, name: str) -> Words:
    module = module_of(name)
    code = "".join(f"| `src/{module}/{file}` | {what} |\n" for file, what in _CODE[kind].items())
    data = name if kind == "dataset" else "glyphs"
    plugin = "eszsl" if kind == "dataset" else name
    return Words(
        name=name,
        module=module,
        cls=_class_stem(kind, name),
        title=name.replace("-", " ").capitalize(),
        summary=_SUMMARIES[kind],
        year=str(date.today().year),
        files=code,
        test=_TESTS.get(kind, f"tests/test_{kind}.py"),
        run=f"gzslbench run --plugin {plugin} --dataset {data}",
    )


def _class_stem(kind: Kind, name: str) -> str:
    """Give the beginning of class names, to which templates add the kind: ``my-gate`` gives ``My``, then ``MyGate``."""
    stem = "".join(word.capitalize() for word in name.split("-"))
    return stem.removesuffix(kind.capitalize()) or stem


def _templates(folder: Traversable, at: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _templates(entry, at / entry.name)
        elif entry.name.endswith(SUFFIX):
            yield at / entry.name.removesuffix(SUFFIX), entry.read_text(encoding="utf-8")
