"""The contract as tests: what ``gzslbench check`` runs, and what authors of plugins run among their own tests.

A test file of a plugin needs two lines::

    from gzslbench.testing import contract_tests

    test_contract = contract_tests("my-plugin")
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

DEFAULT_TIMEOUT_S = 60.0
"""How long one check may take; what a healthy component takes is a fraction of a second."""


def contract_tests(plugin: str | Path) -> Callable[..., None]:
    """Make a pytest test of each check and each thing that a plugin declares.

    ``plugin`` is what ``gzslbench check`` takes: the name of a plugin, component or method, or the path of a file.
    Raises :class:`gzslbench.errors.PluginError` where there is none of this name.
    """
    from gzslbench.testing.parametrised import parametrised_test

    return parametrised_test(str(plugin))
