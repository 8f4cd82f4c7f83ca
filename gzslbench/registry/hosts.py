"""Foreign plugins, each in a process of its own, so that none of their code runs where results are planned and stored.

Such a host imports one plugin, says what it registers, checks settings and makes data sets. It answers in frames of
:mod:`gzslbench.processes.wire`, and leaves arrays in files of numpy's own format: reading them runs no code here.
"""

from __future__ import annotations

import json
import math
import signal
import tempfile
import time
import traceback
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import fields
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from gzslbench.contract.dataset import DataSet, Provenance
from gzslbench.contract.info import DataInfo, Info, Makes, Method, Need
from gzslbench.data.entry import Entry as Arrays
from gzslbench.data.loading import LoadableSource, data_set_of, entry_of
from gzslbench.errors import ConfigError, DataError, GzslbenchError, PluginError
from gzslbench.processes.child import child_process, start_fork_server, tail
from gzslbench.processes.keeper import STRUCK
from gzslbench.processes.wire import Listener, Teller
from gzslbench.registry.declarations import PluginSource, find_plugins
from gzslbench.registry.registry import (
    BrokenElsewhereError,
    Entry,
    Registry,
    RemoteComponent,
    checked_name,
    load_plugins,
    registered,
    sentence,
)

START_S = 120.0
"""What the first host may take to start: it waits for the imports of the fork server."""
IMPORT_S = 60.0
"""What the import of a plugin may take, and an answer of it, where no other limit is given."""
REMEDY = "let its modules do less when they are imported, or raise --timeout"
POLL_S = 0.2


def open_plugins(
    files: Sequence[Path] = (), sources: Iterable[PluginSource] | None = None, timeout_s: float | None = None
) -> Registry:
    """Load the given plugins, or all that can be found: gzslbench's own in this process, each foreign one in a host.

    Hosts start at once and end with the last reference to what they registered. A plugin whose import takes longer than
    ``timeout_s``, or ends its host, is broken.
    """
    found = find_plugins(files) if sources is None else list(sources)
    foreign = [source for source in found if source.foreign]
    if foreign:
        start_fork_server(threads=1)
    hosts = {source: _Host(source, timeout_s or IMPORT_S) for source in foreign}
    return load_plugins(sources=found, load=lambda each: hosts[each].entries() if each in hosts else registered(each))


class _Host:
    """A process with one foreign plugin, and what it is asked."""

    def __init__(self, source: PluginSource, limit_s: float) -> None:
        self._source, self._limit_s = source, limit_s
        exits = ExitStack()
        folder = exits.enter_context(tempfile.TemporaryDirectory(prefix="gzslbench-host-", ignore_cleanup_errors=True))
        self._log = Path(folder, "log.txt")
        self._process, pipe = exits.enter_context(child_process(self._log, answer, source))
        self._listener = Listener(pipe)
        self._end = weakref.finalize(self, exits.close)

    def entries(self) -> list[Entry]:
        """Give what the plugin registers; raises :class:`PluginError` where it is broken."""
        began_s = self._hear("its start", START_S)["began_s"]  # told before any code of the plugin runs
        said = self._hear("its import", self._limit_s, began_s)
        if "error" in said:
            raise BrokenElsewhereError(str(said["error"]), str(said["traceback"]))
        components: dict[object, RemoteComponent] = {}
        try:
            return [self._entry(components, **each) for each in said["entries"]]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PluginError(f"what it registers can't be read: {error!r}", "declare it by literals") from error

    def _entry(
        self, components: dict[object, RemoteComponent], kind: str, info: dict[str, Any], code: int, **place: str
    ) -> Entry:
        """Rebuild an entry; ``components`` has one for each class, since one class may play two roles."""
        name = checked_name(kind, info["name"])
        what: Method | LoadableSource | RemoteComponent
        if kind == "method":
            what = Method(**info)
        elif kind == "data set":
            file, origin = Path(place["file"]) if place["file"] else None, place["origin"]
            what = LoadableSource(DataInfo(**info), origin, file, partial(self._load, name, origin))
        else:
            members = {"needs": tuple(map(Need, info["needs"])), "makes": tuple(map(Makes, info["makes"]))}
            declared = Info(**{**info, **members, "precisions": tuple(info["precisions"])})
            what = components.setdefault(code, RemoteComponent(declared, partial(self._configured, kind, name)))
        return Entry(kind, name, what, self._source)

    def _configured(self, kind: str, name: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        said = self._ask(f"the check of settings of '{name}'", self._limit_s, configure=[kind, name, values])
        if "error" in said:
            raise ConfigError(str(said["error"]), str(said["remedy"]))
        return dict(said["settings"])

    def _load(self, name: str, origin: str) -> DataSet:
        with tempfile.TemporaryDirectory(prefix="gzslbench-data-") as folder:
            said = self._ask(f"load() of '{name}'", math.inf, load=[name, folder])
            if "error" in said:
                raise DataError(f"load() of '{name}' failed: {said['error']}", str(said["remedy"]))
            try:
                arrays = {each.stem: np.load(each, allow_pickle=False) for each in Path(folder).glob("*.npy")}
                return data_set_of(Arrays(arrays, said | {"fingerprint": {}}), name, Provenance(origin))
            except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
                raise DataError(f"what load() of '{name}' made can't be read: {error}", "return a DataSet") from error

    def _ask(self, doing: str, limit_s: float, **question: Any) -> dict[str, Any]:
        with suppress(OSError):  # where it has gone, hearing from it says why
            self._listener.answer(question)
        return self._hear(doing, limit_s)

    def _hear(self, doing: str, limit_s: float, began_s: float | None = None) -> dict[str, Any]:
        """Wait for an answer; raises :class:`PluginError` where none comes in time, or the host has ended.

        ``began_s`` on the machine's clock is when it began, which others may have been waited for since.
        """
        until = limit_s + (time.monotonic() if began_s is None else began_s)
        try:
            while self._process.is_alive():
                frame = self._listener.hear(POLL_S)
                if frame is not None:
                    return frame.value if isinstance(frame.value, dict) else {}
                if time.monotonic() > until:
                    self._end()
                    raise PluginError(f"it did not finish {doing} within {limit_s:g} s", REMEDY)
        except (EOFError, OSError):
            pass
        raise BrokenElsewhereError(f"its process {self._ending()} in {doing}", tail(self._log))

    def _ending(self) -> str:
        self._process.join(timeout=5)
        code = self._process.exitcode
        if code is None:
            return "closed its pipe"
        if code < 0:
            return f"was ended by signal {-code} ({signal.strsignal(-code)})"
        return f"was ended for its use of {STRUCK[code]}" if code in STRUCK else f"ended with exit code {code}"


def answer(pipe: Connection, source: PluginSource) -> None:
    """Import a plugin, say what it registers, and answer what is asked of it; runs in the host."""
    teller = Teller(pipe)
    teller.tell({"began_s": time.monotonic()})
    registry = load_plugins(sources=[source])
    _tell(teller, partial(_described, registry))
    with suppress(EOFError):
        while True:
            _tell(teller, partial(_answered, registry, **teller.hear()))


def _tell(teller: Teller, make: Callable[[], dict[str, Any]]) -> None:
    try:
        said = json.loads(json.dumps(make(), default=_plain))
    except (Exception, SystemExit) as error:
        what, remedy = (error.what, error.remedy) if isinstance(error, GzslbenchError) else (sentence(error), "")
        said = {"error": what, "remedy": remedy, "traceback": traceback.format_exc()}
    teller.tell(said)


def _described(registry: Registry) -> dict[str, Any]:
    for broken in registry.broken:
        return {"error": broken.reason, "traceback": broken.traceback}
    return {"entries": [_entry_described(entry) for entry in registry.entries.values()]}


def _entry_described(entry: Entry) -> dict[str, Any]:
    info = entry.what if entry.kind == "method" else entry.what.info
    described = {
        "kind": entry.kind,
        "code": id(entry.what),
        "info": {f.name: getattr(info, f.name) for f in fields(info)},
    }
    if entry.kind == "data set":
        described |= {"origin": entry.data_source.origin, "file": str(entry.data_source.file or "")}
    return described


def _plain(value: object) -> object:
    if isinstance(value, MappingProxyType):
        return dict(value)
    raise TypeError(f"{value!r} is no literal")


def _answered(
    registry: Registry, configure: tuple[str, str, dict[str, Any]] | None = None, load: tuple[str, str] | None = None
) -> dict[str, Any]:
    if configure is not None:
        kind, name, values = configure
        return {"settings": registry.get(kind, name).configured(values)}
    assert load is not None
    name, folder = load
    made = entry_of(registry.get("data set", name).data_source.load())
    for key, array in made.arrays.items():
        np.save(Path(folder, f"{key}.npy"), array, allow_pickle=False)
    return dict(made.meta)
