"""The contract between the core and its plugins: all that an author imports, of a method or of a data set.

A component is a small class with a declared :class:`Info`, a frozen ``Config`` dataclass, and the two or three methods
of its kind. Tensors are float32 on ``ctx.device`` unless said otherwise. Labels are positions into the rows of the seen
semantics, so no component meets a class id, let alone the label of a test sample.

Names that need torch or numpy are imported when they are first asked for: ``gzslbench list`` needs neither.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gzslbench.contract import info as _info
from gzslbench.contract.hooks import hookimpl
from gzslbench.contract.info import DataInfo, Info, Makes, Method, Need

if TYPE_CHECKING:
    from gzslbench.contract.components import Classifier, Component, Gate, Generator, NoConfig
    from gzslbench.contract.context import Context
    from gzslbench.contract.data_source import DataSource
    from gzslbench.contract.dataset import DataSet, Split
    from gzslbench.contract.splitting import propose_split
    from gzslbench.contract.views import ClassSet, ValidationScores, View, one_hot

__all__ = [
    "ClassSet",
    "Classifier",
    "Component",
    "Context",
    "DataInfo",
    "DataSet",
    "DataSource",
    "Gate",
    "Generator",
    "Info",
    "Makes",
    "Method",
    "Need",
    "NoConfig",
    "Split",
    "ValidationScores",
    "View",
    "hookimpl",
    "one_hot",
    "propose_split",
]

_MODULES = {
    "components": ("Classifier", "Component", "Gate", "Generator", "NoConfig"),
    "context": ("Context",),
    "data_source": ("DataSource",),
    "dataset": ("DataSet", "Split"),
    "splitting": ("propose_split",),
    "views": ("ClassSet", "ValidationScores", "View", "one_hot"),
}

sys.modules.setdefault("gzslbench.info", _info)  # where data sources written for gzslbench 0.1 import DataInfo from


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
