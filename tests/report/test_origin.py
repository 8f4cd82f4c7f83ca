import json

import numpy as np
import pytest

from gzslbench.errors import RecordError
from gzslbench.records.results import summaries
from gzslbench.records.store import Store
from gzslbench.report.formats.exports import to_json
from gzslbench.report.leaderboard import build_leaderboard
from gzslbench.report.rows import leaderboard_rows

MARKS = np.arange(60) % 3 > 0


@pytest.fixture
def stores(write_judged, tmp_path):
    """Our own results, and accepted ones of which one was verified and one rescored."""
    for name, provenance in (("ours", ""), ("one", "verified"), ("two", "rescored")):
        write_judged(tmp_path / name, MARKS, method=f"of-{name}")
        if provenance:
            (tmp_path / name / "provenance.json").write_text(json.dumps({"provenance": provenance}))
    return [Store(tmp_path / name) for name in ("ours", "one", "two")]


def _results(stores):
    return [result for store in stores for result in summaries(store)]


def _column(stores):
    (table,) = build_leaderboard(_results(stores), stores).data_sets["CUB"]
    names = [column.name for column in table.columns]
    places = names.index("method"), names.index("provenance") if "provenance" in names else None
    return table, {row[places[0]]: row[places[1]] if places[1] else None for row in table.rows}


def test_submitted_rows_say_how_far_they_were_verified(stores):
    table, found = _column(stores)
    assert found == {"of-ours": "measured here", "of-one": "verified", "of-two": "rescored"}
    assert "verified: rescored and reproduced, and accepted by a maintainer." in table.notes
    rows = json.loads(to_json(leaderboard_rows(_results(stores), stores)))["tables"][0]["rows"]
    assert {row["method"]: row["provenance"] for row in rows} == found


def test_without_submissions_nobody_is_told(stores):
    assert set(_column(stores[:1])[1].values()) == {None}


def test_a_row_is_trusted_as_far_as_its_least_result(stores, write_judged, tmp_path):
    write_judged(tmp_path / "two", MARKS, method="of-one", seed=1)
    write_judged(tmp_path / "one", MARKS, method="of-one", seed=0)
    assert _column(stores)[1]["of-one"] == "rescored"


def test_a_bundle_that_was_not_accepted_to_the_end_is_no_result_of_ours(stores, tmp_path):
    (tmp_path / "ours" / "manifest.json").write_text("{}")
    with pytest.raises(RecordError, match="not accepted to the end; delete it"):
        build_leaderboard(_results(stores), stores)
