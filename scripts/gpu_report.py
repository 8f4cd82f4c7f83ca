"""``make gpu``: run what only a GPU can show, part by part, and write one folder of results.

Each part is a process with a time limit and a log of its own, so that none can hide another. Nothing has to be
installed but torch and the dependencies, and a part is left out where it lacks one of these. The folder (``--out``, or
the variable OUT) gets ``summary.md``, which is printed last, a log for each part, ``environment.json`` and records in
``results``.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = {"markdown-it-py": "markdown_it"}
"""What dependencies are imported as, where that is not their name."""
TESTING = ("pytest", "hypothesis")
LEAST_S = 10.0
"""A part that has less than this left is not begun: importing torch takes as long."""
KEEP_BLOCKS = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}
"""The allocator setting that the harness gives its workers."""


@dataclass(frozen=True)
class Part:
    """A command that runs for ``limit_s`` at most, and the modules that it can't do without."""

    name: str
    command: Sequence[str]
    limit_s: float
    needs: Sequence[str] = ()


@dataclass(frozen=True)
class Outcome:
    """How a part ended, and the results that it printed."""

    part: str
    state: str
    took_s: float = 0.0
    results: Sequence[str] = ()


def parts(device: str, tiny: bool, out: Path) -> list[Part]:
    """List the parts in order of worth."""
    training = ("torch", "numpy", "pluggy")
    running = (*training, "click", "filelock", "h5py", "platformdirs", "pydantic", "rich", "scipy")

    def part(name: str, limit_s: float, needs: Sequence[str], *arguments: str) -> Part:
        command = [sys.executable, "tests/benchmarks/gpu_parts.py", *arguments, "--device", device, "--out", str(out)]
        return Part(name, command + ["--tiny"] * tiny, limit_s, needs)

    suites = ["tests/training", "tests/evaluation/test_timing.py", "tests/runner/test_machine.py"]
    pytest = [sys.executable, "-m", "pytest", "-m", "gpu", "-p", "no:cacheprovider", *suites]
    folders = [folder for folder in os.environ.get("GZSLBENCH_DATA", "").split(os.pathsep) if folder]
    return [
        part("environment", 60, ("torch",), "environment"),
        part("checks", 100, training, "checks"),
        part("recipes on glyphs", 120, running, "recipes"),
        *(
            part(f"steps of {method}", 45, training, "steps", method)
            for method in ("gsmflow", "f-clswgan", "early-gan", "softmax")
        ),
        part("five seeds", 60, training, "seeds"),
        part("CPU against device", 60, running, "devices"),
        Part("tests marked gpu", pytest, 60, (*running, *TESTING)),
        *([part("recipes on data", 300, running, "data", *folders)] if folders else []),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all parts; gives 1 where one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=os.environ.get("OUT") or "gpu-report", help="folder of results")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="sizes that show that the script works, and nothing else")
    parser.add_argument("--budget-s", type=float, default=400.0, help="seconds for all parts together")
    asked = parser.parse_args(arguments)
    out = asked.out.resolve()
    return report(parts(asked.device, asked.tiny, out), out, asked.budget_s, asked.tiny)


def report(all_parts: Sequence[Part], out: Path, budget_s: float, tiny: bool) -> int:
    """Run parts one after the other and keep the summary up to date; gives 1 where one of them failed."""
    out.mkdir(parents=True, exist_ok=True)
    title = f"GPU report, {time.strftime('%Y-%m-%d %H:%M')}"
    title += ": TINY SIZES, to try the script; its times are no measurements" if tiny else ""
    missing = missing_modules()
    print(f"missing modules: {', '.join(missing) or 'none'}; Python {sys.version.split()[0]} at {sys.executable}")
    outcomes: list[Outcome] = []
    ends = time.monotonic() + budget_s
    with site_folder() as site:
        paths = [str(site), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        ours = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", **KEEP_BLOCKS}
        environment = {"GZSLBENCH_CACHE": str(site / "cache"), **os.environ, **ours}
        for part in all_parts:
            outcomes.append(outcome_of(part, out, ends - time.monotonic(), missing, environment))
            print(f"{part.name}: {outcomes[-1].state}, {outcomes[-1].took_s:.0f} s", flush=True)
            (out / "summary.md").write_text(summary(title, outcomes, missing))
    print("\n" + (out / "summary.md").read_text())
    return int(any(outcome.state != "ok" for outcome in outcomes))


def outcome_of(part: Part, out: Path, left_s: float, missing: Sequence[str], environment: Mapping[str, str]) -> Outcome:
    """Run a part, unless it lacks a module or time."""
    lacks = [module for module in part.needs if module in missing]
    if lacks:
        return Outcome(part.name, f"left out: lacks {', '.join(lacks)}")
    if left_s < LEAST_S:
        return Outcome(part.name, "left out: no time left")
    log, began = out / f"{part.name.replace(' ', '-')}.log", time.monotonic()
    state = _run(part, log, min(part.limit_s, left_s), environment)
    lines = log.read_text(errors="replace").splitlines()
    results = [line.removeprefix("= ") for line in lines if line.startswith("= ")]
    if part.command[1:3] == ["-m", "pytest"] or (state != "ok" and not results):
        results = [line.strip("= ") for line in lines if line.strip()][-1:]  # pytest's own summary, or the error
    return Outcome(part.name, state, time.monotonic() - began, results)


def _run(part: Part, log: Path, limit_s: float, environment: Mapping[str, str]) -> str:
    """Say how a command ended; at its limit it is killed, with all that it started."""
    with log.open("w") as stream:
        process = subprocess.Popen(
            part.command, stdout=stream, stderr=subprocess.STDOUT, cwd=ROOT, env=environment, start_new_session=True
        )
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return f"FAILED: stopped at its limit of {limit_s:.0f} s"
        finally:
            _end(process)
    return "ok" if code == 0 else f"FAILED: exit code {code}"


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):  # it may have ended, and its children with it
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def missing_modules() -> list[str]:
    """Name the modules that the project depends on and this Python lacks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [re.split(r"[\[<>=~! ]", each)[0] for each in project["dependencies"]]
    modules = [MODULES.get(name, name.replace("-", "_")) for name in names]
    return [module for module in (*modules, *TESTING) if find_spec(module) is None]


@contextmanager
def site_folder() -> Iterator[Path]:
    """Make a folder that, on Python's path beside the tree, stands for an installation of gzslbench."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    package = (ROOT / "gzslbench" / "__init__.py").read_text()
    version = re.search(r'^__version__ = "(.+)"', package, re.MULTILINE)
    groups = {"console_scripts": pyproject["project"]["scripts"], **pyproject["project"]["entry-points"]}
    points = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in of.items()) for group, of in groups.items()
    ]
    with tempfile.TemporaryDirectory(prefix="gzslbench-") as name:
        site, number = Path(name), version[1] if version else "0"
        (site / "gzslbench_plugins").symlink_to(ROOT / "plugins")
        info = site / f"gzslbench-{number}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: gzslbench\nVersion: {number}\n")
        (info / "entry_points.txt").write_text("\n".join(points))
        yield site


def summary(title: str, outcomes: Sequence[Outcome], missing: Sequence[str]) -> str:
    """Write the table: a row for each part, and one for each of its results."""
    lines = [f"# {title}", "", f"Missing modules: {', '.join(missing) or 'none'}.", ""]
    lines += ["| part | outcome | s | result |", "|---|---|---|---|"]
    for outcome in outcomes:
        first, *others = [line.replace("|", "/") for line in outcome.results] or [""]
        lines.append(f"| {outcome.part} | {outcome.state} | {outcome.took_s:.0f} | {first} |")
        lines += [f"| | | | {line} |" for line in others]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
