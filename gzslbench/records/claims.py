"""Claims: which run has which cells in hand, so that several runs can share a folder of results.

A claim is a file ``results/claims/<digest>.<number>``, which one process alone can create, and touches as long as it
lives. One that was not touched for five minutes (``GZSLBENCH_CLAIM_S`` says otherwise, in seconds) has expired; whoever
creates the next number takes it over. Times are compared as the file system gives them, never with the clock of a
machine.
"""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from gzslbench.errors import UsageError
from gzslbench.files import disk_errors

EXPIRED_S = 300.0
TOUCHES = 10
"""How often a claim is touched in the time after which it would expire."""


class Claims:
    """What this process claims, cells by their digests; a context, at whose end nothing is claimed."""

    def __init__(self, results: Path) -> None:
        self._folder, self._expired_s = _folder_of(results), _expired_s()
        self._name = f"process {os.getpid()} on {platform.node()}"
        self._held: dict[str, Path] = {}
        self._ended = threading.Event()
        self._touching = threading.Thread(target=self._touch, daemon=True)

    def __enter__(self) -> Claims:
        with disk_errors(f"can't write in {self._folder}"):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._clock = TemporaryFile(dir=self._folder)
        self._touching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._touching.join()
        self.release(list(self._held))
        self._clock.close()

    def take(self, digests: Iterable[str]) -> bool:
        """Claim all of some cells, or none where another process has one of them."""
        taken: list[str] = []
        for digest in sorted(digests):  # in one order everywhere: of two processes that want the same, one gets it
            if not self._take(digest):
                self.release(taken)
                return False
            taken.append(digest)
        return True

    def release(self, digests: Iterable[str]) -> None:
        """Give claims up, and remove what they were taken over from."""
        for digest in digests:
            if mine := self._held.pop(digest, None):
                earlier = [path for path in self._folder.glob(f"{digest}.*") if _number(path) < _number(mine)]
                for path in (*earlier, mine):
                    path.unlink(missing_ok=True)

    def holder(self, digest: str) -> str:
        """Name the process that has a cell in hand, and its machine; empty where none has."""
        last = max(self._folder.glob(f"{digest}.*"), key=_number, default=None)
        with suppress(OSError):
            return last.read_text() if last else ""
        return ""

    def _take(self, digest: str) -> bool:
        """Create the first claim on a cell, or the next one where the last has expired and is still what it was."""
        last = max(self._folder.glob(f"{digest}.*"), key=_number, default=None)
        touched_ns = _touched_ns(last) if last else 0
        if last and self._now_ns() - touched_ns <= self._expired_s * 1e9:
            return False
        mine = self._folder / f"{digest}.{_number(last) + 1 if last else 0}"
        with disk_errors(f"can't write {mine}"):
            try:
                with mine.open("x") as file:
                    file.write(self._name)
            except FileExistsError:
                return False
        if last and _touched_ns(last) != touched_ns:  # its process lives, or another one took it over and gave it up
            mine.unlink()
            return False
        self._held[digest] = mine
        return True

    def _now_ns(self) -> int:
        """Say how late it is by the clock that the files of this folder go by."""
        os.utime(self._clock.fileno())
        return os.fstat(self._clock.fileno()).st_mtime_ns

    def _touch(self) -> None:
        while not self._ended.wait(self._expired_s / TOUCHES):
            for path in list(self._held.values()):
                with suppress(OSError):
                    os.utime(path)


def drop_dead_claims(results: Path) -> None:
    """Remove the claims of this machine's processes, where none of them is left."""
    for path in _folder_of(results).glob("*"):
        with suppress(OSError):
            if path.read_text().endswith(f" on {platform.node()}"):
                path.unlink()


def _folder_of(results: Path) -> Path:
    return results / "claims"


def _number(claim: Path) -> int:
    return int(claim.suffix[1:])


def _touched_ns(path: Path) -> int:
    """Say when a file was last touched; the end of time for one that is gone, which nothing follows on."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 1 << 63


def _expired_s() -> float:
    given = os.environ.get("GZSLBENCH_CLAIM_S", str(EXPIRED_S))
    with suppress(ValueError):
        if float(given) > 0:
            return float(given)
    raise UsageError(f"GZSLBENCH_CLAIM_S is '{given}'", "give seconds, such as 300")
