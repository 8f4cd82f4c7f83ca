"""Foreign files are read in a process of its own, so that none can end, block or fill the one that asks.

A damaged or hostile file can make the libraries that read it crash, loop or take all memory. So one process has these
libraries imported, and forks another for each file. That one hands arrays over as ``.npy`` files and the rest as JSON,
never as pickles. All of them end with the process that asks.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from gzslbench.data.entry import Entry, load_entry, save_entry
from gzslbench.errors import DataError
from gzslbench.processes.keeper import bound, machine_memory

Argument = str | int | None
LEAST_MEMORY_BYTES = 4 << 30
MEMORY_PER_BYTE = 64
"""What reading may take for each byte of the file, compressed ones among them, beyond that."""
MOST_OF_MACHINE = 0.75
"""Share of the machine's memory that reading may take at most."""
LEAST_TIME_S = 60
TIME_S_PER_BYTE = 1e-6
OUT_OF_MEMORY = 70
"""Exit code of a process that met its limit of memory."""
LIBRARIES = {"gzslbench.data.tables": ("pandas",)}
"""What the functions of a module need beside those of MATLAB files, to be imported once for all of them."""
_asking = threading.Lock()
_servers: dict[int, subprocess.Popen[bytes]] = {}
"""The server of this process, by its number, so that a forked copy of it starts its own."""


def read_in_process(
    reader: Callable[..., Entry], path: Path, *arguments: Argument, scratch: Path | None = None
) -> Entry:
    """Give what ``reader(path, *arguments)``, a function of a module, makes of a file; its large arrays are mapped.

    ``scratch`` is a folder for what is handed over, the system's temporary one where it is None. Raises
    :class:`DataError` as the reader does, and where reading ends the process or takes too much time or memory.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist" if not path.exists() else f"{path} is no file", "check the path")
    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".reading-", dir=scratch) as folder:
        _read(reader, path, arguments, Path(folder))
        entry = load_entry(Path(folder))
    if entry is None:
        raise DataError(f"{path} can't be read: what was read of it is damaged", "see that the disk has room")
    return entry


def _read(reader: Callable[..., Entry], path: Path, arguments: tuple[Argument, ...], folder: Path) -> None:
    size = path.stat().st_size
    time_s = int(LEAST_TIME_S + size * TIME_S_PER_BYTE)
    memory = int(min(LEAST_MEMORY_BYTES + size * MEMORY_PER_BYTE, machine_memory() * MOST_OF_MACHINE))
    whole = str(path.resolve())
    code = _ask([reader.__module__, reader.__qualname__, whole, list(arguments), str(folder), time_s, memory])
    reasons = {
        OUT_OF_MEMORY: f"it takes more than {memory / 2**30:.1f} GiB of memory",
        -signal.SIGALRM: f"it takes more than {time_s:,} s",
    }
    if code:
        died = f"it ends the process that reads it ({signal.Signals(-code).name})" if code < 0 else f"code {code}"
        raise DataError(
            f"{path} can't be read: {reasons.get(code, died)}",
            "it is damaged, or made to do harm: copy or download it again",
        )
    failed = folder / "error.json"
    if failed.exists():
        raise DataError(*(text.replace(whole, str(path)) for text in json.loads(failed.read_text())))


def _ask(task: list[Any]) -> int:
    """Have a task done and give its exit code, negative for the signal that ended it."""
    with _asking:
        server = _servers.get(os.getpid())
        if server is None or server.poll() is not None:
            server = _servers[os.getpid()] = _start()
        assert server.stdin, "it is a pipe"
        assert server.stdout, "it is a pipe"
        try:
            server.stdin.write(json.dumps(task).encode() + b"\n")
            server.stdin.flush()
            return int(server.stdout.readline())
        except BaseException as error:  # an interrupt, too, leaves an answer that no one waits for
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()
            del _servers[os.getpid()]
            if isinstance(error, OSError | ValueError):
                raise DataError("the process that reads files has ended", "run the same command again") from error
            raise


def _start() -> subprocess.Popen[bytes]:
    imports = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | one_thread | imports,
        start_new_session=True,
    )


def _serve() -> None:
    """Fork a process for each task that comes in, one at a time, and answer with its exit code."""
    for line in sys.stdin:
        for library in ("scipy.io", "h5py", *LIBRARIES.get(json.loads(line)[0], ())):
            importlib.import_module(library)
        child = os.fork()
        if not child:
            _perform(*json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _perform(
    module: str, name: str, path: str, arguments: list[Argument], folder: str, time_s: int, memory: int
) -> NoReturn:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):  # which the server's own words go over
        os.dup2(nowhere, descriptor)
    signal.alarm(time_s)
    bound(resource.RLIMIT_AS, memory)
    bound(resource.RLIMIT_CORE, 0)
    code = 0
    try:
        try:
            reader: Any = getattr(importlib.import_module(module), name)
            save_entry(Path(folder), reader(Path(path), *arguments))
        except DataError as error:
            (Path(folder) / "error.json").write_text(json.dumps([error.what, error.remedy]))
        except OSError as error:
            said = [f"{path} can't be read ({error.strerror})", f"see that {folder} has room"]
            (Path(folder) / "error.json").write_text(json.dumps(said))
    except MemoryError:
        code = OUT_OF_MEMORY
    except BaseException:
        code = 1
    os._exit(code)


if __name__ == "__main__":
    _serve()
