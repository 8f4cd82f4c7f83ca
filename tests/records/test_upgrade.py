import json
import logging
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gzslbench.errors import RecordError
from gzslbench.records import index, record
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import SCHEMA_VERSION, Failure, Record
from gzslbench.records.store import PREDICTIONS, RECORD, Store
from gzslbench.records.upgrade import FIRST_VERSION, UPGRADES, upgraded

FIXTURES = Path(__file__).parents[1] / "fixtures" / "records"
VERSIONS = range(FIRST_VERSION, SCHEMA_VERSION + 1)
FOLDERS = [folder for version in VERSIONS for folder in Store(FIXTURES / f"v{version}").folders()]


def second(values):
    """Version 2 counts seconds in one field."""
    return {**{name: value for name, value in values.items() if name != "minutes"}, "s": 60 * values["minutes"]}


def third(values):
    """Version 3 gives them a unit."""
    return {**{name: value for name, value in values.items() if name != "s"}, "fit_s": values["s"]}


def up(values, *upgrades):
    return json.loads(upgraded(json.dumps(values), "old/record.json", upgrades))


def test_upgrades_are_applied_in_order_from_the_record_s_own_version():
    assert up({"schema_version": 1, "minutes": 2}, second, third) == {"schema_version": 3, "fit_s": 120}
    assert up({"schema_version": 2, "s": 7}, second, third) == {"schema_version": 3, "fit_s": 7}
    assert up({"schema_version": 3, "fit_s": 7}, second, third) == {"schema_version": 3, "fit_s": 7}


@pytest.mark.parametrize("version", [0, -1, 4])
def test_a_version_that_is_not_known_is_refused(version):
    with pytest.raises(RecordError, match=rf"old/record\.json has schema version {version}, .* reads 1 to 3; update"):
        up({"schema_version": version}, second, third)


@pytest.mark.parametrize("values", [{}, {"schema_version": "1"}, {"schema_version": None}, {"schema_version": True}])
def test_a_record_without_a_version_is_refused(values):
    with pytest.raises(RecordError, match="no record: schema_version: it is missing, or no whole number"):
        up(values)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", "[" * 100_000, "[1]", "3"])
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(RecordError, match=r"old/record\.json is no record: file: "):
        upgraded(text, "old/record.json")


def test_what_an_upgrade_can_not_read_is_refused():
    with pytest.raises(RecordError, match=r"not of schema version 1, as it says: KeyError.'minutes'"):
        up({"schema_version": 1}, second, third)


def test_a_record_of_an_earlier_version_is_read(make_record, monkeypatch):
    """As it will be when the first upgrade comes: here, version 1 named the budget otherwise."""
    monkeypatch.setattr(record, "SCHEMA_VERSION", 2)
    renamed = partial(
        upgraded, upgrades=[lambda old: {k: v for k, v in old.items() if k != "plan"} | {"budget": old["plan"]}]
    )
    monkeypatch.setattr(record, "upgraded", renamed)
    newest = make_record(schema_version=2, budget="quick")
    values = json.loads(newest.to_json())
    values |= {"schema_version": 1, "plan": values.pop("budget")}
    assert Record.from_json(json.dumps(values)) == newest
    assert Record.from_json(newest.to_json()) == newest


def test_a_record_that_is_valid_as_it_stands_is_upgraded_all_the_same(make_record, monkeypatch):
    monkeypatch.setattr(record, "SCHEMA_VERSION", 2)
    monkeypatch.setattr(
        record, "upgraded", partial(upgraded, upgrades=[lambda old: old | {"test_reads": 10 * old["test_reads"]}])
    )
    assert Record.from_json(make_record(test_reads=3).to_json()).test_reads == 30


@pytest.mark.parametrize("place", ["", "timings", "key", "key.gate", "metrics.routing_seen", "environment"])
def test_a_field_that_is_not_known_is_named(make_record, place):
    values = json.loads(make_record().to_json())
    inner = values
    for name in filter(None, place.split(".")):
        inner = inner[name]
    inner["later"] = 1
    path = f"{place}.later".lstrip(".")
    with pytest.raises(RecordError, match=rf"record\.json is no record: {path}: not known here; update gzslbench"):
        Record.from_json(json.dumps(values))


def test_free_fields_hold_what_they_like(make_record):
    free = make_record(notes={"later": {"x": [1]}}, selection={"later": 1}, config={"later": {"y": None}})
    assert Record.from_json(free.to_json()) == free


def test_a_number_that_json_lacks_is_refused(make_record):
    text = make_record().to_json().replace('"h": 0.5', '"h": NaN')
    with pytest.raises(RecordError, match=r"metrics\.h: Input should be a finite number"):
        Record.from_json(text)


def test_a_field_of_a_failure_that_is_not_known_is_named(make_record):
    values = json.loads(Failure(make_record().key, "eszsl", "error", "start", "it broke").to_json())
    with pytest.raises(RecordError, match="no failure: later: not known here"):
        Failure.from_json(json.dumps(values | {"later": 1}))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_schema_version_has_a_fixture(version):
    """Whoever adds an upgrade also keeps a few records of the version before it, and of the new one."""
    folders = list(Store(FIXTURES / f"v{version}").folders())
    assert folders
    for folder in folders:
        assert json.loads((folder / RECORD).read_text())["schema_version"] == version


def test_the_schema_version_counts_the_upgrades():
    assert len(UPGRADES) + 1 == SCHEMA_VERSION
    assert sorted(path.name for path in FIXTURES.iterdir()) == sorted(f"v{version}" for version in VERSIONS)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: "/".join(folder.parts[-7:-1]))
def test_every_fixture_is_read_and_gives_its_metrics(folder):
    store = Store(folder.parents[5])
    record = store.read(folder)
    assert record.schema_version == SCHEMA_VERSION
    assert store.folder(record.key) == folder, "an upgrade has changed the key, by which the record is found"
    assert Record.from_json(record.to_json()) == record
    answers = store.answer_key(record.key)
    assert answers is not None
    metrics = answers.score(store.predictions(record.key))
    assert metrics.per_class == pytest.approx(record.metrics.per_class)
    for name in ("t1", "u", "s", "h", "ausuc", "gate_auroc", "gate_fpr95"):
        assert getattr(metrics, name) == pytest.approx(getattr(record.metrics, name)), name


def test_fixtures_cover_what_was_added_within_version_1():
    texts = [json.loads((folder / RECORD).read_text()) for folder in Store(FIXTURES / "v1").folders()]
    assert {"seeds_together" in text["timings"] for text in texts} == {True, False}
    assert {bool(text["key"]["candidates"]) for text in texts} == {True, False}
    loaded = [Predictions.load(folder / PREDICTIONS) for folder in Store(FIXTURES / "v1").folders()]
    assert {predictions.gate_score is None for predictions in loaded} == {True, False}


def test_predictions_with_an_array_that_is_not_known_are_refused(tmp_path):
    with np.load(FOLDERS[0] / PREDICTIONS) as archive:
        np.savez(tmp_path / PREDICTIONS, **archive, later=np.zeros(3))
    with pytest.raises(RecordError, match=r"holds no predictions: .*later"):
        Predictions.load(tmp_path / PREDICTIONS)


def test_the_index_of_an_earlier_format_is_dropped(make_record, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(index, "SETTLED_NS", -(10**12))
    store = Store(tmp_path)
    folder = store.folder(make_record().key)
    folder.mkdir(parents=True)
    (folder / RECORD).write_text(make_record().to_json())
    for kind in ([index.FORMAT - 1, *index._KIND[1:]], [index.FORMAT, SCHEMA_VERSION + 1, *index._KIND[2:]]):
        with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
            patch.setattr(index, "_KIND", kind)
            before = store.results()
            assert index.load(tmp_path / ".index")
        assert index.load(tmp_path / ".index") == {}
        assert store.results() == before
        assert index.load(tmp_path / ".index")
    assert not caplog.records
