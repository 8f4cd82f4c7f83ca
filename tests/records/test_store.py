import errno
import logging
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.errors import RecordError, UsageError
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.curves import LossCurve
from gzslbench.records.places import path_safe
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import SCHEMA_VERSION, Failure, Record
from gzslbench.records.results import sound, summaries
from gzslbench.records.store import PREDICTIONS, RECORD, SAMPLES, Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


@pytest.fixture
def predictions():
    count = 50
    rows, margin = np.arange(count), np.linspace(-1, 1, count, dtype=np.float32)
    return Predictions(rows, rows, rows, rows, rows, margin, np.zeros((count, 2), dtype=np.float32))


def failure(record):
    return Failure(record.key, record.method, "timeout", "fit generator", "took more than 60 s")


def left_over(store):
    return list((store.root / ".incomplete").glob("*"))


def test_what_is_written_is_read(store, make_record, predictions):
    record = make_record(curves={"loss": LossCurve((1, 2), (0.5, 0.25))}, notes={"chosen": ["a", 1, 0.5, None]})
    assert not store.has(record.key)
    folder = store.write(record, predictions)
    assert store.has(record.key)
    assert store.read(folder) == record
    assert list(store.records()) == [record]
    np.testing.assert_array_equal(store.predictions(record.key).margin, predictions.margin)
    assert folder.relative_to(store.root).parent.as_posix() == "records/CUB/eszsl+none+none/inductive/official"
    assert sorted(path.name for path in folder.iterdir()) == [PREDICTIONS, RECORD]
    assert left_over(store) == []


def test_a_key_has_one_record(store, make_record, predictions):
    store.write(make_record(h=0.1), predictions)
    store.write(make_record(h=0.2), predictions)
    assert [record.metrics.h for record in store.records()] == [0.2]
    assert left_over(store) == []


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"config": {"steps": 1}}, {"data_set": "SUN"}, {"split": "x"}, {"precision": "tf32"}]
)
def test_another_key_is_another_record(store, make_record, predictions, change):
    store.write(make_record(), predictions)
    assert not store.has(make_record(**change).key)


def test_an_empty_store_can_be_read_and_is_not_made(store, make_record):
    assert list(store.records()) == list(store.failures()) == store.explain(make_record().key) == []
    assert not store.root.exists()


def test_planning_costs_one_look_at_the_disk(store, make_record, predictions, monkeypatch):
    record = make_record()
    store.write(record, predictions)
    looks = []
    for name in ("access", "stat", "scandir", "listdir", "open"):
        call = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, _call=call, _name=name, **k: (looks.append(_name), _call(*a, **k))[1])
    assert store.has(record.key)
    assert looks == ["stat"]


def test_a_killed_writer_leaves_complete_records_only(store, make_record, predictions):
    delays, record = random.Random(0), make_record()
    interrupted = written = 0
    for attempt in range(8):
        child = os.fork()
        if child == 0:  # the writer: works until it is killed
            for seed in range(1000 * attempt, 1000 * (attempt + 1)):
                store.write(replace(record, key=replace(record.key, seed=seed)), predictions)
            os._exit(0)
        while len(list(store.records())) == written:
            time.sleep(0.01)
        time.sleep(delays.uniform(0.0, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        interrupted += len(left_over(store))
        found = list(store.records())
        written = len(found)
        for each in found:
            assert isinstance(each, Record)
            store.predictions(each.key)
        with store.writing():
            assert left_over(store) == []
    assert interrupted > 0


FULL = OSError(errno.ENOSPC, "No space left on device")


def refuse(*_, **__):
    raise FULL


@pytest.mark.parametrize(
    "step", ["os.fsync", "os.mkdir", "os.rename", "pathlib.Path.write_text", "numpy.savez_compressed"]
)
def test_a_full_disk_leaves_nothing_and_says_what_to_do(store, make_record, predictions, monkeypatch, step):
    record = make_record()
    with store.writing():
        with monkeypatch.context() as patch:
            patch.setattr(step, refuse)
            with pytest.raises(RecordError, match=r"No space left on device; free disk space and run again"):
                store.write(record, predictions)
        assert not store.has(record.key)
        assert left_over(store) == []
        store.write(record, predictions)
    assert list(store.records()) == [record]


def test_a_full_disk_keeps_the_earlier_record(store, make_record, predictions, monkeypatch):
    store.write(make_record(h=0.1), predictions)
    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(RecordError):
        store.write(make_record(h=0.2), predictions)
    assert [record.metrics.h for record in store.records()] == [0.1]


OTHER_WRITER = """
import sys
from pathlib import Path
from gzslbench.records.store import Store
with Store(Path(sys.argv[1])).writing():
    Path(sys.argv[1], ".incomplete", "at work").mkdir(parents=True)
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_is_refused_and_a_dead_one_is_not_in_the_way(store, make_record, predictions):
    command = [sys.executable, "-c", OTHER_WRITER, str(store.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(UsageError, match=f"process {other.pid} is writing to .*results"):
            store.write(make_record(), predictions)
        assert [path.name for path in left_over(store)] == ["at work"]
        assert list(store.records()) == []
        other.kill()
    store.write(make_record(), predictions)
    assert left_over(store) == []


def test_two_stores_of_one_process_can_not_both_write(store):
    with store.writing(), pytest.raises(UsageError, match=str(os.getpid())), Store(store.root).writing():
        pass
    with Store(store.root).writing():
        pass


def test_a_record_of_an_unknown_protocol_is_named_and_costs_no_other(store, make_record, predictions, caplog):
    record = store.write(make_record(seed=1), predictions) / RECORD
    record.write_text(record.read_text().replace('"inductive"', '"of-next-year"'))
    store.write(make_record(), predictions)
    assert [summary.key.protocol for summary in summaries(store)] == ["inductive"]
    assert f"{record} is not a record: key.protocol: it must be one of strict" in caplog.text


def test_a_record_that_is_a_pipe_is_not_waited_for(store, make_record, predictions):
    record = store.write(make_record(), predictions) / RECORD
    record.unlink()
    os.mkfifo(record)
    (named,) = store.records()
    assert f"{record} is missing, or no file" in str(named)


@pytest.mark.parametrize("damage", [b"", b'{"key": ', b"{}", b"\xff\xfe"])
def test_a_damaged_record_is_named_and_costs_no_other(store, make_record, predictions, caplog, damage):
    folder = store.write(make_record(seed=1), predictions)
    store.write(make_record(seed=2), predictions)
    (folder / RECORD).write_bytes(damage)
    named, sound_one = store.records()
    assert isinstance(named, RecordError)
    assert str(folder / RECORD) in str(named)
    with caplog.at_level(logging.WARNING):
        assert list(sound(store)) == [sound_one]
    assert str(folder / RECORD) in caplog.text
    assert [summary.seed for summary in summaries(store)] == [2]
    with pytest.raises(RecordError, match=r"record\.json"):
        store.read(folder)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema_version": 999}, r"seed-0-\w+: record\.json has schema version 999"),
        ({"test_reads": "many"}, "test_reads: Input should be a valid integer"),
        ({"notes": {"loss": float("nan")}}, "Out of range float values are not JSON compliant; log and note finite"),
        ({"config": {"gamma": float("inf")}}, "Out of range float"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(store, make_record, predictions, change, why):
    store.write(make_record(), predictions)
    with pytest.raises((RecordError, ValueError), match=why):
        store.write(make_record(**change), predictions)
    assert list(store.records()) == [make_record()]
    assert left_over(store) == []


@pytest.mark.parametrize("damage", ['"notes": {"a": NaN}', '"notes": {"a": 1e999}', '"selection": {"a": [-1e999]}'])
def test_numbers_that_can_not_be_kept_are_damage(store, make_record, predictions, damage):
    path = store.write(make_record(), predictions) / RECORD
    path.write_text(f"{path.read_text().rstrip().removesuffix('}')}, {damage}}}")
    (named,) = store.records()
    assert str(path) in str(named)


@pytest.mark.parametrize("depth", [150, 250, 100_000])
def test_deep_nesting_is_read_and_written_or_refused(store, make_record, predictions, depth):
    path = store.write(make_record(), predictions) / RECORD
    path.write_text(path.read_text().replace('"notes":{}', f'"notes":{{"a":{"[" * depth}{"]" * depth}}}'))
    (record,) = store.records()
    assert isinstance(record, Record) == (depth == 150)
    if depth == 150:
        store.write(record, predictions)
        assert store.record(record.key) == record


def test_a_store_that_no_earlier_version_wrote_in_says_so(store, make_record, predictions):
    store.write(make_record(), predictions)
    assert (store.root / ".schema").read_text() == f"{SCHEMA_VERSION}\n"


def test_failures_are_kept_until_the_cell_succeeds(store, make_record, predictions):
    first, second = make_record(seed=1), make_record(seed=2)
    for record in (first, second, first):
        store.write_failure(failure(record))
    assert sorted(f.key.seed for f in store.failures()) == [1, 2]
    store.write(first, predictions)
    assert list(store.failures()) == [failure(second)]
    store.clear_failure(second.key)
    store.clear_failure(second.key)
    assert list(store.failures()) == []


def test_a_full_disk_leaves_no_half_failure(store, make_record, monkeypatch):
    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(RecordError, match="free disk space"):
        store.write_failure(failure(make_record()))
    assert list(store.failures()) == left_over(store) == []


def test_explain_names_the_parts_of_the_key_that_differ(store, make_record, predictions):
    stored = {"steps": 500, "layers": [64, 64], "old": True}
    store.write(make_record(config=stored), predictions)
    store.write(make_record(config=stored, protocol="strict", features="0" * 16), predictions)
    store.write(make_record(config=stored, seed=1, precision="bfloat16"), predictions)
    wanted = make_record(config={"steps": 1000, "layers": (64, 64)}, precision="bfloat16").key
    assert store.explain(wanted) == [
        "generator.config.old: true -> absent",
        "generator.config.steps: 500 -> 1000",
        "precision: float32 -> bfloat16",
    ]
    assert store.explain(make_record(config=stored).key) == []
    assert store.explain(make_record(method="other").key) == []


def test_explain_tells_long_values_apart(store, make_record, predictions):
    store.write(make_record(config={"text": "x" * 99 + "a"}), predictions)
    (line,) = store.explain(make_record(config={"text": "x" * 99 + "b"}).key)
    assert line.startswith("generator.config.text: xxx")
    assert len(line) < 200


names = st.text(max_size=150) | st.sampled_from([".", "..", "", "a/b", "a%2Fb", "CUB@sent", "a+b", "x" * 500])


@given(names)
def test_any_name_is_one_file_name(name):
    safe = path_safe(name)
    assert "/" not in safe
    assert "\0" not in safe
    assert not safe.startswith(".")
    assert 0 < len(safe.encode()) < 200


@given(names, names)
def test_different_names_get_different_file_names(one, other):
    assert (path_safe(one) == path_safe(other)) == (one == other)


@pytest.mark.parametrize("name", ["CUB@sent", "f-gan+none+softmax", "proposed_v2"])
def test_common_names_stay_as_they_are(name):
    assert path_safe(name) == name


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "..", "ü" * 200])
def test_strange_names_stay_inside_the_store(store, make_record, predictions, name):
    record = make_record(data_set=name, split=name)
    folder = store.write(record, predictions)
    assert folder.resolve().is_relative_to(store.root.resolve() / "records")
    assert list(store.records()) == [record]


def test_an_answer_key_is_kept_once_for_a_data_set_and_split(store, make_record):
    answers = AnswerKey(np.array([2, 5]), np.array([0, 1]), np.array([0]), np.array([1]), ("ant", "bee"))
    key = make_record().key
    assert not store.has_answer_key(key)
    assert store.answer_key(key) is None
    store.write_answer_key(key, answers)
    same_data = replace(key, seed=3, protocol="paper")
    assert store.has_answer_key(same_data)
    assert store.answer_key(same_data).labels.tolist() == [0, 1]
    assert not store.has_answer_key(replace(key, split_hash="another"))
    assert left_over(store) == []


def test_samples_come_back_whatever_their_names(store, make_record, predictions):
    """They are not names of files: a component may keep x and X, and give either a path for a name."""
    record = make_record()
    samples = {name: np.arange(3, dtype=np.float16) for name in ("gan.x", "gan.X", "gan.a/b", "gan.step: 5", "gan.ü")}
    folder = store.write(record, predictions, samples)
    assert sorted(path.name for path in folder.iterdir()) == [PREDICTIONS, RECORD, SAMPLES]
    assert store.samples(record.key).keys() == samples.keys()
    assert all(np.array_equal(array, np.arange(3)) for array in store.samples(record.key).values())


def test_without_samples_there_are_none(store, make_record, predictions):
    store.write(make_record(), predictions)
    assert store.samples(make_record().key) == {}


def test_damaged_samples_are_named(store, make_record, predictions):
    path = store.write(make_record(), predictions, {"gan.labels": np.arange(100)}) / SAMPLES
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(RecordError, match=r"samples\.npz is not a complete zip archive; run it with --keep-samples"):
        store.samples(make_record().key)


def test_hashes_of_a_record_from_elsewhere_lead_nowhere_else(store, make_record):
    key = replace(make_record().key, labels="../../../etc/passwd", split_hash="/tmp/x")
    store.write_answer_key(key, AnswerKey(*(np.array([0]) for _ in range(4)), ("ant",)))
    assert [path.parent for path in store.root.rglob("*.npz")] == [store.root / "answers"]


@pytest.mark.parametrize("name", [RECORD, "predictions.npz"])
@pytest.mark.parametrize("kept", [0, 1, 100, -1, -2, None])
def test_a_record_that_was_cut_off_does_not_count(store, make_record, predictions, caplog, name, kept):
    record = make_record()
    path = store.write(record, predictions) / name
    assert store.has_whole(record.key)
    whole = path.read_bytes()
    path.unlink() if kept is None else path.write_bytes(whole[:kept])
    assert not store.has_whole(record.key)
    assert f"{path.parent} is damaged: its cell is to be run again" in caplog.text
    store.write(record, predictions)
    assert store.has_whole(record.key)
    assert path.read_bytes() == whole
