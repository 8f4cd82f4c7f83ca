import json

import numpy as np
import pytest

from gzslbench.errors import RecordError, UsageError
from gzslbench.records.exchange.opening import open_results
from gzslbench.records.provenance import PROVENANCE, Provenance, provenance_of
from gzslbench.records.store import Store
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.submission.bundle import read_bundle
from gzslbench.submission.confined.confinement import Unconfined
from gzslbench.submission.line import Line, Outcome
from gzslbench.submission.verify import Verifier, accept

from .conftest import RESULTS, rehashed


def test_accepted_records_are_a_results_folder_of_their_own(bundles, verify, tmp_path):
    root = accept(verify(bundles["f-clswgan"]), tmp_path / "submissions")
    bundle = read_bundle(bundles["f-clswgan"])
    assert root == tmp_path / "submissions" / f"f-clswgan-{bundle.sha256[:8]}"
    theirs = open_results(RESULTS)
    assert sorted(record.key.seed for record in Store(root).records()) == [0, 1, 2, 3, 4]
    for cell in bundle.cells:
        ours, original = (results.predictions(cell.record.key).arrays() for results in (Store(root), theirs))
        assert ours.keys() == original.keys()
        assert all(np.array_equal(ours[name], original[name]) for name in ours)
        answers = Store(root).answer_key(cell.record.key)
        assert answers is not None
        assert answers.h(cell.predictions) == pytest.approx(cell.record.metrics.h)
    assert provenance_of(root) is Provenance.RESCORED
    said = json.loads((root / PROVENANCE).read_text())
    assert said["bundle_sha256"] == bundle.sha256
    assert {each["check"]: each["outcome"] for each in said["checks"]}["metrics"] == "passed"


def test_source_is_kept_to_be_read(files, verify, tmp_path):
    files["source/mine.py"] = b"x = 1\n"
    root = accept(verify(rehashed(files, tmp_path / "bundle.zip")), tmp_path)
    assert (root / "source" / "mine.py").read_text() == "x = 1\n"


def test_nothing_is_accepted_twice(bundles, verify, tmp_path):
    accept(verify(bundles["eszsl"]), tmp_path)
    with pytest.raises(UsageError, match="is there already"):
        accept(verify(bundles["eszsl"]), tmp_path)


def test_nothing_refused_is_accepted(files, verify, tmp_path):
    files["source/mine.py"] = b"x = 1\n"
    with pytest.raises(BundleError, match="was refused"):
        accept(verify(files), tmp_path / "submissions")
    assert not (tmp_path / "submissions").exists()


def test_what_could_not_be_rescored_is_not_accepted(bundles, verify, tmp_path, monkeypatch):
    monkeypatch.setattr("gzslbench.data.catalogue.Catalogue.names", lambda self: [])
    verification = verify(bundles["eszsl"])
    unchecked = {line.check for line in verification.lines if line.outcome is Outcome.UNCHECKED}
    assert unchecked == {"data", "predictions", "metrics", "rerun"}
    assert verification.passed
    assert verification.provenance is Provenance.SUBMITTED
    with pytest.raises(BundleError, match="could not be computed anew; accept it where the data is"):
        accept(verification, tmp_path)


@pytest.mark.parametrize(
    ("outcomes", "reached"),
    [
        ("passed passed", Provenance.REPRODUCED),
        ("passed refused", None),
        ("refused unchecked", None),
        ("unchecked refused", None),
        ("unchecked passed", Provenance.RESCORED),
        ("passed unchecked", Provenance.RESCORED),
    ],
)
def test_a_rerun_decides(bundles, tmp_path, monkeypatch, outcomes, reached):
    given = {}

    def rerun_cells(records, count, seed, rerun):
        given.update(records=records, count=count, rerun=rerun)
        return [Line("rerun", Outcome(outcome), "trained in 1 s (in a box)") for outcome in outcomes.split()]

    monkeypatch.setattr("gzslbench.submission.rerun.rerun_cells", rerun_cells)
    verification = Verifier((), tmp_path / "cache", rerun=2, unconfined=True).verify(bundles["eszsl"])
    assert verification.provenance is reached
    assert verification.lines[-1].text == "trained in 1 s (in a box)"
    assert (given["count"], given["rerun"].plugin, len(given["records"])) == (2, None, 1)
    assert given["rerun"].confinement == Unconfined()
    if reached:
        accepted = Provenance.VERIFIED if reached is Provenance.REPRODUCED else reached
        assert provenance_of(accept(verification, tmp_path)) is accepted


def test_a_rerun_is_given_the_source(files, tmp_path, monkeypatch):
    given = []

    def rerun_cells(records, count, seed, rerun):
        given.extend(path.name for path in rerun.plugin.iterdir())
        return [Line("rerun", Outcome.UNCHECKED, "none of the cells can be trained again")]

    monkeypatch.setattr("gzslbench.submission.rerun.rerun_cells", rerun_cells)
    files["source/mine.py"] = b"x = 1"
    bundle = rehashed(files, tmp_path / "bundle.zip")
    verification = Verifier((), tmp_path / "cache", rerun=1, unconfined=True).verify(bundle)
    assert given == ["mine.py"]
    assert verification.provenance is Provenance.RESCORED  # nothing could be run again


def test_a_rerun_is_refused_where_nothing_confines_it(bundles, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="bubblewrap, which is not installed"):
        Verifier((), tmp_path / "cache", rerun=1).verify(bundles["eszsl"])


def test_a_rerun_without_the_data_is_left_out_and_says_so(bundles, tmp_path, monkeypatch):
    monkeypatch.setattr("gzslbench.data.catalogue.Catalogue.names", lambda self: [])
    verification = Verifier((), tmp_path / "cache", rerun=1, unconfined=True).verify(bundles["eszsl"])
    last = verification.lines[-1]
    assert (last.check, last.outcome) == ("rerun", Outcome.UNCHECKED)
    assert "there is no data set 'glyphs'" in last.text


def test_a_refused_bundle_is_not_run(files, verify, tmp_path, monkeypatch):
    monkeypatch.setattr("gzslbench.submission.rerun.rerun_cells", lambda *_: pytest.fail("it was run"))
    verification = verify(rehashed(files, tmp_path / "forged.zip", method="mine"), rerun=2, unconfined=True)
    assert verification.lines[-1].text == "refused before"


def test_provenances_are_ordered_by_trust():
    words = [str(each) for each in sorted(Provenance)]
    assert words == ["reported", "submitted", "rescored", "reproduced", "verified", "measured here"]
    assert Provenance.REPORTED < Provenance.VERIFIED <= Provenance.MEASURED
    assert all(Provenance.named(each.word) is each and each.meaning for each in Provenance)


def test_results_without_a_provenance_are_our_own(tmp_path):
    assert provenance_of(tmp_path) is Provenance.MEASURED


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}", '{"provenance": "trusted"}'])
def test_a_damaged_provenance_is_named(tmp_path, text):
    (tmp_path / PROVENANCE).write_text(text)
    with pytest.raises(RecordError, match="does not say what was verified"):
        provenance_of(tmp_path)
