import json
from pathlib import Path

import pytest

from gzslbench.submission.manifest import Declarations
from gzslbench.submission.submit import Submission, submit

RESULTS = Path(__file__).parents[2] / "leaderboards" / "records" / "leaderboard.txt"


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "eszsl.zip"
    submit(Submission("eszsl", RESULTS, Declarations(), protocols=("inductive",), data_sets=("glyphs",)), path)
    return path


def test_says_one_line_for_each_check_and_accepts(gzslbench, bundle, tmp_path):
    done = gzslbench("verify", bundle, "--against", RESULTS, "--accept", tmp_path / "submissions")
    assert done.code == 0, done.out
    lines = [line.split()[:2] for line in done.out.splitlines()]
    assert lines[0] == ["passed", "archive"]
    assert ["passed", "metrics"] in lines
    assert lines[-3] == ["unchecked", "rerun"]
    assert "eszsl.zip: rescored (metrics recomputed" in done.out
    (accepted,) = (tmp_path / "submissions").iterdir()
    assert done.out.splitlines()[-1] == f"accepted as {accepted}"


def test_a_refusal_ends_with_one(gzslbench, bundle, tmp_path):
    bundle.write_bytes(bundle.read_bytes()[:-100])
    done = gzslbench("verify", bundle, "--accept", tmp_path / "submissions")
    assert done.code == 1
    assert done.out.splitlines() == [
        "refused   archive      eszsl.zip is not a complete zip archive; "
        "it was cut off, or something was added to its end",
        "eszsl.zip: refused",
    ]
    assert not (tmp_path / "submissions").exists()


def test_a_rerun_without_bubblewrap_says_how_to_install_it_and_what_runs_it_plainly(gzslbench, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    done = gzslbench("verify", tmp_path / "mine.zip", "--rerun", "1")
    assert done.code == 2
    assert done.err.splitlines() == [
        "error: submitted code is confined by bubblewrap, which is not installed; install it where user namespaces are "
        "allowed (apt install bubblewrap, dnf install bubblewrap), or run the code without confinement by --unconfined"
    ]
    done = gzslbench("verify", tmp_path / "mine.zip", "--rerun", "1", "--unconfined")
    assert (done.code, done.out) == (2, "")
    assert "can't read the bundle" in done.err


def test_prints_json(gzslbench, bundle):
    done = gzslbench("verify", bundle, "--json")
    said = json.loads(done.out)
    assert said["passed"]
    assert (said["method"], said["provenance"]) == ("eszsl", "rescored")
    assert said["lines"][0] == {
        "check": "archive",
        "outcome": "passed",
        "text": "1 record with predictions and 0 source files; every hash fits",
    }
    bundle.write_bytes(b"")
    done = gzslbench("verify", bundle, "--json")
    assert done.code == 1
    assert json.loads(done.out)["provenance"] is None
