"""Where submitted code runs: a file system of its own without labels, no network, and no sight of other processes.

Inside are, read-only, the system's programs and libraries, this Python with its packages, gzslbench itself and the
submitted source; ``/tmp`` and ``/dev/shm`` are empty, bounded and gone afterwards. Nothing else of the machine is
there: no data folder, no cache, no results, no home. What lies inside a shared folder all the same, such as the bundled
data, is covered by an empty folder. Which means the machine offers is found out by trying.

The kernel is shared with the machine, and labels that submitted code brings along in its own source stay with it:
confinement does not replace reading that source.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from gzslbench.data.folders import BUNDLED
from gzslbench.submission.confined.namespaces import SYSTEM_WIDE

SCRATCH_BYTES = 1 << 30
"""What ``/tmp`` and ``/dev/shm`` may take, each; they lie in memory."""
PROBE_S = 60.0
PROCESSOR = Path("/sys/devices/system/cpu")
"""Told by the kernel; numerical libraries choose by it how to compute."""
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/etc/alternatives", "/etc/ld.so.cache")
_PACKAGES = ("gzslbench", "gzslbench_plugins")
_INSIDE = Path("/plugin")
_PROBE = "import pathlib, sys, gzslbench; sys.exit(pathlib.Path(sys.argv[1]).exists())"


@dataclass(frozen=True)
class Room:
    """What one confined run is given: submitted source or none, and an empty folder, its own outside.

    ``hidden`` folders are kept out even where they lie in one that is shared.
    """

    folder: Path
    plugin: Path | None = None
    hidden: tuple[Path, ...] = ()

    def shares(self) -> list[tuple[Path, Path]]:
        """List what is shared read-only: where it lies, and where it is seen inside; outer folders first."""
        paths = sorted({path for path in _shared_paths() if path.exists()})
        plugin = [(self.plugin, _seen_inside(self.plugin))] if self.plugin else []
        return [*((path, path) for path in paths), *plugin]

    def covers(self) -> list[Path]:
        """List the folders, as they are seen inside, that an empty one is put over."""
        kept_out = [path.resolve() for path in (BUNDLED, *self.hidden)]
        return sorted(
            {
                inside / path.relative_to(outside.resolve())
                for outside, inside in self.shares()
                for path in kept_out
                if path.is_dir() and path.is_relative_to(outside.resolve())
            }
        )


class Confinement(Protocol):
    """One means of confinement."""

    @property
    def description(self) -> str:
        """What it is, for the provenance of a result."""

    def command(self, room: Room, program: Sequence[str]) -> list[str]:
        """Give the command that runs a program inside."""

    def plugin(self, room: Room) -> Path | None:
        """Say where the program finds the submitted source."""


@dataclass(frozen=True)
class Bubblewrap:
    """The program ``bwrap``."""

    executable: str
    forbids_nesting: bool
    """Whether it can forbid further user namespaces inside."""
    description: str = "bubblewrap"

    def command(self, room: Room, program: Sequence[str]) -> list[str]:
        """Give the command that runs a program inside."""
        scratch = ["--size", str(SCRATCH_BYTES), "--tmpfs"]
        arguments = ["--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        arguments += ["--disable-userns"] if self.forbids_nesting else []
        arguments += ["--proc", "/proc", "--dev", "/dev", *scratch, "/dev/shm", *scratch, "/tmp"]
        system_wide = [(path, path) for path in (Path("/proc", name) for name in SYSTEM_WIDE) if path.exists()]
        for outside, inside in (*system_wide, *room.shares()):
            arguments += ["--ro-bind", str(outside), str(inside)]
        for path in room.covers():
            arguments += ["--tmpfs", str(path), "--remount-ro", str(path)]
        arguments += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
        return [self.executable, *arguments, "--", *program]

    def plugin(self, room: Room) -> Path | None:
        """Say where the program finds the submitted source."""
        return _seen_inside(room.plugin) if room.plugin else None


@dataclass(frozen=True)
class Namespaces:
    """The kernel's namespaces, set up by ``unshare`` and :mod:`gzslbench.submission.confined.namespaces`."""

    executable: str
    description: str = "user namespaces"

    def command(self, room: Room, program: Sequence[str]) -> list[str]:
        """Give the command that runs a program inside."""
        plan = {
            "root": str(room.folder),
            "shares": [(str(outside), str(inside)) for outside, inside in room.shares()],
            "covers": [str(path) for path in room.covers()],
            "scratch_bytes": SCRATCH_BYTES,
            "program": list(program),
        }
        fresh = ["--user", "--map-root-user", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"]
        inner = [sys.executable, "-I", "-m", "gzslbench.submission.confined.namespaces", json.dumps(plan)]
        return [self.executable, *fresh, *inner]

    def plugin(self, room: Room) -> Path | None:
        """Say where the program finds the submitted source."""
        return _seen_inside(room.plugin) if room.plugin else None


@dataclass(frozen=True)
class Unconfined:
    """A process like any other, in an empty folder and with an empty environment: all that is left elsewhere."""

    reason: str

    @property
    def description(self) -> str:
        """What it is, for the provenance of a result."""
        return f"not confined: {self.reason}"

    def command(self, room: Room, program: Sequence[str]) -> list[str]:
        """Give the command as it is."""
        return list(program)

    def plugin(self, room: Room) -> Path | None:
        """Say where the program finds the submitted source."""
        return room.plugin


def confinement_here() -> Confinement:
    """Find the best means of confinement that works on this machine."""
    found = list(candidates())
    for candidate in found:
        if works(candidate):
            return candidate
    tried = " and ".join(candidate.description for candidate in found)
    return Unconfined(f"{tried} failed here" if tried else "neither bwrap nor unshare is here")


def candidates() -> Iterator[Confinement]:
    """List the means whose programs are installed, the best first; each may fail all the same."""
    if bwrap := shutil.which("bwrap"):
        told = subprocess.run([bwrap, "--help"], capture_output=True, text=True, timeout=PROBE_S, check=False)
        yield Bubblewrap(bwrap, "--disable-userns" in told.stdout)
    if unshare := shutil.which("unshare"):
        yield Namespaces(unshare)


def works(confinement: Confinement) -> bool:
    """Say whether a program runs inside, finds gzslbench, and does not find a file of this machine."""
    with tempfile.TemporaryDirectory() as place:
        canary = Path(place, "canary")
        canary.touch()
        room = Room(Path(place, "room"))
        room.folder.mkdir()
        probe = confinement.command(room, [sys.executable, "-I", "-c", _PROBE, str(canary)])
        try:
            run = subprocess.run(probe, env=environment(), capture_output=True, timeout=PROBE_S, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return run.returncode == 0


def environment(threads: int = 1) -> dict[str, str]:
    """Give all the environment variables that there are inside."""
    counts = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    plain = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "USER": "nobody", "LANG": "C.UTF-8"}
    return plain | counts | {"PYTHONDONTWRITEBYTECODE": "1"}


def _shared_paths() -> Iterator[Path]:
    yield from map(Path, _SYSTEM)
    yield PROCESSOR
    for prefix in (sys.prefix, sys.base_prefix, os.path.dirname(os.path.realpath(sys.executable))):  # noqa: PTH120
        yield Path(prefix)
        yield Path(prefix).resolve()
    for package in _PACKAGES:
        spec = find_spec(package)
        yield from map(Path, (spec.submodule_search_locations or ()) if spec else ())


def _seen_inside(plugin: Path) -> Path:
    return _INSIDE / plugin.name if plugin.is_file() else _INSIDE
