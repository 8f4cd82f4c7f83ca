import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gzslbench.records.against_recipes import against_recipes
from gzslbench.records.differences import named
from gzslbench.records.record import Record
from gzslbench.records.store import RECORD, Store
from gzslbench.registry.registry import load_plugins

FIXTURE = Path(__file__).parents[1] / "fixtures" / "records" / "v4"


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """Three real records on the bundled data set, held against the recipes of today."""
    store = Store(shutil.copytree(FIXTURE, tmp_path_factory.mktemp("settled") / "results"))
    with store.writing():
        for record in against_recipes(list(store.records()), load_plugins()):
            store.rewrite(record)
    return store


@pytest.fixture
def store(settled, tmp_path):
    """These records in the results folder that the command line looks into."""
    return Store(shutil.copytree(settled.root, tmp_path / "results"))


def distort(store, record: Record):
    stale = replace(record, metrics=replace(record.metrics, h=0.5))
    (store.folder(record.key) / RECORD).write_text(stale.to_json())


def test_nothing_to_change(gzslbench, store):
    done = gzslbench("rescore")
    assert (done.code, done.err) == (0, "")
    assert done.out == "0 records changed, 3 as before\n"
    assert gzslbench("rescore", "--check").code == 0


def test_tells_what_changed_by_how_much(gzslbench, store):
    right = next(store.records())
    distort(store, right)
    by = 100 * (right.metrics.h - 0.5)
    told = f"{named(right)}: H 50.00 -> {100 * right.metrics.h:.2f} ({by:+.2g})"
    checked = gzslbench("rescore", "--check")
    assert checked.code == 1
    assert checked.out == f"{told}\n1 record would be changed, 2 as before\n"
    done = gzslbench("rescore")
    assert done.code == 0
    assert done.out == f"{told}\n1 record changed, 2 as before\n"
    assert store.read(store.folder(right.key)).metrics == right.metrics
    assert gzslbench("rescore", "--check").code == 0


def test_answer_keys_come_from_the_data_at_hand(gzslbench, store):
    (path,) = (store.root / "answers").iterdir()
    path.unlink()
    checked = gzslbench("rescore", "--check")
    assert checked.code == 1
    assert checked.out.startswith("glyphs, split 'official': its answer key would be stored\n")
    assert not path.exists()
    done = gzslbench("rescore")
    assert done.code == 0
    assert done.out.startswith("glyphs, split 'official': its answer key was stored\n")
    assert path.exists()


def test_data_that_is_not_found_is_named_once(gzslbench, store, make_record):
    for seed in range(3):
        record = make_record(data_set="AWA2", seed=seed)
        store.folder(record.key).mkdir(parents=True)
        (store.folder(record.key) / RECORD).write_text(record.to_json())
    done = gzslbench("rescore")
    assert done.code == 1
    assert done.err.count("not rescored: AWA2, split 'official': there is no answer key, and the data can't be") == 1
    assert "gzslbench data fetch AWA2" in done.err
    assert done.out == "0 records changed, 3 as before, 3 could not be rescored\n"
    assert gzslbench("rescore", "-d", "glyphs").code == 0


def test_results_of_a_real_run_need_no_data(gzslbench, toy_plugin, tmp_path):
    """What a run leaves has its answer key, and gives the very same metrics again."""
    run = gzslbench("run", "--plugin", toy_plugin, "-d", "TINY", "--seeds", "0", "--no-track")
    assert run.code == 0, run.err
    done = gzslbench("rescore", "--check", "--data-dir", tmp_path)
    assert done.code == 0, done.err + done.out
    assert done.out.startswith("0 records would be changed")


def test_wrong_usage(gzslbench, store, tmp_path):
    missing = gzslbench("rescore", "--results", tmp_path / "none")
    assert missing.code == 2
    assert "there is no record in" in missing.err
    assert not (tmp_path / "none").exists()
    unknown = gzslbench("rescore", "-d", "glyph")
    assert unknown.code == 2
    assert "there is no record of data set 'glyph'" in unknown.err


def test_another_writer_is_respected(gzslbench, store):
    with Store(store.root).writing():
        assert "is writing to" in gzslbench("rescore").err
        assert gzslbench("rescore", "--check").code == 0


def test_earlier_records_learn_in_what_they_depart_from_their_recipes(gzslbench, tmp_path):
    shutil.copytree(FIXTURE.parent / "v2", tmp_path / "results")
    assert "| eszsl (recipe unknown) " in gzslbench("leaderboard").out
    held, counts = gzslbench("rescore").out.splitlines()
    assert held == "3 records held against the recipes of the installed plugins"
    assert counts == "0 records changed, 3 as before"
    tables = gzslbench("leaderboard").out
    assert "recipe unknown" not in tables
    assert "| eszsl " in tables
    assert "| early-gan (single" in tables
