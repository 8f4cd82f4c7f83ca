import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gzslbench.records.store import PREDICTIONS, RECORD, Store

FIXTURE = Path(__file__).parents[1] / "fixtures" / "records" / "v2"


@pytest.fixture
def store(tmp_path):
    """Three real records on the bundled data set, in the results folder that the command line looks into."""
    shutil.copytree(FIXTURE, tmp_path / "results")
    return Store(tmp_path / "results")


@pytest.fixture
def packed(gzslbench, store, tmp_path):
    """The same records in the compact form, and a list of the one that is strict."""
    out = tmp_path / "packed"
    assert gzslbench("results", "pack", out).code == 0
    assert gzslbench("results", "pack", out, "--protocol", "strict", "--list", "page").code == 0
    return out


def change(store, record, **changes):
    (store.folder(record.key) / RECORD).write_text(replace(record, **changes).to_json())


@pytest.mark.parametrize("name", ["mine.zip", "mine"])
def test_there_and_back(gzslbench, store, tmp_path, name):
    mine, there = tmp_path / name, tmp_path / "there"
    sent = gzslbench("results", "pack", mine)
    assert (sent.code, sent.out, sent.err) == (0, f"{mine}: 3 records, 1 answer key\n", "")
    back = gzslbench("results", "unpack", mine, "--into", there)
    assert (back.code, back.out, back.err) == (0, f"{there}: 3 records, 1 answer key\n", "")
    same = gzslbench("results", "diff", mine, there)
    assert same.code == 0
    assert same.out.startswith("3 cells with the same metrics, 0 with others")
    assert gzslbench("rescore", "--check", "--results", there).code == 0
    assert gzslbench("leaderboard", "--results", there).out == gzslbench("leaderboard").out
    (tmp_path / "again").mkdir()
    gzslbench("results", "pack", tmp_path / "again" / name, "--results", there)
    assert contents(tmp_path / "again" / name) == contents(mine)


def contents(place):
    if place.is_file():
        return place.read_bytes()
    return {path.relative_to(place): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_only_a_new_or_empty_folder_is_filled(gzslbench, store, packed, tmp_path):
    refused = gzslbench("results", "unpack", packed, "--into", store.root)
    assert refused.code == 2
    assert f"{store.root} is not empty; gzslbench results merge {packed} --into {store.root} adds to it" in refused.err
    (tmp_path / "there").mkdir()
    assert gzslbench("results", "unpack", packed, "--into", tmp_path / "there").code == 0


def test_merging_adds_what_is_new(gzslbench, packed, tmp_path):
    there = tmp_path / "there"
    gzslbench("results", "merge", packed / "page.txt", "--into", there)
    assert gzslbench("results", "merge", packed, "--into", there).out == f"{there}: 2 added, 1 the same\n"
    assert gzslbench("results", "merge", packed, "--into", there).out == f"{there}: 3 the same\n"


def test_a_list_stands_for_its_cells(gzslbench, packed, tmp_path):
    (line,) = (packed / "page.txt").read_text().splitlines()
    digest, title = line.split("  ")
    assert title.startswith("glyphs ")
    assert title.endswith(" strict seed 0")
    unpacked = gzslbench("results", "unpack", packed / "page.txt", "--into", tmp_path / "there")
    assert unpacked.out == f"{tmp_path / 'there'}: 1 record, 1 answer key\n"
    assert [record.digest for record in Store(tmp_path / "there").records()] == [digest]
    listed = gzslbench("leaderboard", "--results", packed / "page.txt")
    assert listed.out == gzslbench("leaderboard", "--protocol", "strict").out


def test_a_list_grows(gzslbench, packed):
    gzslbench("results", "pack", packed, "--protocol", "inductive", "--list", "page")
    assert len((packed / "page.txt").read_text().splitlines()) == 2


@pytest.mark.parametrize("out", ["packed.zip", "elsewhere"])
def test_a_list_lies_in_the_folder(gzslbench, store, tmp_path, out):
    name = "page" if out == "packed.zip" else "../page"
    refused = gzslbench("results", "pack", tmp_path / out, "--list", name)
    assert refused.code == 2
    assert f"'{name}' can't be a list in {tmp_path / out}" in refused.err
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_a_cell_of_another_run_is_kept_as_it_is(gzslbench, store, packed):
    record = next(store.records())
    change(store, record, created="2099-01-01T00:00:00+00:00")
    again = gzslbench("results", "pack", packed)
    assert again.code == 0
    told = [line for line in again.err.splitlines() if line.startswith("there already, in another run: ")]
    assert [line.split()[-1] for line in told] == [record.digest]
    diff = gzslbench("results", "diff", packed, store.root)
    assert diff.code == 0


@pytest.mark.parametrize("place", ["packed", "packed/page.txt", "packed.zip"])
@pytest.mark.parametrize("command", ["rescore", "run -p eszsl", "track sync"])
def test_packed_results_can_only_be_read(gzslbench, packed, tmp_path, place, command):
    gzslbench("results", "pack", tmp_path / "packed.zip")
    before = contents(tmp_path)
    refused = gzslbench(*command.split(), "--results", tmp_path / place)
    assert refused.code == 2
    assert refused.err.splitlines()[-1] == (
        f"error: {tmp_path / place} can only be read; name another folder by --results, such as "
        "'gzslbench results unpack' makes of it"
    )
    assert contents(tmp_path) == before


@pytest.mark.parametrize("place", ["packed", "packed/page.txt"])
def test_packed_results_can_be_put_to_the_test(gzslbench, packed, tmp_path, place):
    before = contents(packed)
    checked = gzslbench("rescore", "--check", "--results", tmp_path / place)
    count = 1 if place.endswith(".txt") else 3
    assert (checked.code, checked.out) == (0, f"0 records would be changed, {count} as before\n")
    assert contents(packed) == before


def test_a_list_of_nothing_leaves_no_folder(gzslbench, packed, tmp_path):
    (packed / "wrong.txt").write_text("nonsense\n")
    refused = gzslbench("results", "unpack", packed / "wrong.txt", "--into", tmp_path / "there")
    assert refused.code == 1
    assert f"{packed} lacks the cell nonsense, which its list names" in refused.err
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("command", ["leaderboard --results", "results unpack --into there", "results diff packed"])
def test_a_file_that_holds_no_results_is_named(gzslbench, packed, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes").write_text("nothing")
    refused = gzslbench(*command.split(), "notes")
    assert refused.code == 2
    assert "error: notes is a file; name a folder of results, or a list" in refused.err


def test_an_archive_is_unpacked_before_it_is_tabulated(gzslbench, store, tmp_path):
    gzslbench("results", "pack", tmp_path / "mine.zip")
    refused = gzslbench("leaderboard", "--results", tmp_path / "mine.zip")
    assert refused.code == 2
    assert f"{tmp_path / 'mine.zip'} is packed; 'gzslbench results unpack' makes a folder of it" in refused.err


def test_a_list_that_is_not_there_is_named(gzslbench, packed):
    refused = gzslbench("leaderboard", "--results", packed / "absent.txt")
    assert refused.code == 2
    assert f"{packed / 'absent.txt'} does not exist; name a folder of results, or a list of cells" in refused.err


def test_the_leaderboard_of_merged_folders_is_that_of_both(gzslbench, store, tmp_path):
    for part, protocol in (("a", "inductive"), ("b", "strict")):
        gzslbench("results", "pack", tmp_path / part, "--protocol", protocol)
    gzslbench("results", "merge", tmp_path / "a", tmp_path / "b", "--into", tmp_path / "both")
    both = gzslbench("leaderboard", "--results", tmp_path / "a", "--results", tmp_path / "b")
    merged = gzslbench("leaderboard", "--results", tmp_path / "both")
    assert merged.out == both.out
    assert "glyphs: strict" in merged.out


def test_a_cell_in_two_places_counts_once(gzslbench, store):
    """As where results of this machine are tabulated with those of the repository."""
    committed = Path(__file__).parents[2] / "leaderboards" / "records" / "leaderboard.txt"
    chosen = ["--results", committed, "--dataset", "glyphs", "--protocol", "strict"]
    both, alone = gzslbench("leaderboard", "--results", store.root, *chosen), gzslbench("leaderboard", *chosen)
    assert (both.code, both.err) == (0, "")
    assert "| eszsl" in both.out
    assert both.out == alone.out


def test_a_difference_is_told_and_refused(gzslbench, store, tmp_path):
    gzslbench("results", "pack", tmp_path / "before")
    record = next(store.records())
    change(store, record, metrics=replace(record.metrics, h=0.5), created="2099-01-01T00:00:00+00:00")
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
    assert next(store.records()).metrics == record.metrics


def test_diff_names_what_only_one_has(gzslbench, store, tmp_path):
    gzslbench("results", "pack", tmp_path / "part", "--method", "eszsl")
    told = gzslbench("results", "diff", tmp_path / "part", store.root)
    assert told.code == 1
    assert told.out.count(f"only in {store.root}: glyphs ") == 2


def test_damaged_cells_are_named_and_fail_the_command(gzslbench, store, tmp_path):
    path = store.folders()[0] / PREDICTIONS
    path.write_bytes(b"")
    sent = gzslbench("results", "pack", tmp_path / "mine.zip")
    assert sent.code == 1
    assert sent.out == f"{tmp_path / 'mine.zip'}: 2 records, 1 answer key\n"
    assert f"left out: {path}" in sent.err
    merged = gzslbench("results", "merge", store.root, "--into", tmp_path / "there")
    assert merged.code == 1
    assert merged.out == f"{tmp_path / 'there'}: 2 added, 1 damaged, 1 answer key added\n"


def test_nothing_that_is_asked_for(gzslbench, store, tmp_path):
    none = gzslbench("results", "pack", tmp_path / "mine.zip", "--method", "eszsl", "--protocol", "inductive")
    assert none.code == 1
    assert "nothing was written" in none.err
    assert not (tmp_path / "mine.zip").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["pack", "out", "--method", "none"],
        ["pack", "out", "--results", "absent"],
        ["pack"],
        ["unpack", "results"],
        ["unpack", "absent", "--into", "there"],
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
