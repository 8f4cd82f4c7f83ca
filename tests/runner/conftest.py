"""Components, a registry and data sets to plan with; nothing here is ever fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from gzslbench.contract import Classifier, Gate, Generator, NoConfig
from gzslbench.contract.dataset import DataSet, Split
from gzslbench.contract.info import Distribution, Info, Makes, Method, Need
from gzslbench.registry.declarations import PluginSource
from gzslbench.registry.registry import Entry, Registry
from gzslbench.runner.plan import Task

BASES = {"generator": Generator, "gate": Gate, "classifier": Classifier}
MakeEntry = Callable[..., Entry]
MakeTask = Callable[..., Task]


@dataclass(frozen=True)
class GeneratorConfig:
    steps: int = 100
    rate: float = 0.1
    per_class: int = 5


@dataclass(frozen=True)
class ClassifierConfig:
    epochs: int = 25


def _make_entry(kind: str, name: str, config: type = NoConfig, plugin: str = "", **info: Any) -> Entry:
    cls = type(name, (BASES[kind],), {"info": Info(name, **info), "Config": config})
    return Entry(kind, name, cls, PluginSource(plugin or name, Distribution("acme", "1.0")))


def _make_task(name: str = "CUB", scale: float = 1.0, splits: int = 1) -> Task:
    every = {f"split-{i}": Split(f"split-{i}", [i, 1 - i], [2], [3], [0, 1, 2], [3]) for i in range(splits)}
    data_set = DataSet(name, scale * np.eye(4), np.arange(4), np.eye(4), tuple("abcd"), every)
    return Task(data_set, data_set.split())


@pytest.fixture
def make_entry() -> MakeEntry:
    return _make_entry


@pytest.fixture
def make_task() -> MakeTask:
    return _make_task


@pytest.fixture
def registry() -> Registry:
    """Two generators, two gates, two classifiers, and the method 'gan' made of the first of each."""
    made = (Makes.SYNTHETIC,)
    entries = [
        _make_entry("generator", "gan", GeneratorConfig, makes=made),
        _make_entry("generator", "flow", GeneratorConfig, makes=made),
        _make_entry("gate", "none"),
        _make_entry("gate", "stacking"),
        _make_entry("classifier", "softmax", ClassifierConfig, needs=(Need.SYNTHETIC,)),
        _make_entry("classifier", "eszsl"),
    ]
    source = entries[0].plugin
    for method in (
        Method("gan", "softmax", "gan", "none"),
        Method("short-gan", "softmax", "gan", "none", settings={"gan.steps": 7}),
    ):
        entries.append(Entry("method", method.name, method, source))
    return Registry({(entry.kind, entry.name): entry for entry in entries})
