"""The packages that ``gzslbench new`` writes, as text; tests/acceptance installs and runs them."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib

import pytest

from gzslbench.errors import UsageError
from gzslbench.registry.scaffold.packages import KINDS, render, write_package

LONG = "a-name-that-has-thirty-letters"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["x", "my-thing-2", LONG])
def test_ruff_finds_nothing_by_the_rules_of_the_package(kind, name, tmp_path):
    write_package(kind, name, tmp_path)
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
        done = subprocess.run(ruff, cwd=tmp_path / name, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_has_all_that_a_package_needs(kind):
    texts = {str(path): text for path, text in render(kind, "my-thing").items()}
    assert {"pyproject.toml", "README.md", ".gitignore", "tests/test_contract.py"} < texts.keys()
    assert {f"src/my_thing/{name}" for name in ("__init__.py", "METHOD.md", "CITATION.bib")} < texts.keys()
    project = tomllib.loads(texts["pyproject.toml"])["project"]
    assert project["name"] == "my-thing"
    assert "gzslbench" in project["dependencies"]
    assert project["entry-points"] == {"gzslbench": {"my-thing": "my_thing"}}
    assert not [path for path, text in texts.items() if "$" in text or "__module__" in path]


@pytest.mark.parametrize("kind", KINDS)
def test_the_readme_names_files_that_are_there(kind):
    texts = {str(path): text for path, text in render(kind, "my-thing").items()}
    rows = [line.split("|")[1] for line in texts["README.md"].splitlines() if line.startswith("| `")]
    named = [name.strip() for row in rows for name in row.replace("`", "").split(",")]
    folders = ("", "tests/")
    assert all(any(folder + name in texts for folder in folders) for name in named), named


def test_class_names_do_not_repeat_the_kind():
    classes = {
        name: [
            node.name
            for node in ast.parse(next(t for p, t in render("gate", name).items() if p.name == "gate.py")).body
            if isinstance(node, ast.ClassDef)
        ][-1]
        for name in ("far-gate", "gate", "far")
    }
    assert classes == {"far-gate": "FarGate", "gate": "GateGate", "far": "FarGate"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("My-Method", "lower-case letters"),
        ("my_method", "lower-case letters"),
        ("2nd", "lower-case letters"),
        ("-x", "lower-case letters"),
        ("../x", "lower-case letters"),
        (LONG + "e", "at most 30"),
        ("eszsl", "is taken by"),
        ("softmax", "is taken by"),
        ("gsmflow-without-mining", "is taken by a method of gsmflow"),
        ("json", "Python module 'json'"),
        ("class", "Python module 'class'"),
        ("scipy", "Python module 'scipy'"),
    ],
)
def test_names_that_can_not_be_used_are_refused(name, words, tmp_path):
    with pytest.raises(UsageError, match=words) as refused:
        write_package("method", name, tmp_path)
    assert refused.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(UsageError, match="is there already"):
        write_package("gate", "mine", tmp_path)
    assert list((tmp_path / "mine").iterdir()) == []
