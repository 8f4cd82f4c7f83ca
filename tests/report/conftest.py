"""Results to tabulate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gzslbench.record import Record
from gzslbench.result import Result, result_of


@pytest.fixture
def make_result(make_record: Callable[..., Record]) -> Callable[..., Result]:
    """Make the result of a record, which is described as for ``make_record``."""

    def make(**described: Any) -> Result:
        return result_of(make_record(**described))

    return make
