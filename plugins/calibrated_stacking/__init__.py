"""Calibrated stacking: a constant is taken off the scores of seen classes (Chao et al., ECCV 2016)."""

from __future__ import annotations

from gzslbench.contract import Gate, hookimpl
from gzslbench_plugins.calibrated_stacking.gate import CalibratedStacking


@hookimpl
def gzslbench_gates() -> list[type[Gate]]:
    """Register the gate."""
    return [CalibratedStacking]
