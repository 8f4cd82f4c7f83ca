import numpy as np
import pytest

from gzslbench.errors import DataError, RecordError, UsageError
from gzslbench.records.record import PartKey
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.record_data import open_record_data


def test_takes_the_only_data_set_and_asks_where_there_are_several(add, ask):
    add()
    assert Archive(ask("confusion")).data_set == "TINY"
    assert Archive(ask("confusion", data_set="tiny")).data_set == "TINY"
    add(data_set="OTHER")
    with pytest.raises(UsageError, match=r"OTHER, TINY; choose one with --dataset"):
        _ = Archive(ask("confusion")).data_set


def test_prefers_the_bundled_data_set(add, ask):
    add()
    add(data_set="glyphs")
    assert Archive(ask("confusion")).data_set == "glyphs"


def test_missing_records_are_named_with_the_command_that_makes_them(add, ask, store, tiny_world):
    add()
    with pytest.raises(RecordError) as caught:
        Archive(ask("boundary")).group("f-clswgan")
    assert caught.value.remedy == (
        "make one with: gzslbench run --plugin f-clswgan --dataset TINY --protocol inductive --keep-samples "
        f"--results {store.root} --data-dir {tiny_world}"
    )


def test_samples_come_from_the_first_record_that_kept_them(add, ask):
    for seed in range(3):
        add(seed=seed, samples={"synthetic": np.full((1, 2), seed)} if seed else None)
    archive = Archive(ask("synthetic"))
    record, samples = archive.sampled(archive.group("gsmflow"), "synthetic")
    assert record.key.seed == 1
    assert samples["synthetic"].tolist() == [[1, 1]]


def test_records_without_samples_must_be_run_again(add, ask):
    add(budget="quick")
    archive = Archive(ask("synthetic"))
    with pytest.raises(RecordError, match=r"kept 'synthetic'; .*--budget quick --keep-samples --force") as caught:
        archive.sampled(archive.group("gsmflow"), "synthetic")
    assert caught.value.exit_code == 1


def test_variants_of_a_method_are_not_mixed(add, ask):
    for seed in range(2):
        add(config={"width": 8}, seed=seed)
    add(config={"width": 9}, seed=5)
    assert Archive(ask("confusion")).group("gsmflow").seeds == {0, 1}


def test_other_data_of_the_same_name_is_refused(add, ask):
    add(labels="0" * 16)
    archive = Archive(ask("confusion"))
    with pytest.raises(DataError, match="is not the one of the records"):
        open_record_data(archive.request, archive.group("gsmflow").comparison)


def test_real_features_are_scaled_by_the_training_samples(add, ask, tiny):
    add()
    archive = Archive(ask("confusion"))
    data = open_record_data(archive.request, archive.group("gsmflow").comparison)
    train, tests = tiny.split().trainval, tiny.split().test_unseen
    low, high = tiny.features[train].min(axis=0), tiny.features[train].max(axis=0)
    assert data.features(tests) == pytest.approx((tiny.features[tests] - low) / (high - low), abs=1e-6)


def test_damaged_predictions_are_left_out(add, ask, store, caplog):
    records = [add(seed=seed) for seed in range(2)] + [add("f-clswgan", generator="f-clswgan")]
    for record in records[1:]:
        (store.folder(record.key) / "predictions.npz").write_bytes(b"PK")
    (group,) = Archive(ask("confusion")).predicted(["gsmflow", "f-clswgan"])
    assert group.seeds == {0}
    assert len(caplog.messages) == 2
    with pytest.raises(RecordError, match=r"predictions\.npz"):
        Archive(ask("confusion")).predicted(["f-clswgan"])


def test_without_a_protocol_one_that_has_records_of_the_methods_is_taken(add, ask):
    add(method="f-clswgan", generator="f-clswgan")
    add(protocol="validated")
    add(protocol="inductive-calibrated")
    archive = Archive(ask("sensitivity"))
    assert archive.request.protocol == "inductive-calibrated"
    assert archive.group("gsmflow").comparison.protocol == "inductive-calibrated"
    assert Archive(ask("sensitivity", protocol="validated")).request.protocol == "validated"
    assert Archive(ask("seen-unseen")).request.protocol == "inductive"


def test_what_is_calibrated_of_several_methods_bears_the_name_of_each(add, ask):
    add()
    add(method="gsmflow-behind-entropy", gate={})
    shared = add(protocol="inductive-calibrated", gate=PartKey("calibrated-stacking", {}, "c0de" * 4))
    archive = Archive(ask("confusion", protocol="inductive-calibrated"))
    for name in ("gsmflow", "gsmflow-behind-entropy"):
        group = archive.group(name)
        assert group.name == name
        assert [record.digest for record in archive.records(group)] == [shared.digest]
