"""The parts of ``make gpu``, each to be run by ``scripts/gpu_report.py`` as a process of its own.

A line that begins with "= " is a result; all else is the log. A part that finds something wrong ends with 1.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from gzslbench.records.record import Record

METHODS = ("gsmflow", "f-clswgan", "early-gan", "eszsl", "sae")
SHORT = "--set gsmflow.steps=10 --set gsmflow.mining_steps=1 --set gsmflow.contrastive_steps=5 --set f-clswgan.steps=5 "
SHORT += "--set f-clswgan.softmax_epochs=1 --set early-gan.steps=10 --set early-gan.softmax_epochs=1 "
SHORT += "--set entropy.steps=5 --set softmax.epochs=1"
"""Settings for tiny runs."""


def environment(device: torch.device, tiny: bool, out: Path) -> bool:
    """Write down the machine and its software."""
    found = {
        "device": str(device),
        "python": sys.version,
        "platform": platform.platform(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "gpus": [],
        "nvidia-smi": _nvidia_smi(),
        "packages": {each.name: each.version for each in distributions()},
    }
    if torch.cuda.is_available():
        found["gpus"] = [str(torch.cuda.get_device_properties(i)) for i in range(torch.cuda.device_count())]
    (out / "environment.json").write_text(json.dumps(found, indent=1))
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU"
    print(f"= {gpu}; {found['nvidia-smi']}; CUDA {torch.version.cuda}, torch {torch.__version__}")
    return True


def checks(device: torch.device, tiny: bool, out: Path, first: str = "0") -> bool:
    """What must hold on the device, one after the other; after an error in CUDA the rest gets a process of its own."""
    from gpu_checks import CHECKS

    sound = True
    for position, check in enumerate(CHECKS[int(first) :], start=int(first)):
        name = check.__name__.replace("_", " ")
        try:
            print(f"= {name}: {check(device)}", flush=True)
        except Exception as error:
            sound = False
            traceback.print_exc()
            print(f"= FAILED: {name}: {_first_line(error)}", flush=True)
            if not isinstance(error, AssertionError) and position + 1 < len(CHECKS):
                rest = [__file__, "checks", str(position + 1), "--device", str(device), "--out", str(out)]
                subprocess.run([sys.executable, *rest], check=False)
                break
    return sound


def steps(device: torch.device, tiny: bool, out: Path, method: str) -> bool:
    """A training step of ours beside the released one, in both precisions."""
    from step_times import TINY, Problem, Sizes, ceiling, compare

    problem = Problem.of(TINY if tiny else Sizes())
    for precision in ("float32", "bfloat16"):
        limit = ceiling(precision, device, size=256 if tiny else 8192)
        times = compare(method, problem, precision, device, **({"pairs": 2, "times": 1} if tiny else {}))
        what = "epoch" if method == "softmax" else "step"
        print(
            f"= {what}, {precision}: released {1e3 * times.released_s:.2f} ms, ours {1e3 * times.ours_s:.2f} ms, "
            f"ratio {times.ratio:.2f}; {times.gflop / times.ours_s:.0f} of {limit:.0f} GFLOP/s "
            f"({times.gflop / times.ours_s / limit:.0%})",
            flush=True,
        )
    return True


def seeds(device: torch.device, tiny: bool, out: Path) -> bool:
    """Five seeds in one step, against one."""
    from step_times import CUB, TINY, Problem, ceiling, seeds_step

    problem, times = (Problem.of(TINY), 2) if tiny else (Problem.of(CUB), 100)
    limit = ceiling("bfloat16", device, size=256 if tiny else 8192)
    for method in ("gsmflow", "f-clswgan", "early-gan"):
        one_s, _ = seeds_step(method, problem, "bfloat16", device, 1, times)
        five_s, gflop = seeds_step(method, problem, "bfloat16", device, 5, times)
        print(
            f"= {method}, bfloat16: one {1e3 * one_s:.2f} ms, five {1e3 * five_s:.2f} ms, {five_s / one_s:.2f} times "
            f"(target 2); five at {gflop / five_s:.0f} of {limit:.0f} GFLOP/s ({gflop / five_s / limit:.0%})",
            flush=True,
        )
    return True


def recipes(device: torch.device, tiny: bool, out: Path) -> bool:
    """Each method on the bundled data set, by its full recipe."""
    return _run(out, METHODS, ["glyphs"], device, SHORT.split() if tiny else [])


def data(device: torch.device, tiny: bool, out: Path, *folders: str) -> bool:
    """Each method on each data set that the folders hold, by its full recipe."""
    from gzslbench.data.catalogue import Catalogue

    names = Catalogue.find([Path(folder) for folder in folders], {}, out / "cache").names()
    return _run(out, METHODS, [name for name in names if name != "glyphs"], device, SHORT.split() if tiny else [])


def devices(device: torch.device, tiny: bool, out: Path) -> bool:
    """A closed form on the CPU and on the device, which must agree, and a trained method, whose draws differ."""
    short = ["f-clswgan.steps=5", "f-clswgan.softmax_epochs=1", "softmax.epochs=1"] if tiny else []
    more = ["--precision", "float32", *(word for each in short for word in ("--set", each))]
    sound = True
    for where in (torch.device("cpu"), device):
        sound &= _run(out, ["eszsl", "f-clswgan"], ["glyphs"], where, more)
    records = [each for each in _records(out / "results") if (each.method, each.key.data_set) == ("eszsl", "glyphs")]
    reached = {record.key.device: record.metrics.h for record in records}
    print(f"= H of eszsl by device: {', '.join(f'{name} {100 * h:.2f}' for name, h in reached.items()) or 'none'}")
    return sound and max(reached.values()) - min(reached.values()) < 0.005


def _run(out: Path, methods: Sequence[str], names: Sequence[str], device: torch.device, more: Sequence[str]) -> bool:
    """Run methods with one seed and report each record as it comes; gives whether all is well."""
    chosen = [word for method in methods for word in ("--plugin", method)]
    chosen += [word for name in names for word in ("--dataset", name)]
    command = [
        sys.executable,
        "-m",
        "gzslbench",
        "run",
        *chosen,
        "--protocol",
        "inductive",
        "--budget",
        "full",
        "--seeds",
        "0",
        "--jobs",
        "1",
    ]
    command += ["--device", str(device), "--results", str(out / "results"), "--no-track", "--force", "--json", *more]
    sound, last = True, ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            event = json.loads(line) if line.startswith("{") else {"event": ""}
            last = line.strip() or last
            if event["event"] == "done":
                sound &= _report(event, device, out / "results")
            elif event["event"] == "failed":
                print(f"= FAILED: {event['method']} on {event['data_set']} ({event['phase']}): {event['reason']}")
    if not last.startswith("{"):
        print(f"= FAILED: 'gzslbench run' ended with {process.returncode}: {last}")
    return sound and process.returncode == 0


def _report(event: dict[str, object], device: torch.device, results: Path) -> bool:
    """Say what a run reached and took; on a GPU its record must have plausible times and peaks of the device."""
    figures = " ".join(f"{name} {100 * float(str(event[name.lower()])):.1f}" for name in ("T1", "U", "S", "H"))
    line = f"{event['method']} on {event['data_set']}, {device}: {figures}, fit {event['fit_s']:.1f} s"
    sound = True
    if device.type == "cuda":
        (timings,) = (each.timings for each in _records(results) if each.key.digest() == event["digest"])
        phases = [timings.fit_generator, timings.synthesise, timings.fit_gate, timings.fit_classifier]
        times = [(phase.device_s or 0.0, phase.wall_s) for phase in phases if phase]
        line += f", on the device {sum(device_s for device_s, _ in times):.1f} s, peak {timings.peak_device_mib} MiB"
        sound = bool(timings.peak_device_mib) and all(device_s <= wall_s + 0.01 for device_s, wall_s in times)
        sound &= sum(device_s for device_s, _ in times) > 0
    print(f"= {'' if sound else 'FAILED: implausible: '}{line}", flush=True)
    return sound


def _records(results: Path) -> list[Record]:
    from gzslbench.records.store import Store

    return list(Store(results).records())


def _nvidia_smi() -> str:
    query = ["nvidia-smi", "--query-gpu=driver_version,memory.total,clocks.max.sm,power.limit", "--format=csv,noheader"]
    try:
        return "driver, memory, clock, power: " + subprocess.run(query, capture_output=True, text=True).stdout.strip()
    except OSError:
        return "no nvidia-smi"


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"[:300]


if __name__ == "__main__":
    known = {each.__name__: each for each in (environment, checks, steps, seeds, recipes, data, devices)}
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=known)
    parser.add_argument("more", nargs="*")
    parser.add_argument("--device", type=torch.device, required=True)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    sys.exit(not known[asked.part](asked.device, asked.tiny, asked.out, *asked.more))
