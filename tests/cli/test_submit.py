from pathlib import Path

import pytest

from gzslbench.submission.bundle import read_bundle

RESULTS = Path(__file__).parents[2] / "leaderboards" / "records" / "leaderboard.txt"
DECLARED = tuple(
    option
    for said in ("author=A. N. Author", "licence=MIT", "chosen-on=defaults", "external-data=none")
    for option in ("--declare", said)
)


def _submit(gzslbench, *options):
    return gzslbench("submit", "eszsl", "--results", RESULTS, "-d", "glyphs", *options)


def test_writes_a_bundle_and_says_what_is_in_it(gzslbench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = _submit(gzslbench, "--protocol", "inductive", "--protocol", "strict", *DECLARED)
    assert done.code == 0, done.err
    bundle = read_bundle(tmp_path / "eszsl.zip")
    assert done.out.splitlines() == [
        f"wrote eszsl.zip: 2 records with predictions and 0 source files, sha256 {bundle.sha256}",
        "  glyphs, split official",
    ]
    assert bundle.manifest.declarations.author == "A. N. Author"
    assert bundle.manifest.declarations.chosen_on == "defaults"


@pytest.mark.parametrize(
    ("options", "code", "line"),
    [
        (
            ("--declare", "author=A"),
            2,
            "error: 'licence', 'chosen_on', 'external_data' are not declared; add --declare licence=... (such as MIT: "
            "the licence of the plugin's source), --declare chosen_on=... (",
        ),
        (("--declare", "author"), 2, "error: --declare author says nothing; write --declare author=TEXT"),
        ((*DECLARED, "--protocol", "paper"), 1, "error: the protocol 'paper' is not ranked; submit records of another"),
        ((*DECLARED, "--plugin", "absent"), 2, "'absent' does not exist"),
        (("-d", "glyfs"), 2, "has no record of 'eszsl' on what was named: 'glyfs'; did you mean 'glyphs'?"),
    ],
)
def test_refusals_are_one_line(gzslbench, tmp_path, options, code, line):
    done = _submit(gzslbench, *options, "--out", tmp_path / "out.zip")
    assert done.code == code
    assert line in done.err
    assert not (tmp_path / "out.zip").exists()


def test_a_method_that_is_not_there_is_told_before_what_is_to_be_declared(gzslbench):
    done = gzslbench("submit", "eszzl", "--results", RESULTS)
    assert done.code == 2
    assert "has no record of 'eszzl'; did you mean 'eszsl'" in done.err


def test_nothing_is_written_over_or_where_there_is_no_folder(gzslbench, tmp_path):
    there = tmp_path / "there.zip"
    there.write_text("mine")
    for out, line in ((there, "is there already"), (tmp_path / "absent" / "out.zip", "there is no folder")):
        done = _submit(gzslbench, "--protocol", "inductive", *DECLARED, "--out", out)
        assert done.code == 2
        assert line in done.err
        assert "name another file with --out" in done.err
    assert there.read_text() == "mine"
