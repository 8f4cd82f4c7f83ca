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
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import Failure
from gzslbench.records.store import PREDICTIONS, RECORD, Store, path_safe


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


@pytest.fixture
def predictions():
    count = 50
    rows, scores = np.arange(count), np.linspace(0, 1, count, dtype=np.float32)
    return Predictions(rows, rows, rows, rows, rows, scores, scores, np.zeros((count, 2), dtype=np.float32))


def failure(record):
    return Failure(record.key, record.method, "timeout", "fit generator", "took more than 60 s")


def left_over(store):
    return list((store.root / ".incomplete").glob("*"))


def test_what_is_written_is_read(store, make_record, predictions):
    record = make_record(curves={"loss": [(1, 0.5), (2, 0.25)]}, notes={"chosen": ["a", 1, 0.5, None]})
    assert not store.has(record.key)
    folder = store.write(record, predictions)
    assert store.has(record.key)
    assert store.read(folder) == record
    assert list(store.records()) == [record]
    np.testing.assert_array_equal(store.predictions(record.key).score_seen, predictions.score_seen)
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
    assert looks == ["access"]


def test_a_killed_writer_leaves_complete_records_only(store, make_record, predictions):
    delays, record = random.Random(0), make_record()
    interrupted = written = 0
    for attempt in range(8):
        child = os.fork()
        if child == 0:  # the writer: works until it is killed
            for seed in range(1000 * attempt, 1000 * (attempt + 1)):
                store.write(replace(record, key=replace(record.key, seed=seed)), predictions)
            os._exit(0)
        while len(list(store.folders())) == written:
            time.sleep(0.01)
        time.sleep(delays.uniform(0.0, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        interrupted += len(left_over(store))
        written = len(list(store.folders()))
        for folder in store.folders():
            assert store.folder(store.read(folder).key) == folder
            Predictions.load(folder / PREDICTIONS)
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


@pytest.mark.parametrize("damage", [b"", b'{"key": ', b"{}", b"\xff\xfe"])
def test_a_damaged_record_is_named_and_left_out(store, make_record, predictions, caplog, damage):
    folder = store.write(make_record(seed=1), predictions)
    store.write(make_record(seed=2), predictions)
    (folder / RECORD).write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        assert [record.key.seed for record in store.records()] == [2]
    assert str(folder / RECORD) in caplog.text
    with pytest.raises(RecordError, match=r"record\.json"):
        store.read(folder)


def test_a_record_of_another_schema_is_refused(store, make_record, predictions):
    folder = store.write(make_record(schema_version=999), predictions)
    with pytest.raises(RecordError, match="schema version 999"):
        store.read(folder)


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
    store.write(make_record(config=stored, seed=1, precision="tf32"), predictions)
    wanted = make_record(config={"steps": 1000, "layers": (64, 64)}, precision="tf32").key
    assert store.explain(wanted) == [
        "generator.config.old: true -> absent",
        "generator.config.steps: 500 -> 1000",
        "precision: float32 -> tf32",
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
    record = make_record(data_set=name, split=name, method=name)
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


def test_hashes_of_a_record_from_elsewhere_lead_nowhere_else(store, make_record):
    key = replace(make_record().key, labels="../../../etc/passwd", split_hash="/tmp/x")
    store.write_answer_key(key, AnswerKey(*(np.array([0]) for _ in range(4)), ("ant",)))
    assert [path.parent for path in store.root.rglob("*.npz")] == [store.root / "answers"]
