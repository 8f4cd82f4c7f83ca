from dataclasses import replace
from types import SimpleNamespace

import pytest

from gzslbench.records.store import Store
from gzslbench.runner.expected import PastTimes, expected_time


@pytest.fixture
def keep(make_record, tmp_path):
    """Store a record without its predictions; a group of 9 s for the generator and 1.9 s for the rest."""

    def keep_it(**described):
        record = make_record(**described)
        folder = Store(tmp_path).folder(record.key)
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(record.to_json())
        return record.key

    return keep_it


def _group(*keys):
    return SimpleNamespace(cells=[SimpleNamespace(key=key) for key in keys])


def test_cells_of_a_group_share_the_generator_s_time(keep, tmp_path):
    stops, calibrated = keep(), keep(protocol="inductive-calibrated")
    past = PastTimes(Store(tmp_path), "laptop")
    assert past.of(_group(stops.with_seed(7))) == (pytest.approx(9 + 1.9), 0)
    assert past.of(_group(stops.with_seed(7), calibrated)) == (pytest.approx(9 + 2 * 1.9), 0)
    assert past.of(_group(stops, replace(stops, protocol="strict"))) == (pytest.approx(9 + 1.9), 1)


def test_records_of_other_settings_and_machines_tell_nothing(keep, tmp_path):
    key = keep(config={"steps": 5})
    keep(config={"steps": 6}, fit_s=(80.0, 1.0, 0.5, 0.5))
    keep(config={"steps": 5}, seed=1, machine_class="server", fit_s=(80.0, 1.0, 0.5, 0.5))
    past = PastTimes(Store(tmp_path), "laptop")
    assert past.of(_group(key)) == (pytest.approx(10.9), 0)
    assert past.of(_group(replace(key, precision="bfloat16"))) == (0, 1)
    assert past.of(_group(replace(key, features="0" * 16, split_hash="f" * 16))) == (pytest.approx(10.9), 0)


def test_the_time_of_all_is_said_with_what_is_unknown(keep, tmp_path):
    key = keep()
    groups = [_group(key.with_seed(seed)) for seed in range(12)]
    unknown = _group(replace(key, data_set="FLO"), replace(key, data_set="SUN"))

    def said(groups, jobs):
        return expected_time(groups, Store(tmp_path), "laptop", jobs)

    assert said(groups, 2) == "time: about 0:01:05, by records of this machine class (laptop)"
    assert said([*groups[:1], unknown], 8) == (
        "time: about 0:00:11, not counting 2 cells that no record is like, by records of this machine class (laptop)"
    )
    assert said([unknown], 1) == "time: unknown, since no record of this machine class is like these cells"
    assert said([], 1) == ""
