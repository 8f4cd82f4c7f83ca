"""No gate: every sample keeps all classes, and the classifier's joint scores decide."""

from __future__ import annotations

from gzslbench.contract import Gate, hookimpl
from gzslbench_plugins.no_gate.gate import NoGate


@hookimpl
def gzslbench_gates() -> list[type[Gate]]:
    """Register the gate."""
    return [NoGate]
