"""Two floors under every table: chance, and the commonest class whatever the sample."""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.floors.chance import Chance
from gzslbench_plugins.floors.majority import Majority

METHODS = [
    Method(name="random", classifier="random", summary="a floor: uniform scores that know nothing of the classes"),
    Method(name="majority", classifier="majority", summary="a floor: always the seen class with most samples"),
]


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register both classifiers."""
    return [Chance, Majority]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register both methods."""
    return METHODS
