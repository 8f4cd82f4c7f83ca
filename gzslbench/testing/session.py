"""Finding what a name means, and checking it in processes of its own: a crash costs the check that it happened in."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from gzslbench.contract.info import Method
from gzslbench.errors import PluginError, nearest
from gzslbench.processes.child import child_process, start_fork_server
from gzslbench.registry.combinations import in_a_folder
from gzslbench.registry.declarations import Listed, PluginSource, find_plugins, is_path, plugins_at, read_listing
from gzslbench.registry.settings import Settings
from gzslbench.runner.failures import cause_of_exit
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
    left: list[str] = []
    at = "loads"
    limit = time.monotonic() + timeout_s + START_S
    with child_process(log, _examine, source, subject, settings) as (process, pipe):
        try:
            while pipe.poll(max(0.0, limit - time.monotonic())):
                message = pipe.recv()
                limit = time.monotonic() + timeout_s
                match message:
                    case list():
                        left = message
                    case str():
                        at = message
                    case Outcome():
                        left.remove(message.check)
                        yield message
                        if not left:
                            return
            reason = (
                f"it took longer than {timeout_s:g} s; count training steps by ctx.steps, which are few here, or "
                "raise --timeout"
            )
        except (EOFError, OSError):
            process.join(timeout=5)
            reason = cause_of_exit(process.exitcode, f"'{at}' of {subject}", "").reason
    yield Outcome(subject, at, "FAILED", reason)
    yield from (Outcome(subject, name, "skipped", f"'{at}' ended the process") for name in left if name != at)


def _examine(pipe: Connection, source: PluginSource, subject: Subject, settings: Settings) -> None:
    """Run the checks of a subject; sends their names, then each name as it begins and each outcome as it comes."""
    import torch

    torch.set_num_threads(1)
    pipe.send([each.name for each in CHECKS[subject.kind]])
    for outcome in perform(source, subject, settings, begin=pipe.send):
        pipe.send(outcome)
