"""What is asked of a plugin as a whole, and of the methods and data sets that it declares."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from gzslbench.contract.compatibility import obstacle
from gzslbench.contract.data_source import DataSource
from gzslbench.contract.dataset import DataSet
from gzslbench.contract.info import Method
from gzslbench.contract.protocol import PROTOCOLS
from gzslbench.data.audit import audit
from gzslbench.errors import ConfigError
from gzslbench.evaluation.branch import Branch, FitPlan
from gzslbench.evaluation.job import CellJob, CellResult, TestSet
from gzslbench.registry.combinations import Resolver, of_method
from gzslbench.registry.declarations import Listed, PluginSource, find_plugins, parse, read_listing
from gzslbench.registry.recipes import RecipeValue
from gzslbench.registry.registry import Entry, Registry, load_plugins
from gzslbench.registry.settings import Settings, build_config, nested
from gzslbench.testing import tiny_data_set
from gzslbench.testing.registry import CheckFailed, check
from gzslbench.testing.trials import ShortFitter

DESCRIPTION = "METHOD.md"
LAST_STEP = ("strict", "inductive", "transductive")
"""Protocols that keep the state of the last step, from the one that shows the least."""


@dataclass(frozen=True, eq=False)
class PluginTrial:
    """A plugin as a whole."""

    source: PluginSource

    @cached_property
    def registry(self) -> Registry:
        """The plugin loaded alone."""
        return load_plugins(sources=[self.source])


@check("plugin")
def loads(trial: PluginTrial) -> str:
    """It can be imported, and every hook returns what gzslbench.contract.hooks asks for."""
    for broken in trial.registry.broken:
        raise CheckFailed(broken.reason)
    entries = [f"{entry.kind} {entry.name}" for entry in trial.registry.entries.values()]
    if not entries:
        raise CheckFailed(f"'{trial.source.name}' registers nothing", "implement a hook of gzslbench.contract.hooks")
    return ", ".join(entries)


@check("plugin", after=("loads",))
def literals(trial: PluginTrial) -> None:
    """What it registers is declared in literals, which ``gzslbench list`` reads without importing it."""
    listed: dict[tuple[str, str], Listed] = {(each.kind, each.info.name): each for each in read_listing([trial.source])}
    for (kind, name), entry in trial.registry.entries.items():
        own = inspect.getmodule(entry.what) if isinstance(entry.what, type) else None
        declared = listed.pop((kind, name), None)
        if declared is None:
            raise CheckFailed(
                f"'gzslbench list' does not see the {kind} '{name}'",
                f"write its {_declaration(kind)} as a literal in {own.__name__ if own else 'the plugin'}",
            )
        if declared.info != (entry.what if kind == "method" else entry.what.info):
            raise CheckFailed(f"'gzslbench list' sees another {kind} '{name}'", "declare it once, by a literal")
    for kind, name in listed:
        raise CheckFailed(f"the {kind} '{name}' is declared, but no hook returns it", "register or remove it")


@check("plugin")
def documented(trial: PluginTrial) -> None:
    """A METHOD.md in the folder of its code says what it is; a plugin of one file may say it in its docstring."""
    path = trial.source.path
    folder = path if path is not None and path.is_dir() else path and path.parent
    if folder and (folder / DESCRIPTION).is_file():
        return
    tree = parse(path) if path is not None and path.is_file() else None
    if tree is None or not ast.get_docstring(tree):
        raise CheckFailed(f"'{trial.source.name}' has no {DESCRIPTION}", f"describe it in {folder}/{DESCRIPTION}")


def _declaration(kind: str) -> str:
    return {"method": "Method(...)", "data set": "DataInfo(...)"}.get(kind, "Info(...)")


@dataclass(frozen=True, eq=False)
class MethodTrial:
    """A method, among all plugins that are installed: its components may come from others."""

    source: PluginSource
    name: str
    settings: Settings

    @property
    def registry(self) -> Registry:
        """All plugins, this one first."""
        return _installed_with(self.source)

    @property
    def method(self) -> Method:
        """What was declared."""
        method: Method = self.registry.get("method", self.name).what
        return method

    @property
    def components(self) -> dict[str, Entry]:
        """Its components by name."""
        return {entry.name: entry for entry in of_method(self.registry, self.name).entries.by_role().values()}


@cache
def _installed_with(source: PluginSource) -> Registry:
    return load_plugins(sources=dict.fromkeys([source, *find_plugins()]))


@check("method")
def components_exist(trial: MethodTrial) -> None:
    """Its generator, gate and classifier are installed, and a protocol admits their combination."""
    infos = of_method(trial.registry, trial.name).infos
    obstacles = [obstacle(infos, protocol) for protocol in PROTOCOLS.values()]
    if all(obstacles):
        raise CheckFailed(f"no protocol admits the method '{trial.name}'", obstacles[0])
    variant_of = trial.method.variant_of
    if variant_of:
        trial.registry.get("method", variant_of)


@check("method", after=("components-exist",))
def recipes(trial: MethodTrial) -> str:
    """Its recipes can be read, name settings that exist with values in range, and say where each value comes from."""
    count = 0
    for place, settings in _settings_of(trial):
        for component, values in settings.items():
            entry = trial.components.get(component)
            if entry is None:
                continue  # another method's of the same plugin
            try:
                build_config(component, entry.what.Config, values)
            except ConfigError as error:
                raise CheckFailed(f"{place}: {error.what}", error.remedy) from error
            count += len(values)
    return f"{count} values"


@check("method", after=("recipes",))
def runs(trial: MethodTrial) -> str:
    """It goes through the core from end to end, under the protocol that shows the least of those that admit it."""
    infos = of_method(trial.registry, trial.name).infos
    protocol = next(name for name in LAST_STEP if not obstacle(infos, PROTOCOLS[name]))
    predicted = _run(trial, protocol).predictions.predicted
    strangers = set(predicted.tolist()) - {*tiny_data_set.SEEN, *tiny_data_set.UNSEEN}
    if strangers:
        raise CheckFailed(f"'{trial.name}' predicted classes that there are not: {sorted(strangers)}")
    return f"under the protocol '{protocol}'"


def _settings_of(trial: MethodTrial) -> Iterator[tuple[str, Settings]]:
    """Give the settings of each table of the recipes, of the method itself, and of each value of its sweeps."""
    recipe = trial.registry.recipes[trial.source]
    for name, table in recipe.data_sets.items():
        yield f"[{name}]", _values(table)
    for budget, tables in recipe.budgets.items():
        for name, table in tables.items():
            yield f"[budgets.{budget}.{name}]", _values(table)
    yield "its settings", nested(trial.method.settings or {})
    for address, values in (trial.method.sweeps or {}).items():
        for value in values:
            yield "its sweeps", nested({address: value})


def _values(table: Mapping[str, Mapping[str, RecipeValue]]) -> Settings:
    return {part: {key: entry.value for key, entry in values.items()} for part, values in table.items()}


def _run(trial: MethodTrial, protocol: str) -> CellResult:
    resolver = Resolver(trial.registry, chosen=trial.settings)
    setup = resolver.setup(of_method(trial.registry, trial.name), tiny_data_set.NAME)
    cell = CellJob(0, (setup,))
    job = tiny_data_set.job(protocol, cells=(cell,))
    coordinator = _Coordinator()
    fitter = ShortFitter(job, job.fold, tiny_data_set.tiny_data_set().features, coordinator.progress)
    Branch(coordinator, fitter).run([FitPlan(cell, setup)])
    if coordinator.result is None:
        raise coordinator.error or CheckFailed(f"'{trial.name}' reported nothing")
    return coordinator.result


class _Coordinator:
    """Hands out the test set and keeps what comes of it."""

    result: CellResult | None = None
    error: BaseException | None = None

    def begin(self, cell: int, phase: str) -> None:
        """Take no note."""

    def progress(self, stage: str, step: int, last: int) -> None:
        """Take no note."""

    def test_set(self) -> TestSet:
        """Hand out the test set."""
        return tiny_data_set.test_set()

    def h_on_test(self, cell: int, predictions: object) -> float:
        """Refuse: the protocols in question keep the last step."""
        raise AssertionError("nothing is chosen on test under a protocol with a last step")

    def report(self, cell: int, result: CellResult) -> None:
        """Keep the result."""
        self.result = result

    def fail(self, cell: int, error: BaseException) -> None:
        """Keep the error."""
        self.error = error


@dataclass(frozen=True, eq=False)
class SourceTrial:
    """A data set that a plugin brings."""

    source: PluginSource
    name: str

    def load(self) -> DataSet:
        """Make the data set anew."""
        registry = load_plugins(sources=[self.source])
        registry.refuse_broken(self.source.name)
        cls: type[DataSource] = registry.get("data set", self.name).what
        return cls().load()

    @cached_property
    def data_set(self) -> DataSet:
        """The data set as it was first made."""
        return self.load()


@check("data set")
def makes_data(trial: SourceTrial) -> str:
    """Its load() gives a DataSet with a split."""
    data_set = trial.data_set
    if not isinstance(data_set, DataSet):
        raise CheckFailed(f"load() of '{trial.name}' gave {type(data_set).__name__}", "return a DataSet")
    if not data_set.splits:
        raise CheckFailed(f"'{trial.name}' has no split", "make one by gzslbench.contract.propose_split")
    samples, width = data_set.features.shape
    return f"{samples:,} samples of {width:,} dimensions, {len(data_set.semantics)} classes"


@check("data set", after=("makes-data",))
def same_each_time(trial: SourceTrial) -> None:
    """Made again, it is the same to the bit: results belong to its fingerprint."""
    again = trial.load()
    for what, digest in trial.data_set.fingerprint.items():
        if again.fingerprint[what] != digest:
            raise CheckFailed(f"the {what} of '{trial.name}' differ each time", "draw from a generator with a seed")
    for name, split in trial.data_set.splits.items():
        if again.splits[name].fingerprint != split.fingerprint:
            raise CheckFailed(f"the split '{name}' of '{trial.name}' differs each time", "give it a fixed seed")


@check("data set", after=("makes-data",))
def sound(trial: SourceTrial) -> str:
    """The audit of ``gzslbench data check`` finds nothing fatal in any of its splits."""
    findings = [each for split in trial.data_set.splits.values() for each in audit(trial.data_set, split)]
    for finding in findings:
        if finding.level == "fatal":
            raise CheckFailed(f"'{trial.name}': {finding.message}", "correct the data")
    return f"{len(findings)} warnings" if findings else ""
