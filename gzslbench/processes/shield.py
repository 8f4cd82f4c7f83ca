"""Keeping files from a process and from all that it starts, by Landlock: that needs no rights, and can't be undone.

A process that is shielded can't read what is hidden, nor look into or signal processes that are not shielded with it.
Landlock lists what may be read, so all that does not lead to a hidden folder is listed: what is made beside that path
later can't be read either, but in folders that are there already, such as its own for temporary files. Where the system
lacks Landlock (Linux before 5.19, other systems), nothing is hidden.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

UNSHIELDED = "GZSLBENCH_UNSHIELDED"
"""The environment variable that hides nothing from anybody."""
_LIBC = ctypes.CDLL(None)
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READ_FILE, _MOVE_ELSEWHERE = 1 << 2, 1 << 13
_SCOPES = 1 << 0 | 1 << 1
"""Signals, and sockets without a path, to processes outside."""
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38
_SCOPES_SINCE, _MOVES_SINCE = 6, 2


@dataclass(frozen=True)
class Shield:
    """Folders and files that are hidden, and those in them that are needed all the same."""

    hidden: tuple[Path, ...] = ()
    needed: tuple[Path, ...] = ()

    def readable(self) -> Iterator[str]:
        """Give the largest folders, and files, that hold nothing hidden, and what is needed of the others."""
        hidden = {path.resolve() for path in self.hidden}
        yield from _around(Path("/"), hidden)
        for path in {path.resolve() for path in self.needed}:
            if not hidden.isdisjoint((path, *path.parents)):
                yield from _around(path, {each for each in hidden if path in each.parents})


def landlock_version() -> int:
    """Give the version of Landlock's interface that the system has, 0 for none."""
    return max(_call(_CREATE_RULESET, None, 0, 1), 0) if sys.platform == "linux" else 0


def raise_shield(shield: Shield) -> bool:
    """Hide files from this thread and all that it starts; False where that can't be done."""
    version = landlock_version()
    if version < _MOVES_SINCE:
        return False
    handled = [_READ_FILE | _MOVE_ELSEWHERE, 0, _SCOPES if version >= _SCOPES_SINCE else 0]
    attributes = struct.pack("=3Q", *handled)[: 24 if version >= _SCOPES_SINCE else 8]
    ruleset = _call(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        for path in shield.readable():
            _allow(ruleset, path)
        _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return _call(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _around(place: Path, hidden: Iterable[Path]) -> Iterator[str]:
    """Give the largest folders and files in ``place`` that neither are hidden nor lead to what is."""
    left_out = set(map(str, hidden))
    on_the_way = {str(parent) for path in hidden for parent in path.parents}
    waiting = [str(place)]
    while waiting:
        each = waiting.pop()
        if each in left_out:
            continue
        if each in on_the_way:
            known = [path for path in left_out | on_the_way if os.path.dirname(path) == each != path]  # noqa: PTH120
            waiting += _entries(each) or known
        else:
            yield each


def _entries(folder: str) -> list[str]:
    with suppress(OSError), os.scandir(folder) as entries:
        return [entry.path for entry in entries if not entry.is_symlink()]  # a link is followed to where it leads
    return []


def _allow(ruleset: int, path: str) -> None:
    with suppress(OSError):  # of what has gone meanwhile
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            rights = _READ_FILE | (_MOVE_ELSEWHERE if is_folder else 0)
            _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
        finally:
            os.close(descriptor)


def _call(number: int, *arguments: int | bytes | None) -> int:
    return int(_LIBC.syscall(number, *arguments))
