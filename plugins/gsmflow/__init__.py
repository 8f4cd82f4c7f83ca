"""GSMFlow: generation shifts mitigating flow (Chen, Luo, Wang, Li, Huang; IEEE Transactions on Multimedia).

Read ``mining.py`` (section III-B of the paper), ``positioning.py`` (III-C), ``flow.py`` (III-D) and ``generator.py``
(III-E) in this order; ``implicit.py`` is what the paper compares with, ``METHOD.md`` lists every choice that the paper
leaves open and what it was found to change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gzslbench.contract import hookimpl

if TYPE_CHECKING:
    from gzslbench.contract import Generator, Method


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the flow."""
    from gzslbench_plugins.gsmflow.generator import GSMFlow

    return [GSMFlow]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method of the paper and its variants."""
    from gzslbench_plugins.gsmflow.methods import METHODS

    return METHODS
