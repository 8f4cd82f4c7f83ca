"""Imports between the packages of gzslbench go one way."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORDER = (
    "errors",
    "text",
    "files",
    "processes",
    "contract",
    "data",
    "registry",
    "training",
    "records",
    "evaluation",
    "tracking",
    "runner",
    "report",
    "submission",
    "testing",
    "cli",
)
"""As the README draws it: what comes later may import what comes before."""
WHAT_RUNS = {"evaluation", "tracking", "runner"}
"""What reports know nothing of: they are made from records alone."""


def packages_imported(file):
    """Name the packages of gzslbench that a file imports, for its types or within functions, too."""
    for node in ast.walk(ast.parse(file.read_text())):
        names = [node.module] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.split(".")[1] for name in names if name and name.startswith("gzslbench."))


@pytest.mark.parametrize("package", ORDER)
def test_a_package_imports_only_what_comes_before_it(package):
    place = ROOT / "gzslbench" / package
    files = place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]
    imported = {name for file in files for name in packages_imported(file)} - {package}
    assert imported <= set(ORDER[: ORDER.index(package)])
    assert package != "report" or not imported & WHAT_RUNS


def test_the_order_names_all_that_there_is():
    top = ROOT / "gzslbench"
    there = {path.parent.name for path in top.glob("*/__init__.py")} | {path.stem for path in top.glob("*.py")}
    assert there - {"__init__", "__main__"} == set(ORDER)


def test_the_readme_draws_that_order():
    lines = (ROOT / "README.md").read_text().splitlines()
    drawn = [line.split("/")[0].strip() for line in lines if line.startswith("  ") and "/  " in line]
    assert [name for name in drawn if name in ORDER] == [name for name in ORDER if (ROOT / "gzslbench" / name).is_dir()]


def test_methods_import_the_contract_and_the_toolkit():
    for file in (ROOT / "plugins").rglob("*.py"):
        assert set(packages_imported(file)) <= {"contract", "training"}, file
