"""Results to tabulate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gzslbench.records.record import Record
from gzslbench.records.summary import RecordSummary, summary_of


@pytest.fixture
def make_result(make_record: Callable[..., Record]) -> Callable[..., RecordSummary]:
    """Make the result of a record, which is described as for ``make_record``."""

    def make(**described: Any) -> RecordSummary:
        return summary_of(make_record(**described))

    return make
