"""Where a result was made: the machine, and the versions of what computed it."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import torch

import gzslbench
from gzslbench.record import Environment

_PACKAGES = ("torch", "numpy", "scipy")


def environment(device: torch.device, threads: int) -> Environment:
    """Describe this machine; the device decides its class."""
    cpu = _cpu()
    gpu = _gpu(device) if device.type == "cuda" else None
    return Environment(
        machine_class=f"gpu: {gpu}" if gpu else f"cpu: {cpu}",
        cpu=cpu,
        gpu=gpu,
        threads=threads,
        platform=platform.platform(),
        packages={
            "gzslbench": gzslbench.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in _PACKAGES},
        },
    )


def _cpu() -> str:
    """Name the processor, its clock where the system tells it, and the cores that this process may use."""
    system = _first_match("/proc/cpuinfo", r"model name\s*:\s*(.+)") or platform.processor() or platform.machine()
    name = re.sub(r"\((R|TM)\)|\bCPU\b|\bProcessor\b|@", " ", system, flags=re.IGNORECASE)
    name = re.sub(r"(\d+)(\.\d*[1-9])?\.?0*\s*GHz", r"\1\2 GHz", name)
    return f"{' '.join(name.split())}, {_cores()} cores"


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _gpu(device: torch.device) -> str:
    driver = _first_match("/proc/driver/nvidia/version", r"Kernel Module.*?\s(\d+\.[\d.]+)") or "unknown"
    torch_minor = ".".join(torch.__version__.split(".")[:2])
    return f"{torch.cuda.get_device_name(device)}, driver {driver}, CUDA {torch.version.cuda}, torch {torch_minor}"


def _first_match(path: str, pattern: str) -> str | None:
    try:
        found = re.search(pattern, Path(path).read_text())
    except OSError:
        return None
    return found.group(1).strip() if found else None
