"""What a record says of itself, held against what follows from its key and the code that it names.

The cell is planned anew, as ``gzslbench run`` plans it, from what gzslbench's own plugins and the submitted source
declare; no submitted code runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, field, fields, make_dataclass, replace
from functools import cache, reduce
from operator import or_
from types import SimpleNamespace
from typing import Any, cast

from gzslbench.contract.dataset import DataSet, Split
from gzslbench.contract.info import Info
from gzslbench.contract.protocol import protocol_named
from gzslbench.errors import GzslbenchError, PluginError
from gzslbench.records.differences import differences, flat
from gzslbench.records.record import CellKey, Json, PartKey, Record, canonical_json
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.registry.combinations import Combination, Resolver, of_method, of_parts
from gzslbench.registry.registry import Entry, Registry, RemoteComponent, checked_name, load_plugins
from gzslbench.registry.settings import build_config, config_values
from gzslbench.runner.plan import PlannedCell, Scope, Task, make_plan
from gzslbench.submission.reading import Declared, DeclaredPlugin, DeclaredSetting
from gzslbench.submission.source import own_plugins

_PLANNED = ({each.name for each in fields(PlannedCell)} & {each.name for each in fields(Record)}) - {"origins"}
"""What a plan says of a record that will come of it; origins tell of the machine, too."""
_TYPES: dict[str, Any] = {"int": int, "float": float, "bool": bool, "str": str, "None": None}
_LOOK_ALIKE = str.maketrans({"-": "", "_": "", ".": "", "0": "o", "1": "l", "i": "l", "5": "s"})


def check_record(record: Record, plugins: Sequence[DeclaredPlugin]) -> None:
    """Raise :class:`BundleError` for the first thing that a record says, and that does not follow from its key."""
    codes = {each.info.name: plugin.code for plugin in plugins for each in plugin.components}
    planned = _planned(record, registry_with(plugins, record.key))
    planned = replace(planned, key=_coded(planned.key, codes))
    for line in differences(_plain(record), _plain(planned)):
        raise BundleError(f"the record is not what follows from its key and source: {line}", "run the cell again")
    ours = {part.name: part.name not in codes for part in record.key.parts.by_role().values()}
    if ours != {name: origin.distribution == "gzslbench" for name, origin in record.origins.items()}:
        raise BundleError("the record names other origins of its components than there are", "run the cell again")


def completed(record: Record, plugins: Sequence[DeclaredPlugin]) -> Record:
    """Say of a record of an earlier version in what its settings are not the recipe's; give any other as it is."""
    if record.deviations is not None:
        return record
    planned = _planned(record, registry_with(plugins, record.key))
    return replace(record, budget=planned.budget, deviations=planned.deviations)


def registry_with(plugins: Iterable[DeclaredPlugin], key: CellKey | None = None) -> Registry:
    """Register what submitted source declares beside gzslbench's own plugins.

    Defaults that can't be read from source are taken from ``key``. Raises :class:`BundleError` for names that can't be
    used, that are taken, or that could be mistaken for another.
    """
    own = _own()
    registry = Registry(dict(own.entries), [], dict(own.recipes))
    for plugin in plugins:
        for each in plugin.declared:
            check_name(each.info.name, {name for _, name in own.entries})
        stand_ins = {each.info.name: _stand_in(each, key) for each in plugin.components}
        entries = [
            Entry(
                each.kind,
                each.info.name,
                stand_ins[each.info.name] if isinstance(each.info, Info) else each.info,
                plugin.source,
            )
            for each in plugin.declared
        ]
        try:
            registry.add(plugin.source, entries, plugin.recipe)
        except GzslbenchError as error:
            raise BundleError(f"the source can't be used: {error.what}", error.remedy) from None
    return registry


def check_name(name: str, known: Iterable[str]) -> None:
    """Raise :class:`BundleError` for a name that is none, or that looks like another one that is known."""
    try:
        checked_name("plugin's", name[:100])
    except PluginError as error:
        raise BundleError(error.what, error.remedy) from None
    for other in known:
        if name != other and _look(name) == _look(other):
            raise BundleError(f"the name '{name}' looks like '{other}'", "choose one that nobody takes for another")


def _look(name: str) -> str:
    return name.casefold().translate(_LOOK_ALIKE).replace("rn", "m").replace("vv", "w")


@cache
def _own() -> Registry:
    return load_plugins(sources=own_plugins())


def _stand_in(declared: Declared, key: CellKey | None) -> RemoteComponent:
    """Make what the planner asks of a component: its ``info``, and settings checked by what its source declares."""
    parts = key.parts.by_role().values() if key else ()
    given: Mapping[str, Json] = next((part.config for part in parts if part.name == declared.info.name), {})
    config = make_dataclass("Config", [_field(each, given.get(each.name)) for each in declared.settings], frozen=True)

    def configured(values: Mapping[str, Any]) -> Mapping[str, Any]:
        return config_values(build_config(declared.info.name, config, values))

    assert isinstance(declared.info, Info), "it is a component"
    return RemoteComponent(declared.info, configured)


def _field(setting: DeclaredSetting, given: Json) -> tuple[str, Any, Any]:
    """Make a field of what is declared; what can't be read there is taken from the value that is ``given``."""
    (default,) = setting.default or (given,)
    names = [name.strip() for name in setting.type.split("|")]
    plain = type(given) if type(given) in _TYPES.values() else Any
    kind = reduce(or_, (_TYPES[name] for name in names)) if set(names) - {"None"} <= _TYPES.keys() else plain
    return setting.name, kind, field(default_factory=lambda: default)


def _planned(record: Record, registry: Registry) -> PlannedCell:
    key = record.key
    described = SimpleNamespace(name=key.data_set, fingerprint=asdict(key), shared_space=True)  # as far as a key tells
    task = Task(
        cast("DataSet", described),
        cast("Split", SimpleNamespace(name=key.split, fingerprint=key.split_hash)),
    )
    grid = key.candidates or [{part.name: part.config for part in key.parts.by_role().values()}]
    scope = Scope([protocol_named(key.protocol)], [key.seed], key.device, key.precision, grid)
    combination = _combination(record, registry)
    try:
        plan = make_plan([combination], [task], Resolver(registry, record.budget), scope)
    except GzslbenchError as error:
        raise BundleError(f"the cell of '{record.method}' can't be planned: {error.what}", error.remedy) from None
    for skipped in plan.skipped:
        raise BundleError(f"'{record.method}' can't be run under '{key.protocol}'", skipped.reason)
    return next(plan.cells())


def _combination(record: Record, registry: Registry) -> Combination:
    if ("method", record.method) in registry.entries:
        return of_method(registry, record.method)
    generator, gate, classifier = record.key.parts
    found = of_parts(registry, generator.name if generator else "none", gate.name, classifier.name)
    if found.name != record.method:
        raise BundleError(
            f"neither gzslbench nor the source declares a method '{record.method}'",
            f"its components are '{found.name}'",
        )
    return found


def _coded(key: CellKey, codes: Mapping[str, str]) -> CellKey:
    """Name the code of submitted components, of which the planner had no file."""

    def coded(part: PartKey) -> PartKey:
        return replace(part, code=codes.get(part.name, part.code))

    return replace(key, **key.parts.map(coded)._asdict())


def _plain(value: PlannedCell | Record) -> dict[str, Json]:
    """Give by dotted names what a plan says of a record, as JSON has it."""
    said = asdict(replace(value, setups=())) if isinstance(value, PlannedCell) else asdict(value)
    plain: dict[str, Json] = json.loads(canonical_json({name: said[name] for name in _PLANNED}))
    return {name: canonical_json(each) for name, each in flat(plain).items()}
