"""What pytest loads by itself where gzslbench is installed: an option and a marker, and nothing that takes time.

``pytest --gzslbench-timeout 300`` gives checks of the contract more time; ``pytest -m "not gzslbench_contract"`` does
without them.
"""

from __future__ import annotations

import pytest

from gzslbench.testing import DEFAULT_TIMEOUT_S


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("gzslbench").addoption(
        "--gzslbench-timeout",
        type=float,
        default=DEFAULT_TIMEOUT_S,
        metavar="SECONDS",
        help="Limit for each check of gzslbench's contract (default: %(default)s).",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "gzslbench_contract: a check of gzslbench's contract between core and plugin")
