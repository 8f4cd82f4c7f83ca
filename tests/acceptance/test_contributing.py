"""Does exactly what CONTRIBUTING.md tells the author of a first plugin to do."""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
FILE = re.compile(r"<!-- file: (?P<name>\S+) -->\n```\w+\n(?P<text>.*?)```", re.DOTALL)
COMMANDS = re.compile(r"<!-- run -->\n```console\n(?P<text>.*?)```", re.DOTALL)


def tutorial() -> str:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    return text[text.index("## A method of your own") : text.index("## How the shapes")]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A shell environment in which ``pip install`` writes into a folder of its own, not into the tests' environment."""
    site, programs = tmp_path / "site", tmp_path / "bin"
    programs.mkdir()
    for name, module in {"pip": "pip", "gzslbench": "gzslbench"}.items():
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(site),
        "PIP_TARGET": str(site),
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this one the other way round
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "GZSLBENCH_CACHE": str(tmp_path / "cache"),
    }


def test_the_tutorial_works_as_written(tmp_path: Path, environment: dict[str, str]) -> None:
    text = tutorial()
    work = tmp_path / "work"
    work.mkdir()
    for file in FILE.finditer(text):
        (work / file["name"]).write_text(file["text"])
    outputs = {}
    for block in COMMANDS.finditer(text):
        for line in block["text"].splitlines():
            command = line.removeprefix("$ ")
            done = subprocess.run(
                shlex.split(command), cwd=work, env=environment, capture_output=True, text=True, timeout=200
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            outputs[command] = done.stdout
    assert len(outputs) == 10
    assert (
        "2 done, 0 there already, 0 failed"
        in outputs["gzslbench run --plugin ./prototype_ridge.py --seeds 0 --no-track"]
    )
    packaged = outputs["gzslbench run --plugin prototype-ridge --seeds 0-4 --no-track"]
    assert "8 done, 2 there already, 0 failed" in packaged
    together = outputs["gzslbench run --plugin ./gaussian_with_toolkit.py --seeds 0-1 --seeds-together --no-track"]
    assert "4 done, 0 there already, 0 failed" in together
    assert "2 done" in outputs["gzslbench run --plugin ./gaussian.py --seeds 0 --no-track"]
    assert " H  0." not in together
    assert "prototype-ridge (ridge=0.1)" in outputs["gzslbench leaderboard"]
    assert "ok      prototype-ridge (prototype-ridge 1.0)" in outputs["gzslbench plugins"]
