"""Where submitted code runs: a file system of its own without labels, no network, and no sight of other processes.

Inside are, read-only, the system's programs and libraries, this Python with its packages, gzslbench itself and the
submitted source; ``/tmp`` and ``/dev/shm`` are empty, bounded and gone afterwards. Nothing else of the machine is
there: no data folder, no cache, no results, no home. What lies inside a shared folder all the same, such as the bundled
data, is covered by an empty folder. The program bubblewrap sets this up.

The kernel is shared with the machine, and labels that submitted code brings along in its own source stay with it:
confinement does not replace reading that source.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from gzslbench.data.folders import BUNDLED
from gzslbench.errors import UsageError
from gzslbench.submission.line import last_line

SCRATCH_BYTES = 1 << 30
"""What ``/tmp`` and ``/dev/shm`` may take, each; they lie in memory."""
PROBE_S = 60.0
_SHARED = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/etc/alternatives", "/etc/ld.so.cache"),
    "/sys/devices/system/cpu",  # numerical libraries choose by it how to compute
)
_SYSTEM_WIDE = ("sys", "sysrq-trigger", "irq", "bus")
"""Parts of ``/proc`` that the machine's root may write to without any capability."""
_INSIDE = Path("/plugin")
_PROBE = """
import pathlib, sys, gzslbench
sys.exit("a file of this machine is seen inside" if pathlib.Path(sys.argv[1]).exists() else 0)
"""
_REMEDY = (
    "install it where user namespaces are allowed (apt install bubblewrap, dnf install bubblewrap), or run the code "
    "without confinement by --unconfined"
)


@dataclass(frozen=True)
class Room:
    """What one confined run is given: submitted source, or none.

    ``hidden`` folders are kept out even where they lie in one that is shared.
    """

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


@dataclass(frozen=True)
class Bubblewrap:
    """The program ``bwrap``; newer ones can forbid further user namespaces inside."""

    executable: str
    forbids_nesting: bool = False
    description: str = "bubblewrap"
    """What it is, for the provenance of a result."""

    def command(self, room: Room, program: Sequence[str]) -> list[str]:
        scratch = ["--size", str(SCRATCH_BYTES), "--tmpfs"]
        arguments = ["--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        arguments += ["--disable-userns"] if self.forbids_nesting else []
        arguments += ["--proc", "/proc", "--dev", "/dev", *scratch, "/dev/shm", *scratch, "/tmp"]
        system_wide = [(path, path) for path in (Path("/proc", name) for name in _SYSTEM_WIDE) if path.exists()]
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
class Unconfined:
    """A process like any other, in an empty folder and with an empty environment: only where a user asks for it."""

    description: str = "not confined"

    def command(self, room: Room, program: Sequence[str]) -> list[str]:
        return list(program)

    def plugin(self, room: Room) -> Path | None:
        return room.plugin


Confinement = Bubblewrap | Unconfined


def bubblewrap() -> Bubblewrap:
    """Find bubblewrap and try it out; raises :class:`UsageError` where it is not installed, or does not work here."""
    executable = shutil.which("bwrap")
    if executable is None:
        raise UsageError("submitted code is confined by bubblewrap, which is not installed", _REMEDY)
    told = ""
    with suppress(OSError, subprocess.TimeoutExpired):  # what is wrong then, the probe tells
        told = subprocess.run([executable, "--help"], capture_output=True, text=True, timeout=PROBE_S).stdout
    found = Bubblewrap(executable, "--disable-userns" in told)
    problem = failure_of(found)
    if problem:
        raise UsageError(f"submitted code is confined by bubblewrap, which does not work here ({problem})", _REMEDY)
    return found


def failure_of(confinement: Confinement) -> str:
    """Say why no program runs inside that finds gzslbench and not a file of this machine; empty where one does."""
    with tempfile.TemporaryDirectory() as place:
        canary = Path(place, "canary")
        canary.touch()
        probe = confinement.command(Room(), [sys.executable, "-I", "-c", _PROBE, str(canary)])
        try:
            run = subprocess.run(
                probe, env=environment(), capture_output=True, text=True, errors="replace", timeout=PROBE_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    return "" if run.returncode == 0 else last_line(run.stderr, f"exit code {run.returncode}")


def environment(threads: int = 1) -> dict[str, str]:
    """Give all the environment variables that there are inside."""
    counts = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    plain = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "USER": "nobody", "LANG": "C.UTF-8"}
    return plain | counts | {"PYTHONDONTWRITEBYTECODE": "1"}


def _shared_paths() -> Iterator[Path]:
    yield from map(Path, _SHARED)
    for prefix in (Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent):
        yield from (prefix, prefix.resolve())
    for package in ("gzslbench", "gzslbench_plugins"):
        spec = find_spec(package)
        yield from map(Path, (spec.submodule_search_locations or ()) if spec else ())


def _seen_inside(plugin: Path) -> Path:
    return _INSIDE / plugin.name if plugin.is_file() else _INSIDE
