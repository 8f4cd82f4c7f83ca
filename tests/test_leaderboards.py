"""The committed records can be passed on."""

from __future__ import annotations

from pathlib import Path

from gzslbench.store import Store

RESULTS = Path(__file__).parents[1] / "leaderboards" / "results"


def test_committed_records_are_readable_and_name_no_folder_of_their_author() -> None:
    records = list(Store(RESULTS).records())
    assert len(records) == len(list(RESULTS.rglob("record.json"))) > 0
    assert {record.data_source.partition(":")[0] for record in records} == {"glyphs"}
