import json
import os
import random
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gzslbench.data.catalogue import Catalogue
from gzslbench.data.splits import adversarial_split, random_splits
from gzslbench.errors import DataError, RecordError
from gzslbench.records.differences import named
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import Record
from gzslbench.records.rescore import NOTE, Rescored, Rescoring, Unscored
from gzslbench.records.store import PREDICTIONS, RECORD, Store

FIXTURE = Path(__file__).parents[1] / "fixtures" / "records" / "v2"


@pytest.fixture
def open_data(tiny_cache):
    return lambda name: Catalogue.find([], cache_dir=tiny_cache).open(name, tiny_cache)


def contents(store):
    files = (path for path in store.root.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(store.root).as_posix(): path.read_bytes() for path in files}


def distort(store, record, **metrics):
    """Let a record say something else than its predictions, as if a metric had been fixed since."""
    stale = replace(record, metrics=replace(record.metrics, **metrics))
    (store.folder(record.key) / RECORD).write_text(stale.to_json())
    return stale


def no_data(name):
    raise DataError(f"data set '{name}' lacks its files", "put them there")


def first_folder(store):
    return store.folder(next(store.records()).key)


def answers_of(store):
    (path,) = (store.root / "answers").iterdir()
    return path


def test_what_is_right_stays_byte_by_byte(store):
    before = contents(store)
    outcomes = list(Rescoring(store, no_data).run())
    assert [outcome.changes for outcome in outcomes] == [{}, {}, {}]
    assert contents(store) == before


def test_what_is_wrong_is_put_right_and_noted(store):
    right = next(store.records())
    stale = distort(store, right, h=0.125, routing_seen=replace(right.metrics.routing_seen, either=0.5))
    before = contents(store)
    changed = [outcome for outcome in Rescoring(store, no_data).run() if outcome.changes]
    assert [outcome.record for outcome in changed] == [stale]
    assert changed[0].changes == {
        "h": (0.125, right.metrics.h),
        "routing_seen.either": (0.5, right.metrics.routing_seen.either),
    }
    after = store.read(store.folder(right.key))
    assert after.metrics == right.metrics
    note = after.notes[NOTE]
    assert note[0]["before"] == {"h": 0.125, "routing_seen.either": 0.5}
    assert replace(after, metrics=stale.metrics, notes=stale.notes) == stale, "it must not look like a new measurement"
    changed_files = {name for name, content in contents(store).items() if before[name] != content}
    assert changed_files == {(store.folder(right.key) / RECORD).relative_to(store.root).as_posix()}
    assert not any(outcome.changes for outcome in Rescoring(store, no_data).run())


def test_a_second_rescoring_is_noted_behind_the_first(store):
    right = next(store.records())
    for h in (0.1, 0.2):
        distort(store, store.read(store.folder(right.key)), h=h)
        list(Rescoring(store, no_data).run())
    assert [entry["before"]["h"] for entry in store.read(store.folder(right.key)).notes[NOTE]] == [0.1, 0.2]


def test_an_auroc_that_appears_is_a_change(store):
    right = next(record for record in store.records() if record.metrics.gate_auroc is not None)
    distort(store, right, gate_auroc=None)
    (changed,) = (outcome for outcome in Rescoring(store, no_data).run() if outcome.changes)
    assert changed.changes == {"gate_auroc": (None, right.metrics.gate_auroc)}


def test_the_order_of_additions_is_no_change(store):
    right = next(store.records())
    distort(store, right, ausuc=right.metrics.ausuc + 1e-12)
    assert not any(outcome.changes for outcome in Rescoring(store, no_data).run())


def test_check_changes_nothing(store, open_data):
    distort(store, next(store.records()), h=0.1)
    answers_of(store).unlink()
    before = contents(store)
    rescoring = Rescoring(store, open_data, check=True)
    assert [bool(outcome.changes) for outcome in rescoring.run()] == [True, False, False]
    assert rescoring.found == ["glyphs, split 'official'"]
    assert contents(store) == before


def test_a_missing_answer_key_is_taken_from_the_data_and_kept(store, open_data):
    path = answers_of(store)
    path.unlink()
    rescoring = Rescoring(store, open_data)
    assert [outcome.changes for outcome in rescoring.run()] == [{}, {}, {}]
    assert rescoring.found == ["glyphs, split 'official'"]
    with np.load(path) as made, np.load(FIXTURE / "answers" / path.name) as kept:
        assert made.files == kept.files
        assert all(np.array_equal(made[name], kept[name]) for name in made.files)
    assert [outcome.changes for outcome in Rescoring(store, no_data).run()] == [{}, {}, {}]


def test_without_labels_all_records_share_one_reason_and_others_go_on(store, open_data, make_record, tiny_cache):
    for seed in range(2):
        folder = store.folder(make_record(data_set="GONE", seed=seed).key)
        folder.mkdir(parents=True)
        (folder / RECORD).write_text(make_record(data_set="GONE", seed=seed).to_json())
    outcomes = list(Rescoring(store, open_data).run())
    unscored = [outcome for outcome in outcomes if isinstance(outcome, Unscored)]
    assert len(unscored) == 2
    assert unscored[0] is unscored[1]
    assert unscored[0].what == "GONE, split 'official'"
    assert str(unscored[0].error).startswith("there is no answer key, and the data can't be opened: there is no data")
    assert sum(isinstance(outcome, Rescored) for outcome in outcomes) == 3


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"labels": "0" * 16}, r"has other labels \(\w+\) than the record \(0{16}\); name the folder .* by --data-dir"),
        ({"split_hash": "0" * 16}, "has no split with the hash 0{16}"),
    ],
)
def test_other_data_is_refused(store, open_data, change, why):
    old = next(store.records())
    record = replace(old, key=replace(old.key, **change))
    shutil.copytree(store.folder(old.key), store.folder(record.key))
    (store.folder(record.key) / RECORD).write_text(record.to_json())
    before = contents(store)
    (unscored,) = (each for each in Rescoring(store, open_data).run() if isinstance(each, Unscored))
    with pytest.raises(DataError, match=why):
        raise unscored.error
    assert contents(store) == before


def test_splits_that_were_drawn_are_found(store, open_data):
    glyphs = open_data("glyphs")
    drawn = [random_splits(glyphs, 5, 0, glyphs.split())[3], adversarial_split(glyphs, glyphs.split())]
    old = next(store.records())
    for split in drawn:
        key = replace(old.key, protocol="splits", split=split.name, split_hash=split.fingerprint)
        tests = np.concatenate([split.test_seen, split.test_unseen])
        guess, margin = glyphs.labels[tests], np.zeros(len(tests), dtype=np.float32)
        arrays = dict.fromkeys(("predicted", "best_seen", "best_unseen"), guess)
        prior = np.zeros((len(tests), 2), dtype=np.float32)
        store.write(
            replace(old, key=key), Predictions.of({"samples": tests, **arrays, "margin": margin, "log_prior": prior})
        )
    changed = [outcome for outcome in Rescoring(store, open_data).run() if outcome.changes]
    assert [outcome.changes["h"][1] for outcome in changed] == [1.0, 1.0]


def test_predictions_of_other_samples_are_named(store):
    record = next(store.records())
    path = store.folder(record.key) / PREDICTIONS
    with np.load(path) as archive:
        shorter = {name: array[1:] for name, array in archive.items()}
    np.savez(path, **shorter)
    unscored, *others = Rescoring(store, no_data).run()
    assert unscored.what == named(record)
    assert "predictions and answer key don't fit: predictions of " in str(unscored.error)
    assert str(unscored.error).endswith("run the cell again with --force")
    assert len(others) == 2


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("log_prior", lambda array: array[:, :1]),
        ("predicted", lambda array: array.astype(np.int64) + 2**62),
        ("best_seen", lambda array: array.astype(np.int64) - 100),
        ("margin", lambda array: array.astype("U9")),
    ],
)
def test_arrays_that_can_not_be_scored_are_named(store, name, damage):
    record = next(store.records())
    path = store.folder(record.key) / PREDICTIONS
    with np.load(path) as archive:
        np.savez(path, **{**archive, name: damage(archive[name])})
    unscored, *others = Rescoring(store, no_data).run()
    assert unscored.what == named(record)
    assert [other.changes for other in others] == [{}, {}]


def test_a_damaged_answer_key_is_one_reason_for_all(store):
    answers_of(store).write_bytes(b"PK")
    unscored = list(Rescoring(store, no_data).run())
    assert {each.what for each in unscored} == {"glyphs, split 'official'"}
    assert str(answers_of(store)) in str(unscored[0].error)


def test_records_of_version_1_keep_their_metrics_and_get_what_they_lack(tmp_path):
    shutil.copytree(FIXTURE.with_name("v1"), tmp_path / "old")
    old = Store(tmp_path / "old")
    assert [outcome.changes for outcome in Rescoring(old, no_data).run()] == [{}, {}, {}]
    assert all(0 < record.metrics.h <= record.metrics.h_best for record in old.records())
    distort(old, next(old.records()), h=0.1)
    assert [bool(outcome.changes) for outcome in Rescoring(old, no_data).run()] == [True, False, False]
    assert [outcome.changes for outcome in Rescoring(old, no_data).run()] == [{}, {}, {}]


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff"])
def test_a_damaged_record_is_named(store, damage):
    folder = first_folder(store)
    (folder / RECORD).write_bytes(damage)
    unscored, *others = Rescoring(store, no_data).run()
    assert unscored.what == "a damaged record"
    assert str(folder / RECORD) in str(unscored.error)
    assert len(others) == 2


def test_a_record_in_the_wrong_folder_is_left_alone(store):
    folder = first_folder(store)
    moved = folder.rename(folder.with_name("seed-7-0000000000000000"))
    unscored, *others = Rescoring(store, no_data).run()
    assert f"{moved / RECORD} belongs into {folder}" in str(unscored.error)
    assert len(others) == 2


def test_a_full_disk_is_told(store, monkeypatch):
    distort(store, next(store.records()), h=0.1)
    before = contents(store)

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(RecordError, match=r"can't write .*record\.json: No space left on device"):
        list(Rescoring(store, no_data).run())
    assert contents(store) == before


def test_a_kill_at_any_moment_loses_nothing(store):
    delays, right = random.Random(0), list(store.records())
    for _ in range(8):
        stale = [distort(store, record, h=0.1) for record in right]
        child = os.fork()
        if child == 0:  # rescores and spoils again until it is killed
            while True:
                list(Rescoring(store, no_data).run())
                for record in stale:
                    distort_atomically(store, record)
        time.sleep(delays.uniform(0.01, 0.1))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for record in right:
            found = store.read(store.folder(record.key))
            assert found.metrics.h in (0.1, record.metrics.h)
            assert len(store.predictions(record.key).samples)
    list(Rescoring(store, no_data).run())
    assert [record.metrics for record in store.records()] == [record.metrics for record in right]


def distort_atomically(store, record: Record):
    path = store.folder(record.key) / RECORD
    (path.parent / "draft").write_text(record.to_json())
    (path.parent / "draft").replace(path)


def test_the_note_is_json(store):
    distort(store, next(store.records()), h=0.1)
    (changed,) = (outcome for outcome in Rescoring(store, no_data).run() if outcome.changes)
    text = (store.folder(changed.record.key) / RECORD).read_text()
    assert json.loads(text)["notes"][NOTE][0]["by"].startswith("gzslbench ")
