"""The script behind ``make gpu``: its parts, how it ends them, and, at tiny sizes, all of it on the CPU."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "gpu_report.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_report", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["gpu_report"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def rows(folder: Path) -> dict[str, list[str]]:
    """The summary's rows by the name of their part: outcome, seconds, first result."""
    cells = [line.strip("|").split("|") for line in (folder / "summary.md").read_text().splitlines() if "|" in line]
    return {name.strip(): [cell.strip() for cell in others] for name, *others in cells if name.strip()}


def test_no_part_hides_another(script, tmp_path, capsys, monkeypatch) -> None:
    parts = [
        script.Part("fails", python("print('= half a result', flush=True); raise SystemExit(3)"), 30),
        script.Part("breaks", python("raise ValueError('no such thing')"), 30),
        script.Part("hangs", python("import time; print('= so far', flush=True); time.sleep(60)"), 2),
        script.Part("lacks a module", python("print('= never')"), 30, ["sys", "absent"]),
        script.Part("works", python("print('noise'); print('= a | b'); print('= c')"), 30),
    ]
    monkeypatch.setattr(script, "missing_modules", lambda: ["absent"])
    assert script.report(parts, tmp_path, budget_s=300, tiny=False) == 1
    found = rows(tmp_path)
    assert found["fails"][0] == "FAILED: exit code 3"
    assert found["fails"][2] == "half a result"
    assert found["breaks"][2] == "ValueError: no such thing"
    assert found["hangs"][0] == "FAILED: stopped at its limit of 2 s"
    assert found["hangs"][2] == "so far"
    assert found["lacks a module"][0] == "left out: lacks absent"
    assert found["works"][0] == "ok"
    assert found["works"][2] == "a / b"
    printed = capsys.readouterr().out
    assert printed.startswith("missing modules: absent")
    assert printed.endswith((tmp_path / "summary.md").read_text() + "\n")


def test_what_the_budget_leaves_out_is_named(script: ModuleType, tmp_path: Path) -> None:
    assert script.report([script.Part("late", python(""), 30)], tmp_path, budget_s=5, tiny=False) == 1
    assert rows(tmp_path)["late"][0] == "left out: no time left"


def test_plugins_are_found_without_an_installation(script: ModuleType) -> None:
    code = """
from importlib.metadata import entry_points
print(*sorted(point.name for point in entry_points(group="gzslbench") if point.dist.version))
import gzslbench_plugins
print(*gzslbench_plugins.__path__)
"""
    with script.site_folder() as site:
        command, variables = [sys.executable, "-S", "-c", code], {**os.environ, "PYTHONPATH": str(site)}
        names, path = subprocess.run(command, env=variables, capture_output=True, text=True).stdout.splitlines()
        assert Path(path).samefile(SCRIPT.parents[1] / "plugins")
    assert {"gsmflow", "f-clswgan", "early-gan", "eszsl", "sae", "softmax"} <= set(names.split())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_of_it_runs_on_a_cpu_at_tiny_sizes(script: ModuleType, tmp_path: Path, tiny_world: Path) -> None:
    variables = {**os.environ, "GZSLBENCH_DATA": str(tiny_world), "OUT": str(tmp_path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), "--device", "cpu", "--tiny", "--budget-s", "800"]
    ran = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    text = (tmp_path / "summary.md").read_text()
    assert "TINY SIZES" in text.splitlines()[0]
    found = rows(tmp_path)
    assert [row[0] for name, row in found.items() if name not in ("part", "---")] == ["ok"] * 11, text
    assert "gsmflow on TINY" in text
    assert json.loads((tmp_path / "environment.json").read_text())["device"] == "cpu"
    assert (tmp_path / "results" / "records" / "glyphs").is_dir()
    assert len(list(tmp_path.glob("*.log"))) == 11
