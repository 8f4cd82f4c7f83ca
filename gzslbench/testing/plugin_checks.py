"""What is asked of a plugin as a whole, and of the methods and data sets that it declares."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from unittest.mock import Mock

from gzslbench.contract.compatibility import obstacle
from gzslbench.contract.data_source import DataSource
from gzslbench.contract.dataset import DataSet
from gzslbench.contract.info import Method, Need
from gzslbench.contract.protocol import PROTOCOLS
from gzslbench.data.audit import audit
from gzslbench.errors import ConfigError, counted
from gzslbench.evaluation.branch import Branch, Coordinator, FitPlan
from gzslbench.evaluation.job import CellJob
from gzslbench.evaluation.validation import with_scores
from gzslbench.registry.combinations import Combination, Resolver, of_method
from gzslbench.registry.declarations import Listed, PluginSource, find_plugins, parse, read_listing
from gzslbench.registry.recipes import TUNED_FILE, RecipeValue
from gzslbench.registry.registry import REGISTERS_NOTHING, Registry, load_plugins
from gzslbench.registry.settings import Settings, build_config, nested
from gzslbench.testing import tiny_data_set
from gzslbench.testing.checks import CheckFailed, check
from gzslbench.testing.trials import ShortFitter

DESCRIPTION = "METHOD.md"
_DECLARATIONS = {"method": "Method", "data set": "DataInfo"}
_SHOWN = ("strict", "inductive", "transductive")
FIXED_BUDGET = (*_SHOWN, *(f"{name}-calibrated" for name in _SHOWN))
"""Protocols that keep the state of the last step, from the one that shows the least."""


@dataclass(frozen=True, eq=False)
class PluginTrial:
    """A plugin, or a method or data set of this name that it declares."""

    source: PluginSource
    name: str
    settings: Settings

    @cached_property
    def alone(self) -> Registry:
        """The plugin loaded alone."""
        return load_plugins(sources=[self.source])

    @cached_property
    def installed(self) -> Registry:
        """This plugin, those of gzslbench, and the foreign ones that its methods name: no other one can disturb it."""
        methods = [each.info for each in read_listing([self.source]) if isinstance(each.info, Method)]
        named = {name for each in methods for name in (each.generator, each.gate, each.classifier, each.variant_of)}
        others = [
            plugin
            for plugin in find_plugins()
            if not plugin.foreign or any(each.info.name in named for each in read_listing([plugin]))
        ]
        return load_plugins(sources=dict.fromkeys([self.source, *others]))

    @property
    def combination(self) -> Combination:
        return of_method(self.installed, self.name)

    def load_data(self) -> DataSet:
        """Make the data set anew."""
        self.alone.refuse_broken(self.source.name)
        cls: type[DataSource] = self.alone.get("data set", self.name).what
        return cls().load()

    @cached_property
    def data_set(self) -> DataSet:
        """The data set as it was first made."""
        return self.load_data()


@check("plugin")
def loads(trial: PluginTrial) -> str:
    """It can be imported, and every hook returns what gzslbench.contract.hooks asks for."""
    for broken in trial.alone.broken:
        raise CheckFailed(broken.reason)
    entries = [f"{entry.kind} {entry.name}" for entry in trial.alone.entries.values()]
    if not entries:
        raise CheckFailed(f"'{trial.source.name}' registers nothing", REGISTERS_NOTHING)
    return ", ".join(entries)


@check("plugin", after=("loads",))
def literals(trial: PluginTrial) -> None:
    """What it registers is declared in literals, which ``gzslbench list`` reads without importing it."""
    listed: dict[tuple[str, str], Listed] = {(each.kind, each.info.name): each for each in read_listing([trial.source])}
    for (kind, name), entry in trial.alone.entries.items():
        declared = listed.pop((kind, name), None)
        if declared is None:
            place = entry.what.__module__ if isinstance(entry.what, type) else "the plugin"
            literal = f"write its {_DECLARATIONS.get(kind, 'Info')}(...) as a literal in {place}"
            raise CheckFailed(f"'gzslbench list' does not see the {kind} '{name}'", literal)
        if declared.info != (entry.what if kind == "method" else entry.what.info):
            raise CheckFailed(f"'gzslbench list' sees another {kind} '{name}'", "declare it once, by a literal")
    for kind, name in listed:
        raise CheckFailed(f"the {kind} '{name}' is declared, but no hook returns it", "register or remove it")


@check("plugin", after=("loads",))
def documented(trial: PluginTrial) -> None:
    """A METHOD.md in the folder of its code says what it is; a plugin of one file may say it in its docstring."""
    path = trial.source.path
    folder = path if path is not None and path.is_dir() else path and path.parent
    if folder and (folder / DESCRIPTION).is_file():
        return
    tree = parse(path) if path is not None and path.is_file() else None
    if tree is None or not ast.get_docstring(tree):
        raise CheckFailed(f"'{trial.source.name}' has no {DESCRIPTION}", f"describe it in {folder}/{DESCRIPTION}")


@check("method")
def components_exist(trial: PluginTrial) -> None:
    """Its generator, gate and classifier are installed, and a protocol admits their combination."""
    infos, method = trial.combination.infos, trial.installed.get("method", trial.name).what
    obstacles = [obstacle(infos, protocol) for protocol in PROTOCOLS.values()]
    if all(obstacles):
        raise CheckFailed(f"no protocol admits the method '{trial.name}'", obstacles[0])
    if method.variant_of:
        trial.installed.get("method", method.variant_of)


@check("method", after=("components-exist",))
def recipes(trial: PluginTrial) -> str:
    """Its recipes and spaces can be read, name settings that exist with values in range, and say where each is from."""
    count, components = 0, {entry.name: entry for entry in trial.combination.entries.by_role().values()}
    for place, settings in _settings_of(trial):
        for component, values in settings.items():
            entry = components.get(component)
            if entry is None:
                continue  # another method's of the same plugin
            try:
                build_config(component, entry.what.Config, values)
            except ConfigError as error:
                raise CheckFailed(f"{place}: {error.what}", error.remedy) from error
            count += len(values)
    return counted(count, "value")


@check("method", after=("recipes",))
def runs(trial: PluginTrial) -> str:
    """It goes through the core from end to end, under the protocol that shows the least of those that admit it."""
    infos = trial.combination.infos
    protocol = next(name for name in FIXED_BUDGET if not obstacle(infos, PROTOCOLS[name]))
    setup = Resolver(trial.installed, chosen=trial.settings).setup(trial.combination, tiny_data_set.NAME)
    cell = CellJob(0, (setup,))
    shared_space = any(Need.SHARED_SPACE in info.needs for info in infos.by_role().values())
    job = tiny_data_set.job(protocol, shared_space, cells=(cell,))
    coordinator = Mock(spec=Coordinator)
    coordinator.test_set.return_value = tiny_data_set.test_set(shared_space)
    fitter = ShortFitter(job, job.fold, coordinator.progress)
    Branch(coordinator, fitter).run(with_scores(job, coordinator, [FitPlan(cell, setup)]))
    if coordinator.fail.called:
        raise coordinator.fail.call_args.args[1]
    predicted = coordinator.report.call_args.args[1].predictions.predicted
    strangers = set(predicted.tolist()) - {*tiny_data_set.SEEN, *tiny_data_set.UNSEEN}
    if strangers:
        raise CheckFailed(f"'{trial.name}' predicted classes that there are not: {sorted(strangers)}")
    return f"under the protocol '{protocol}'"


def _settings_of(trial: PluginTrial) -> Iterator[tuple[str, Settings]]:
    """Give the settings of each table of the recipes, each end of its space, and those of the method and its sweeps."""
    recipe, method = trial.installed.recipes[trial.source], trial.installed.get("method", trial.name).what
    for name, table in recipe.data_sets.items():
        yield f"[{name}]", _values(table)
    for budget, tables in recipe.budgets.items():
        for name, table in tables.items():
            yield f"[budgets.{budget}.{name}]", _values(table)
    for component, ranges in recipe.space.items():
        for name, each in ranges.items():
            for end in each.ends:
                yield f"[space.{component}]", {component: {name: end}}
    for name, by_data_set in recipe.tuned.items():
        for data_set, found in by_data_set.items():
            yield f"[{name}.{data_set}] of {TUNED_FILE}", found.settings()
    yield "its settings", nested(method.settings or {})
    for address, values in (method.sweeps or {}).items():
        for value in values:
            yield "its sweeps", nested({address: value})


def _values(table: Mapping[str, Mapping[str, RecipeValue]]) -> Settings:
    return {part: {key: entry.value for key, entry in values.items()} for part, values in table.items()}


@check("data set")
def makes_data(trial: PluginTrial) -> str:
    """Its load() gives a DataSet with a split."""
    data_set = trial.data_set
    if not isinstance(data_set, DataSet):
        raise CheckFailed(f"load() of '{trial.name}' gave {type(data_set).__name__}", "return a DataSet")
    if not data_set.splits:
        raise CheckFailed(f"'{trial.name}' has no split", "make one by gzslbench.contract.propose_split")
    samples, width = data_set.features.shape
    return f"{samples:,} samples of {width:,} dimensions, {len(data_set.semantics)} classes"


@check("data set", after=("makes-data",))
def same_each_time(trial: PluginTrial) -> None:
    """Made again, it is the same to the bit: results belong to its fingerprint."""
    again = trial.load_data()
    for what, digest in trial.data_set.fingerprint.items():
        if again.fingerprint[what] != digest:
            raise CheckFailed(f"the {what} of '{trial.name}' differ each time", "draw from a generator with a seed")
    for name, split in trial.data_set.splits.items():
        if again.splits[name].fingerprint != split.fingerprint:
            raise CheckFailed(f"the split '{name}' of '{trial.name}' differs each time", "give it a fixed seed")


@check("data set", after=("makes-data",))
def sound(trial: PluginTrial) -> str:
    """The audit of ``gzslbench data check`` finds nothing fatal in any of its splits."""
    findings = [each for split in trial.data_set.splits.values() for each in audit(trial.data_set, split)]
    for finding in findings:
        if finding.level == "fatal":
            raise CheckFailed(f"'{trial.name}': {finding.message}", "correct the data")
    return counted(len(findings), "warning") if findings else ""
