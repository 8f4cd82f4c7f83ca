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
        f"wrote eszsl.zip: 10 records with predictions and 0 source files, sha256 {bundle.sha256}",
        "  glyphs, split official",
    ]
    assert bundle.manifest.declarations.author == "A. N. Author"
    assert bundle.manifest.declarations.chosen_on == "defaults"


@pytest.mark.parametrize(
    ("options", "code", "line"),
    [
        ((), 2, "error: 'author' is not declared; add --declare author=...; it is shown beside the result"),
        (("--declare", "author"), 2, "error: --declare author says nothing; write --declare author=TEXT"),
        ((*DECLARED, "--protocol", "paper"), 1, "error: the protocol 'paper' is not ranked; submit records of another"),
        ((*DECLARED, "--plugin", "absent"), 2, "'absent' does not exist"),
    ],
)
def test_refusals_are_one_line(gzslbench, tmp_path, options, code, line):
    done = _submit(gzslbench, *options, "--out", tmp_path / "out.zip")
    assert done.code == code
    assert line in done.err
    assert not (tmp_path / "out.zip").exists()
