"""A plugin that looks for test labels wherever it can, and does other things that submitted code should not.

``peek`` also runs where nothing confines it, to show that it would find labels: it changes nothing anywhere.
"""

from __future__ import annotations

import mmap
import os
import pickle
import socket
import stat
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import gzslbench
from gzslbench.contract import Classifier, Info, hookimpl
from gzslbench.evaluation.job import CellResult
from gzslbench.processes.wire import Teller
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import Phase, Timings
from gzslbench.runner.messages import CellReported, written

LABELLED = ("res101.mat", "att_splits.mat", "labels.npy", "answers.npz")


@dataclass(frozen=True)
class Config:
    """What to do, and where its author guesses that labels are."""

    how: str = "peek"
    data: str = "/nowhere"
    cache: str = "/nowhere"
    results: str = "/nowhere"
    root: str = "/"
    secret: str = "/nowhere"
    port: int = 0
    pid: int = 0
    address: int = 0
    mark: str = ""


class Peeking(Classifier):
    info = Info("peeking", summary="finds what it should not")
    Config = Config

    def fit(self, view, ctx):
        getattr(self, f"_{self.config.how}")()

    def scores(self, features, classes):
        if self.config.how == "nan":
            return torch.full((len(features), len(classes)), torch.nan)
        return torch.zeros(len(features) - 1, len(classes))

    def _nan(self):
        """Predict NaN, later."""

    def _shape(self):
        """Predict too few rows, later."""

    def _peek(self):
        found = [what for what, look in self._places().items() if _comes_true(look)]
        raise RuntimeError(f"found {', '.join(found) or 'nothing'}")

    def _places(self) -> dict[str, Callable[[], object]]:
        config = self.config
        return {
            "data": lambda: list(_labelled(config.data)),
            "cache": lambda: list(Path(config.cache).iterdir()),
            "results": lambda: Path(config.results, "answers.npz").read_bytes(),
            "bundled": lambda: list(_labelled(str(Path(gzslbench.__file__).parent))),
            "loaders": _load_bundled,
            "walk": lambda: list(_labelled(config.root)),
            "memory": self._parent_memory,
            "processes": lambda: Path(f"/proc/{config.pid}/environ").read_bytes(),
            "descriptors": lambda: list(Path(f"/proc/{config.pid}/fd").iterdir()),
            "environment": lambda: [name for name in os.environ if name.startswith("GZSLBENCH")],
            "network": lambda: socket.create_connection(("127.0.0.1", config.port), timeout=5),
            "writing": lambda: os.access(gzslbench.__file__, os.W_OK) or os.access(__file__, os.W_OK),
            "system": lambda: os.access("/proc/sys/kernel/core_pattern", os.W_OK),
            "rights": lambda: int(_status("CapEff"), 16) or int(_status("CapBnd"), 16),
            "namespaces": lambda: subprocess.run(["unshare", "--user", "true"], check=False).returncode == 0,
        }

    def _parent_memory(self) -> bool:
        with Path(f"/proc/{self.config.pid}/mem").open("rb", buffering=0) as memory:
            memory.seek(self.config.address)
            return memory.read(len(self.config.mark)) == self.config.mark.encode()

    def _leave(self):
        notes = [Path(folder, self.config.mark) for folder in ("/tmp", "/dev/shm", Path.cwd(), self.config.secret)]
        found = [note for note in notes if note.exists()]
        for note in notes:
            _comes_true(note.touch)
        raise RuntimeError(f"found {found or 'nothing'}")

    def _hang(self):
        while True:
            time.sleep(1)

    def _daemon(self):
        subprocess.Popen(["sleep", self.config.mark], start_new_session=True)
        raise RuntimeError("left a daemon")

    def _crash(self):
        os.abort()

    def _exit(self):
        print("first\n\x1b[2J I give up", flush=True)
        os._exit(0)

    def _memory(self):
        kept = []
        while True:
            kept.append(bytearray(1 << 26))

    def _shared(self):
        shared = mmap.mmap(-1, 1 << 31)
        for _ in range(1 << 11):
            shared.write(b"x" * (1 << 20))
        time.sleep(60)

    def _forks(self):
        until = time.monotonic() + 120  # the keeper finds it within seconds, on a busy machine within a minute
        while time.monotonic() < until:
            with suppress(OSError):
                os.fork()
        os._exit(0)

    def _pickle(self):
        payload = pickle.dumps(Touch(self.config.secret))
        self._say(b'[["_Reported", {}], [["predicted", "|u1", [%d]]]]' % len(payload), payload)

    def _padded_pickle(self):
        """Report a pickle as the classes of all test samples."""
        count = self.config.port
        payload = pickle.dumps(Touch(self.config.secret)).ljust(8 * count, b".")
        whole = dict.fromkeys(("predicted", "best_seen", "best_unseen"), np.frombuffer(payload, np.int64))
        arrays = whole | {"samples": np.arange(count), "margin": np.zeros(count), "log_prior": np.zeros((count, 2))}
        phase = Phase(0.1, 0.1)
        timings = Timings(None, None, phase, phase, (0.1,), count, 0.0, 0.0, 1, 1.0, None)
        report = written(CellReported(0, CellResult(Predictions.of(arrays), timings)))
        for line in _sockets():
            Teller(line).tell(*report)
        time.sleep(60)

    def _bare_pickle(self):
        payload = pickle.dumps(Touch(self.config.secret))
        self._say(payload)

    def _say(self, header: bytes, payload: bytes = b""):
        for line in _sockets():
            line.sendall(struct.pack(">QQ", len(header), len(payload)) + header + payload)
        time.sleep(60)


class Touch:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def _labelled(root: str) -> Iterator[Path]:
    for folder, _, files in os.walk(root):
        yield from (Path(folder, name) for name in files if name in LABELLED)


def _load_bundled():
    from gzslbench.data.catalogue import Catalogue

    with tempfile.TemporaryDirectory() as cache:
        return Catalogue.find([]).open("glyphs", Path(cache)).labels.any()


def _status(field: str) -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{field}:"))


def _sockets() -> Iterator[socket.socket]:
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                yield socket.socket(fileno=os.dup(number))
        except OSError:
            continue


def _comes_true(look: Callable[[], object]) -> bool:
    try:
        return bool(look())
    except Exception:
        return False


@hookimpl
def gzslbench_classifiers():
    return [Peeking]
