"""The first process in fresh namespaces: it builds a root of what is shared, gives up all rights, and runs a program.

Started by ``unshare``, it is root in a user namespace of its own and process 1 in its process namespace, so that with
its end all other processes inside are killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)

MS_BIND, MS_REC, MNT_DETACH = 0x1000, 0x4000, 2
AT_FDCWD, AT_RECURSIVE, SYS_MOUNT_SETATTR = -100, 0x8000, 442
READ_ONLY, NO_SETUID, NO_DEVICES = 1, 2, 4
PR_CAPBSET_DROP, CAPABILITIES, PR_SET_NO_NEW_PRIVS = 24, 64, 38
DEVICES = ("null", "zero", "full", "random", "urandom")
SYSTEM_WIDE = ("sys", "sysrq-trigger", "irq", "bus")
"""Parts of ``/proc`` that the machine's root may write to without any capability."""


def main(plan: str) -> None:
    """Do as the plan of :class:`gzslbench.submission.confined.confinement.Namespaces` says; never returns."""
    told = json.loads(plan)
    root = Path(told["root"])
    _mount("tmpfs", root, "tmpfs", f"size={told['scratch_bytes']}")
    for name in ("tmp", "dev/shm"):
        _empty(root / name, told["scratch_bytes"])
    _share_devices(root)
    for outside, inside in told["shares"]:
        _share(Path(outside), _under(root, inside))
    for path in told["covers"]:
        _empty(_under(root, path), 4096)
        _set_attributes(_under(root, path), READ_ONLY)
    _mount_processes(root / "proc")
    _enter(root)
    _give_up_rights()
    _run(told["program"])


def _share_devices(root: Path) -> None:
    for name in DEVICES:
        (root / "dev" / name).touch()
        _mount(f"/dev/{name}", root / "dev" / name, flags=MS_BIND)


def _share(outside: Path, inside: Path) -> None:
    if outside.is_dir():
        inside.mkdir(parents=True, exist_ok=True)
    elif not inside.exists():
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.touch()
    _mount(str(outside), inside, flags=MS_BIND | MS_REC)
    _set_attributes(inside, READ_ONLY | NO_SETUID | NO_DEVICES)


def _mount_processes(proc: Path) -> None:
    """Mount a ``/proc`` of this process namespace; nothing inside may make namespaces, or change the system."""
    proc.mkdir()
    _mount("proc", proc, "proc")
    (proc / "sys/user/max_user_namespaces").write_text("0")
    for name in SYSTEM_WIDE:
        if (proc / name).exists():
            _mount(str(proc / name), proc / name, flags=MS_BIND | MS_REC)
            _set_attributes(proc / name, READ_ONLY)


def _enter(root: Path) -> None:
    """Make ``root`` the root, and lose the old one."""
    _set_attributes(root, READ_ONLY, recursive=False)
    os.chdir(root)
    _check(_libc.pivot_root(b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/tmp")


def _give_up_rights() -> None:
    """Empty the bounding set: the program that is run next then has no capability at all, and can get none."""
    for capability in range(CAPABILITIES):
        _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def _run(program: list[str]) -> None:
    os.execv(program[0], program)


def _empty(path: Path, size: int) -> None:
    path.mkdir(parents=True, exist_ok=True)
    _mount("tmpfs", path, "tmpfs", f"size={size}")


def _mount(source: str, target: Path, kind: str = "", options: str = "", flags: int = 0) -> None:
    arguments = (source.encode(), os.fsencode(target), kind.encode() or None, ctypes.c_ulong(flags), options.encode())
    _check(_libc.mount(*arguments), f"mount {target}")


def _set_attributes(path: Path, attributes: int, recursive: bool = True) -> None:
    """Set attributes of a mount and, unless told otherwise, of all below it."""
    values = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    flags = AT_RECURSIVE if recursive else 0
    size = ctypes.c_size_t(ctypes.sizeof(values))
    call = (ctypes.c_long(SYS_MOUNT_SETATTR), AT_FDCWD, os.fsencode(path), flags, ctypes.byref(values), size)
    _check(_libc.syscall(*call), f"mount_setattr {path}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _under(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


if __name__ == "__main__":
    main(sys.argv[1])
