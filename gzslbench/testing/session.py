"""Finding what a name means, and checking it in processes of its own: a crash costs the check that it happened in."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from gzslbench.contract.info import Method
from gzslbench.errors import ContractError, PluginError, nearest
from gzslbench.processes.child import child_process, start_fork_server
from gzslbench.processes.wire import Frame, Listener, Teller
from gzslbench.registry.combinations import in_a_folder
from gzslbench.registry.declarations import Listed, PluginSource, find_plugins, is_path, plugins_at, read_listing
from gzslbench.registry.settings import Settings
from gzslbench.runner.failures import cause_of_exit, one_line
from gzslbench.testing.checks import Outcome, Subject
from gzslbench.testing.perform import CHECKS, perform

START_S = 120.0
"""What the first process may take beyond the limit of a check: it waits for our own imports."""


def find_subjects(name: str) -> list[tuple[PluginSource, list[Subject]]]:
    """Find the plugins that ``name`` means and list what of each is to be checked, itself first, without importing any.

    They are several where a folder has them. A plugin or a file stands for all that it declares, a component for
    itself, a method for itself and those of its components that are in the same plugin. Raises :class:`PluginError`
    naming the nearest names.
    """
    if is_path(name):
        return [(source, _subjects(source, read_listing([source]))) for source in plugins_at(Path(name))]
    listings = {source: read_listing([source]) for source in find_plugins()}
    for source, listed in listings.items():
        if source.name == name:
            return [(source, _subjects(source, listed))]
    for source, listed in listings.items():
        if chosen := _chosen(name, listed):
            return [(source, _subjects(source, chosen))]
    known = {source.name for source in listings} | {each.info.name for listed in listings.values() for each in listed}
    raise PluginError(f"there is no plugin, component or method '{name}'", in_a_folder(name) or nearest(name, known))


def _chosen(name: str, listed: Sequence[Listed]) -> list[Listed]:
    named = [each for each in listed if each.info.name == name]
    methods = [each.info for each in named if isinstance(each.info, Method)]
    used = {(kind, getattr(method, kind)) for method in methods for kind in ("generator", "gate", "classifier")}
    return named + [each for each in listed if (each.kind, each.info.name) in used and each not in named]


def _subjects(source: PluginSource, listed: Sequence[Listed]) -> list[Subject]:
    return [Subject("plugin", source.name), *(Subject(each.kind, each.info.name) for each in listed)]


def check_subjects(
    source: PluginSource, subjects: Sequence[Subject], settings: Settings, timeout_s: float
) -> Iterator[Outcome]:
    """Check subjects one after the other; gives each outcome as it comes, whatever becomes of their processes."""
    start_fork_server(threads=1)
    for subject in subjects:
        with tempfile.TemporaryDirectory(prefix="gzslbench-check-", ignore_cleanup_errors=True) as folder:
            yield from _checked(source, subject, settings, timeout_s, Path(folder, "log.txt"))


def _checked(
    source: PluginSource, subject: Subject, settings: Settings, timeout_s: float, log: Path
) -> Iterator[Outcome]:
    left = [each.name for each in CHECKS[subject.kind]]
    at = "loads"
    limit = time.monotonic() + timeout_s + START_S
    with (
        child_process(log, _examine, source, subject, settings) as (process, pipe),
        closing(Listener(pipe)) as listener,
    ):
        try:
            while frame := listener.hear(max(0.0, limit - time.monotonic())):
                limit = time.monotonic() + timeout_s
                check, status, detail = _told(frame, left)
                if status == "begun":
                    at = check
                    continue
                left.remove(check)
                yield Outcome(subject, check, status, detail)
                if not left:
                    return
            reason = (
                f"it took longer than {timeout_s:g} s; count training steps by ctx.steps, which are few here, or "
                "raise --timeout"
            )
        except ContractError as error:
            reason = str(error)
        except (EOFError, OSError):
            process.join(timeout=5)
            reason = cause_of_exit(process.exitcode, f"'{at}' of {subject}", "").reason
    yield Outcome(subject, at, "FAILED", reason)
    yield from (Outcome(subject, name, "skipped", f"'{at}' ended the process") for name in left if name != at)


def _told(frame: Frame, left: Sequence[str]) -> tuple[str, Literal["begun", "ok", "FAILED", "skipped"], str]:
    """Take a check, how it stands and a remark from what the process said; raises :class:`ContractError` otherwise."""
    match frame.value:
        case [str(check), "begun" | "ok" | "FAILED" | "skipped" as status, str(detail)] if check in left:
            return check, status, one_line(detail)
    raise ContractError("a component made its process say something else than how checks end", "read its source")


def _examine(pipe: Connection, source: PluginSource, subject: Subject, settings: Settings) -> None:
    """Run the checks of a subject; tells which begins, and how each has ended."""
    import torch

    torch.set_num_threads(1)
    tell = Teller(pipe).tell
    for outcome in perform(source, subject, settings, begin=lambda check: tell([check, "begun", ""])):
        tell([outcome.check, outcome.status, outcome.detail])
