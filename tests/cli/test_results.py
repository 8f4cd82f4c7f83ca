import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gzslbench.records.store import PREDICTIONS, RECORD, Store

FIXTURE = Path(__file__).parents[1] / "fixtures" / "records" / "v1"


@pytest.fixture
def store(tmp_path):
    """Three real records on the bundled data set, in the results folder that the command line looks into."""
    shutil.copytree(FIXTURE, tmp_path / "results")
    return Store(tmp_path / "results")


def change(store, record, **changes):
    (store.folder(record.key) / RECORD).write_text(replace(record, **changes).to_json())


def test_there_and_back(gzslbench, store, tmp_path):
    sent = gzslbench("results", "export", tmp_path / "mine.zip")
    assert (sent.code, sent.err) == (0, "")
    assert sent.out == f"wrote {tmp_path / 'mine.zip'}: 3 records, 1 answer key\n"
    there = tmp_path / "there"
    assert gzslbench("results", "merge", tmp_path / "mine.zip", "--into", there).out == (
        f"{there}: 3 added, 1 answer key added\n"
    )
    assert gzslbench("results", "merge", tmp_path / "mine.zip", "--into", there).out == f"{there}: 3 the same\n"
    same = gzslbench("results", "diff", tmp_path / "mine.zip", there)
    assert same.code == 0
    assert same.out.startswith("3 cells with the same metrics, 0 with others")
    assert gzslbench("rescore", "--check", "--results", there).code == 0
    assert gzslbench("leaderboard", "--results", there).out == gzslbench("leaderboard").out


def test_the_leaderboard_of_merged_folders_is_that_of_both(gzslbench, store, tmp_path):
    for part, protocol in (("a", "inductive"), ("b", "strict")):
        gzslbench("results", "export", tmp_path / part, "--protocol", protocol)
    gzslbench("results", "merge", tmp_path / "a", tmp_path / "b", "--into", tmp_path / "both")
    both = gzslbench("leaderboard", "--results", tmp_path / "a", "--results", tmp_path / "b")
    merged = gzslbench("leaderboard", "--results", tmp_path / "both")
    assert merged.out == both.out
    assert "glyphs: strict" in merged.out


def test_a_difference_is_told_and_refused(gzslbench, store, tmp_path):
    gzslbench("results", "export", tmp_path / "before")
    record = next(store.records())
    change(store, record, metrics=replace(record.metrics, h=0.5), created="2099")
    told = gzslbench("results", "diff", tmp_path / "before", store.root)
    assert told.code == 1
    assert f"{record.digest}: H {100 * record.metrics.h:.2f} -> 50.00" in told.out
    assert "2 cells with the same metrics, 1 with others, 0 only in" in told.out
    refused = gzslbench("results", "merge", tmp_path / "before", "--into", store.root)
    assert refused.code == 1
    assert record.digest in refused.err
    assert "--prefer newer, older, theirs or ours" in refused.err
    assert refused.out == f"{store.root}: 2 the same, 1 refused\n"
    taken = gzslbench("results", "merge", tmp_path / "before", "--into", store.root, "--prefer", "older")
    assert taken.code == 0
    assert taken.out == f"{store.root}: 2 the same, 1 replaced\n"
    assert next(store.records()) == record


def test_diff_names_what_only_one_has(gzslbench, store, tmp_path):
    gzslbench("results", "export", tmp_path / "part", "--method", "eszsl")
    told = gzslbench("results", "diff", tmp_path / "part", store.root)
    assert told.code == 1
    assert told.out.count(f"only in {store.root}: glyphs ") == 2


def test_damaged_cells_are_named_and_fail_the_command(gzslbench, store, tmp_path):
    path = next(store.folders()) / PREDICTIONS
    path.write_bytes(b"")
    sent = gzslbench("results", "export", tmp_path / "mine.zip")
    assert sent.code == 1
    assert sent.out == f"wrote {tmp_path / 'mine.zip'}: 2 records, 1 answer key\n"
    assert f"left out: {path}" in sent.err
    merged = gzslbench("results", "merge", store.root, "--into", tmp_path / "there")
    assert merged.code == 1
    assert merged.out == f"{tmp_path / 'there'}: 2 added, 1 damaged, 1 answer key added\n"


def test_nothing_that_is_asked_for(gzslbench, store, tmp_path):
    none = gzslbench("results", "export", tmp_path / "mine.zip", "--method", "eszsl", "--protocol", "inductive")
    assert none.code == 1
    assert "nothing was written" in none.err
    assert not (tmp_path / "mine.zip").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "out", "--method", "none"],
        ["merge", "--into", "there"],
        ["merge", "absent", "--into", "there"],
        ["merge", "absent"],
        ["diff", "absent", "absent"],
        ["diff", "absent"],
    ],
)
def test_wrong_usage(gzslbench, store, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    assert gzslbench("results", *arguments).code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
