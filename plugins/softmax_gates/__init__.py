"""Two gates that read a softmax of the seen classes: its largest probability, and the energy of its logits.

``gates.py`` holds both, ``threshold.py`` how they choose where to part seen from unseen, ``methods.py`` puts them in
front of others, ``METHOD.md`` has the choices.
"""

from __future__ import annotations

from gzslbench.contract import Gate, Method, hookimpl
from gzslbench_plugins.softmax_gates.gates import Energy, MaxSoftmax
from gzslbench_plugins.softmax_gates.methods import METHODS


@hookimpl
def gzslbench_gates() -> list[type[Gate]]:
    """Register both gates."""
    return [MaxSoftmax, Energy]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register them in front of other methods."""
    return METHODS
