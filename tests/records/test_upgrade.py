import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gzslbench.contract.info import Info
from gzslbench.contract.protocol import protocol_named
from gzslbench.data.catalogue import Catalogue
from gzslbench.errors import RecordError
from gzslbench.records import record
from gzslbench.records.compact import CompactResults
from gzslbench.records.exchange.opening import open_results
from gzslbench.records.exchange.pack import Wanted, pack
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import SCHEMA_VERSION, Failure, Record
from gzslbench.records.results import read_cell
from gzslbench.records.store import PREDICTIONS, RECORD, Store
from gzslbench.records.upgrade import DECLARED, FIRST_VERSION, TYPED, UPGRADES, parsed, upgraded
from gzslbench.registry.combinations import Resolver, of_parts
from gzslbench.registry.declarations import find_plugins, read_listing
from gzslbench.registry.registry import load_plugins
from gzslbench.runner.plan import Scope, Task, make_plan

FIXTURES = Path(__file__).parents[1] / "fixtures" / "records"
VERSIONS = range(FIRST_VERSION, SCHEMA_VERSION + 1)
PLACES = {path.name: (CompactResults if "compact" in path.name else Store)(path) for path in FIXTURES.iterdir()}


def jsons(version):
    return [json.loads(path.read_text()) for path in sorted((FIXTURES / version).rglob(RECORD))]


def second(values):
    """Version 2 counts seconds in one field."""
    return {**{name: value for name, value in values.items() if name != "minutes"}, "s": 60 * values["minutes"]}


def third(values):
    """Version 3 gives them a unit."""
    return {**{name: value for name, value in values.items() if name != "s"}, "fit_s": values["s"]}


def up(values, *upgrades):
    return upgraded(values, "old/record.json", upgrades)


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
    with pytest.raises(RecordError, match="not a record: schema_version: it is missing, or not a whole number"):
        up(values)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", "[" * 100_000, '{"a":' * 100_000, "[1]", "3", '{"a": NaN}'])
def test_what_is_not_a_json_object_is_refused(text):
    with pytest.raises(RecordError, match=r"old/record\.json is not a record: (Invalid JSON|it does not hold)"):
        parsed(text, "old/record.json")


def test_what_an_upgrade_can_not_read_is_refused():
    with pytest.raises(RecordError, match=r"not of schema version 1, as it says: KeyError.'minutes'"):
        up({"schema_version": 1}, second, third)


def test_a_record_of_an_earlier_version_is_read(make_record, monkeypatch):
    """As it will be when the next upgrade comes: here, the version of today named the budget otherwise."""
    renamed = partial(
        upgraded,
        upgrades=[*UPGRADES, lambda old: {k: v for k, v in old.items() if k != "plan"} | {"budget": old["plan"]}],
    )
    monkeypatch.setattr(record, "upgraded", renamed)
    newest = make_record(schema_version=SCHEMA_VERSION + 1, budget="quick")
    values = json.loads(newest.to_json())
    values |= {"schema_version": SCHEMA_VERSION, "plan": values.pop("budget")}
    assert Record.from_json(json.dumps(values)) == newest
    assert Record.from_json(newest.to_json()) == newest


def test_a_record_that_is_valid_as_it_stands_is_upgraded_all_the_same(make_record, monkeypatch):
    tenfold = [*UPGRADES, lambda old: old | {"test_reads": 10 * old["test_reads"]}]
    monkeypatch.setattr(record, "upgraded", partial(upgraded, upgrades=tenfold))
    assert Record.from_json(make_record(test_reads=3).to_json()).test_reads == 30


@pytest.mark.parametrize("place", ["", "timings", "key", "key.gate", "metrics.routing_seen", "environment"])
def test_a_field_that_is_not_known_is_named(make_record, place):
    values = json.loads(make_record().to_json())
    inner = values
    for name in filter(None, place.split(".")):
        inner = inner[name]
    inner["later"] = 1
    path = f"{place}.later".lstrip(".")
    with pytest.raises(RecordError, match=rf"record\.json is not a record: {path}: not known here; update gzslbench"):
        Record.from_json(json.dumps(values))


def test_free_fields_hold_what_they_like(make_record):
    free = make_record(notes={"later": {"x": [1]}}, selection={"later": 1}, config={"later": {"y": None}})
    assert Record.from_json(free.to_json()) == free


def test_a_number_that_json_lacks_is_refused(make_record):
    text = make_record().to_json().replace('"h":0.5', '"h":1e999')
    with pytest.raises(RecordError, match=r"metrics\.h: Input should be a finite number"):
        Record.from_json(text)


def test_a_field_of_a_failure_that_is_not_known_is_named(make_record):
    values = json.loads(Failure(make_record().key, "eszsl", "error", "start", "it broke").to_json())
    with pytest.raises(RecordError, match="not a failure: later: not known here"):
        Failure.from_json(json.dumps(values | {"later": 1}))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_schema_version_has_a_fixture(version):
    """Whoever adds an upgrade also keeps a few records of the version before it, and of the new one."""
    assert {values["schema_version"] for values in jsons(f"v{version}")} == {version}


def test_the_schema_version_counts_the_upgrades():
    assert len(UPGRADES) + 1 == SCHEMA_VERSION
    every = {f"v{version}" for version in VERSIONS} | {f"compact-v{version}" for version in VERSIONS if version > 1}
    assert PLACES.keys() == every


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_every_fixture_is_read_and_gives_its_metrics(place):
    records = list(place.records())
    assert len(records) == 3
    for each in records:
        assert isinstance(each, Record)
        assert each.schema_version == SCHEMA_VERSION
        assert place.has(each.key), "an upgrade has changed the key, by which the record is found"
        assert place.record(each.key) == each == Record.from_json(each.to_json())
        answers = place.answer_key(each.key)
        assert answers is not None
        metrics = answers.score(place.predictions(each.key))
        for name in ("t1", "u", "s", "h"):
            assert getattr(metrics, name) == getattr(each.metrics, name), name
        for name in ("ausuc", "gate_auroc", "gate_fpr95"):
            assert getattr(metrics, name) == pytest.approx(getattr(each.metrics, name), abs=1e-5), name


def test_fixtures_of_all_versions_are_of_the_same_cells(hold_the_same):
    digests = {name: sorted(each.digest for each in place.records()) for name, place in PLACES.items()}
    assert len({tuple(each) for each in digests.values()}) == 1
    for each in PLACES["v1"].records():
        assert hold_the_same(PLACES["v1"], PLACES["v2"], each)


def test_fixtures_cover_what_was_added_within_version_1():
    texts = jsons("v1")
    assert {"seeds_together" in text["timings"] for text in texts} == {True, False}
    assert {bool(text["key"]["candidates"]) for text in texts} == {True, False}
    loaded = [Predictions.load(path) for path in (FIXTURES / "v1").rglob(PREDICTIONS)]
    assert {predictions.gate_score is None for predictions in loaded} == {True, False}


def test_version_2_has_what_version_1_had():
    olds = {values["created"]: values for values in jsons("v1")}
    for new in PLACES["v2"].records():
        old = olds[new.created]
        assert new.test_reads == old["looks"]
        assert {name: (c.steps, c.values) for name, c in new.curves.items()} == {
            name: (tuple(step for step, _ in points), tuple(value for _, value in points))
            for name, points in old["curves"].items()
        }
        assert new.metrics.h == old["metrics"]["h"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("key", None), ("metrics", []), ("curves", {"loss": [[1]]}), ("curves", 3), ("selection", []), ("looks", "many")],
)
def test_what_is_not_of_version_1_is_refused(name, value):
    with pytest.raises(RecordError, match=r"old is not a record"):
        Record.from_json(json.dumps(jsons("v1")[0] | {name: value}), "old")


@pytest.mark.parametrize("part", [{}, {"name": [], "code": ""}, {"name": "none"}, 3, "none"])
def test_a_key_that_is_not_of_version_1_is_refused(part):
    values = jsons("v1")[0]
    with pytest.raises(RecordError, match=r"old is not a record"):
        Record.from_json(json.dumps(values | {"key": values["key"] | {"gate": part}}), "old")


def test_a_source_that_only_has_a_moved_one_s_name_keeps_its_hash():
    values = jsons("v1")[0]
    values["key"]["gate"] |= {"name": "none", "code": "another"}
    assert Record.from_json(json.dumps(values)).key.gate.code == "another"


def test_predictions_with_an_array_that_is_not_known_are_refused(tmp_path):
    path = next((FIXTURES / "v1").rglob(PREDICTIONS))
    with np.load(path) as archive:
        np.savez(tmp_path / PREDICTIONS, **archive, later=np.zeros(3))
    with pytest.raises(RecordError, match=r"does not hold predictions: .*later"):
        Predictions.load(tmp_path / PREDICTIONS)


@pytest.fixture
def old(tmp_path):
    """A results folder that gzslbench 0.1 wrote."""
    shutil.copytree(FIXTURES / "v1", tmp_path / "old")
    return Store(tmp_path / "old")


def planned(cache, *parts, protocol, settings=None):
    """The keys that a run with the built-in plugins plans on the bundled data set."""
    registry = load_plugins()
    data_set = Catalogue.find([], cache_dir=cache).open("glyphs", cache)
    plan = make_plan(
        [of_parts(registry, *parts)],
        [Task(data_set, data_set.split())],
        Resolver(registry, "", settings or {}),
        Scope([protocol_named(protocol)], [0]),
    )
    return [cell.key for cell in plan.cells()]


def test_a_folder_of_version_1_is_continued(old, tiny_cache):
    """Nothing is trained again, as long as the built-in sources are those that made the records."""
    codes = {each.key.classifier.code for each in old.records() if each.key.protocol == "strict"}
    (key,) = planned(tiny_cache, "none", "none", "eszsl", protocol="strict")
    if {key.classifier.code} != codes or key.gate.code != DECLARED["none"][1]:
        pytest.skip("a built-in source has changed since")
    assert old.has(key), old.explain(key)
    with old.writing():
        assert old.has(key)
    assert Store(old.root).has(key)


def test_earlier_records_move_at_the_first_write(old):
    keys = [each.key for each in old.records()]
    with old.writing():
        pass
    assert (old.root / ".schema").exists()
    for store in (old, Store(old.root)):
        assert [each.key for each in store.records()] == sorted(keys, key=lambda key: str(store.folder(key)))
        assert all(store.folder(key).name.endswith(key.digest()) for key in keys)
        assert all(len(store.predictions(key).samples) for key in keys)


def test_reading_earlier_records_changes_nothing(old):
    before = sorted(path.relative_to(old.root) for path in old.root.rglob("*"))
    for each in old.records():
        read_cell(old, each)
    assert sorted(path.relative_to(old.root) for path in old.root.rglob("*")) == before


def test_a_record_that_is_run_again_replaces_its_earlier_one(old, make_record):
    first, *_ = old.records()
    old.write(first, old.predictions(first.key))
    assert sorted(each.digest for each in Store(old.root).records()) == sorted(each.digest for each in old.records())
    assert len(list(old.root.rglob(RECORD))) == 3
    old.write(make_record(), old.predictions(first.key))
    assert len(list(Store(old.root).records())) == 4


def test_a_kill_while_records_move_loses_none(old, monkeypatch):
    moved = []

    def some(self, target):
        if moved:
            raise KeyboardInterrupt
        moved.append(target)
        return rename(self, target)

    rename = Path.rename
    digests = sorted(each.digest for each in old.records())
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", some)
        with pytest.raises(KeyboardInterrupt), old.writing():
            pass
    assert sorted(each.digest for each in Store(old.root).records()) == digests
    with Store(old.root).writing():
        pass
    assert sorted(each.digest for each in Store(old.root).records()) == digests
    assert (old.root / ".schema").exists()


def test_a_damaged_earlier_record_is_named_and_stays(old):
    path = next(old.root.rglob(RECORD))
    path.write_text("{}")
    with old.writing():
        pass
    found = list(Store(old.root).records())
    assert [str(path) in str(each) for each in found if isinstance(each, RecordError)] == [True]
    assert len(found) == 3


def test_folders_of_both_versions_can_be_put_together(old):
    """By hand, with cp: what then lies where its key doesn't belong is named once the store has been written to."""
    for path in (FIXTURES / "v2" / "records").rglob("seed-*"):
        shutil.copytree(path, old.root / "records" / path.relative_to(FIXTURES / "v2" / "records"))
    found = list(old.records())
    assert sum(isinstance(each, Record) for each in found) == 3
    assert sum("belongs into" in str(each) for each in found) == 3


ESZSL_CODE = TYPED["eszsl"][1]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_results_whose_keys_an_upgrade_changed_are_found_before_and_after_they_move(tmp_path, version):
    shutil.copytree(FIXTURES / version, tmp_path / version)
    store = Store(tmp_path / version)
    keys = [each.key for each in store.records()]
    assert sum(key.classifier.code == ESZSL_CODE for key in keys) == 2
    assert all(store.has(key) for key in keys)
    with store.writing():
        assert all(store.has(key) for key in keys)
    assert all(Store(store.root).has(key) for key in keys)
    assert {each.name for each in store.folders()} == {f"seed-0-{key.digest()}" for key in keys}
    assert all(isinstance(each, Record) for each in Store(store.root).records())


@pytest.mark.parametrize("place", ["compact-v2", "compact-v2/all.txt"])
def test_packed_results_whose_keys_an_upgrade_changed_are_read(place):
    results = open_results(FIXTURES / place)
    records = list(results.records())
    assert [each.key.classifier.code for each in records].count(ESZSL_CODE) == 2
    for each in records:
        assert results.has(each.key)
        assert results.answer_key(each.key).score(results.predictions(each.key)).h == each.metrics.h


def test_packing_onto_itself_brings_keys_and_lists_up_to_date(tmp_path):
    out = tmp_path / "packed"
    shutil.copytree(FIXTURES / "compact-v2", out)
    (out / "notes.txt").write_text("not a list\n")
    pack([out], out, Wanted())
    lines = [json.loads(line) for path in sorted(out.rglob("*.jsonl")) for line in path.read_text().splitlines()]
    assert {line["shared"]["schema_version"] for line in lines if "shared" in line} == {SCHEMA_VERSION}
    listed = list(CompactResults(out / "all.txt").records())
    assert sorted(each.digest for each in listed) == [
        line.split()[0] for line in (out / "all.txt").read_text().splitlines()
    ]
    assert sorted(path.stem[-8:] for path in out.glob("glyphs/*/*.npz")) == sorted(
        each.key.configuration.digest()[:8] for each in listed
    )
    assert (out / "notes.txt").read_text() == "not a list\n"


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_what_drew_nothing_is_known_of_every_version(place):
    """Of the protocols here, ``validated`` draws validation classes by the seed."""
    expected = {"strict": True, "inductive": False, "validated": False}
    assert {each.key.protocol: each.deterministic for each in place.records()} == expected


def test_components_that_draw_nothing_are_those_that_say_so():
    listed = read_listing(find_plugins())
    declared = {each.info.name for each in listed if isinstance(each.info, Info) and not each.info.draws}
    assert declared >= DECLARED.keys()


@pytest.mark.parametrize("version", ["v1", "v2", "compact-v2"])
def test_earlier_versions_do_not_say_what_is_not_the_recipe_s(version):
    assert [each.deviations for each in PLACES[version].records()] == [None] * 3


@pytest.mark.parametrize("version", ["v3", "compact-v3", "v4", "compact-v4"])
def test_later_ones_do(version):
    gammas = [0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2]
    assert {each.key.protocol: each.deviations for each in PLACES[version].records()} == {
        "strict": {},
        "inductive": {"early-gan.single_state": 0.1},
        "validated": {"calibrated-stacking.gamma": {"one of": gammas}},
    }
