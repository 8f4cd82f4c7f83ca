"""The machine: which device and precision a run takes, and where a result was made."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib.metadata import version
from pathlib import Path

import torch

import gzslbench
from gzslbench.errors import UsageError
from gzslbench.records.record import Environment

_PACKAGES = ("torch", "numpy", "scipy")


def device_named(name: str) -> str:
    """Choose the device; ``auto`` takes a GPU where torch finds one."""
    available = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if available else "cpu"
    if name.startswith("cuda") and not available:
        raise UsageError(
            "--device cuda was asked for, but torch finds no GPU", "use --device cpu, or install a CUDA build"
        )
    if not (name == "cpu" or name.startswith("cuda")):
        raise UsageError(f"there is no device '{name}'", "choose from auto, cpu, cuda, cuda:1")
    return name


def precision_named(name: str, in_hardware: bool) -> str:
    """Choose the format of matrix products, aloud; ``auto`` takes bfloat16 where it is there ``in_hardware``."""
    if name == "float32":
        return name
    if name == "bfloat16" and not in_hardware:
        print("precision: bfloat16 is emulated here, and slower than float32", file=sys.stderr)
    if name == "auto" and in_hardware:
        print("precision: bfloat16, which the processor has; --precision float32 does without", file=sys.stderr)
    return "bfloat16" if in_hardware or name == "bfloat16" else "float32"


def has_bfloat16(device: str) -> bool:
    """Say whether a device multiplies bfloat16 matrices in hardware; elsewhere they are slower than float32."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "sve_bf16"))


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
        found = re.search(pattern, Path(path).read_text(errors="replace"))
    except OSError:
        return None
    return found.group(1).strip() if found else None
