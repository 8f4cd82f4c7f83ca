from dataclasses import replace

import pytest

from gzslbench.records.summary import median, summary_of


def test_a_result_holds_what_the_tables_show(make_record):
    record = make_record(seed=3, split="v1", u=0.1, s=0.2, h=0.3, jobs=2, test_reads=7, peak_device_mib=9.0)
    result = summary_of(record)
    assert (result.t1, result.u, result.s, result.h, result.ausuc) == (0.7, 0.1, 0.2, 0.3, 0.3)
    assert (result.seed, result.split, result.split_hash) == (3, "v1", record.key.split_hash)
    assert result.fit_s == 10.0  # 8, 1, 0.5 and 0.5
    assert result.predict_per_s == 5000  # 1,000 samples in a median of 0.2 s
    assert (result.jobs, result.test_reads, result.peak_memory_mib, result.peak_device_mib) == (2, 7, 512.0, 9.0)
    assert (result.machine_class, result.unseen_semantics, result.generative) == ("laptop", True, True)


def test_a_group_without_a_generator_has_no_time_for_it(make_record):
    record = make_record()
    timings = replace(record.timings, fit_generator=None, synthesise=None)
    assert summary_of(replace(record, timings=timings)).fit_s == 1.0


@pytest.mark.parametrize("times", [(), (0.0,), (5e-324,), (-1.0,)])
def test_without_times_there_is_no_rate(make_record, times):
    assert summary_of(make_record(predict_s=times)).predict_per_s is None


def test_only_seed_and_split_may_differ_in_a_configuration(make_record):
    one, other = summary_of(make_record(seed=1, split="a")), summary_of(make_record(seed=2, split="b"))
    assert (one.configuration, one.key) == (other.configuration, other.key)
    assert summary_of(make_record(config={"steps": 1})).configuration != one.configuration
    assert summary_of(make_record(device="cuda")).configuration != one.configuration


def test_the_median_is_of_what_is_known():
    assert median([None, 3.0, 1.0, None, 2.0]) == 2.0
    assert median([None]) is None
