"""Results that are not what they claim: each forged for real, and refused by a line that says so."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gzslbench.records.exchange.opening import open_results
from gzslbench.records.predictions import Predictions
from gzslbench.records.provenance import Provenance
from gzslbench.records.record import Phase
from gzslbench.records.results import summaries
from gzslbench.records.summary import full_key
from gzslbench.submission.line import Outcome
from gzslbench.submission.manifest import DataEntry, Declarations
from gzslbench.submission.reading import hashes_with
from gzslbench.submission.submit import Submission, submit

from .conftest import (
    DECLARED,
    RESULTS,
    arrays_in,
    folder_of,
    npz,
    put_keys,
    put_record,
    read_files,
    record_in,
    refusals,
    rehashed,
)


@pytest.fixture
def refused(files, verify, tmp_path):
    """Write the files as a careful forger does; gives what the checks say against them."""

    def call(against=(), **changes):
        return refusals(verify(rehashed(files, tmp_path / "forged.zip", **changes), against=against))

    return call


def _edited(files, seed=3):
    """Predictions of some samples in place of those of others."""
    arrays = arrays_in(files, seed)
    for name in arrays.keys() - {"samples"}:
        arrays[name][:500] = arrays[name][500:1000]
    return npz(arrays)


def test_untouched_bundles_are_rescored(bundles, verify):
    for path in bundles.values():
        verification = verify(path, against=[RESULTS])
        assert refusals(verification) == {}
        assert verification.passed
        assert verification.provenance is Provenance.RESCORED
        assert [line.check for line in verification.lines if line.outcome is Outcome.UNCHECKED] == ["rerun"]


def test_predictions_edited_after_hashing(files, verify):
    files[f"{folder_of(files, 3)}/predictions.npz"] = _edited(files)
    assert "edited after hashing" in refusals(verify(files))["archive"]


def test_predictions_edited_and_hashed_again(files, refused):
    files[f"{folder_of(files, 3)}/predictions.npz"] = _edited(files)
    told = refused()
    assert list(told) == ["metrics"]
    assert "glyphs, seed 3" in told["metrics"]


@pytest.mark.parametrize(
    ("metric", "more"), [("h", 2e-9), ("t1", 2e-9), ("ausuc", 3e-5), ("gate_auroc", 0.5), ("gate_fpr95", 0.5)]
)
def test_metrics_that_are_better_than_the_predictions(files, refused, metric, more):
    record = record_in(files, 2)
    better = {metric: (getattr(record.metrics, metric) or 0.0) + more}
    put_record(files, replace(record, metrics=replace(record.metrics, **better)))
    assert f"glyphs, seed 2: {metric} is given as {better[metric]}" in refused()["metrics"]


def test_rounding_of_metrics_is_no_forgery(files, verify, tmp_path):
    record = record_in(files, 2)
    put_record(files, replace(record, metrics=replace(record.metrics, h=record.metrics.h + 2e-10)))
    assert verify(rehashed(files, tmp_path / "bundle.zip")).passed


def test_a_missing_seed(files, refused):
    folder = folder_of(files, 4)
    for name in [name for name in files if name.startswith(folder)]:
        del files[name]
    assert "there are seeds 0, 1, 2, 3; submit 0, 1, 2, 3, 4" in refused()["seeds"]


def test_a_seed_in_place_of_a_worse_one(files, refused):
    put_keys(files, [3], seed=7)
    assert "there are seeds 0, 1, 2, 4, 7" in refused()["seeds"]


def test_a_seed_relabelled_in_its_record_alone(files, refused):
    record = record_in(files, 3)
    put_keys(files, [3], seed=7)
    files[f"{folder_of(files, 7)}/record.json"] = record.to_json().encode()
    assert f"its key has the digest {record.digest}, and seed 3; the record was relabelled" in refused()["keys"]


def test_a_seed_that_is_a_copy_of_another(files, refused):
    one, other = record_in(files, 1), record_in(files, 2)
    put_record(
        files,
        replace(other, metrics=one.metrics, created=one.created),
        files[f"{folder_of(files, 1)}/predictions.npz"],
    )
    assert "seeds 1 and 2 have the same predictions; one is a copy of the other" in refused()["originality"]


def test_all_seeds_of_a_generator_alike_are_doubtful(files, verify, tmp_path):
    first = record_in(files, 0)
    content = files[f"{folder_of(files, 0)}/predictions.npz"]
    for seed in range(1, 5):
        put_record(files, replace(record_in(files, seed), metrics=first.metrics), content)
    path = rehashed(files, tmp_path / "forged.zip")
    assert "as all seeds have" in refusals(verify(path))["originality"]
    assert not verify(path).passed
    assert verify(path, doubts_allowed=True).passed


def test_predictions_of_another_method(bundles, files, refused):
    theirs = read_files(bundles["eszsl"])
    for seed in range(5):
        metrics = record_in(theirs, 0).metrics
        content = theirs[f"{folder_of(theirs, 0)}/predictions.npz"]
        put_record(files, replace(record_in(files, seed), metrics=metrics), content)
    told = refused(against=[RESULTS])
    assert "seeds 0 and 1 have the same predictions, as all seeds have" in told["originality"]


def _scaled(arrays):
    arrays["margin"] *= 1.01


def _jittered(arrays):
    arrays["margin"] *= np.random.default_rng(0).uniform(0.5, 2, len(arrays["margin"])).astype(np.float32)


def _changed(arrays):
    for name in ("best_seen", "best_unseen"):
        arrays[name][:100] = arrays[name][100:200]
    arrays["predicted"] = np.where(arrays["margin"] > 0, arrays["best_seen"], arrays["best_unseen"])


def _shifted(arrays):
    arrays["margin"] = arrays["margin"] - np.median(arrays["margin"])
    arrays["predicted"] = np.where(arrays["margin"] > 0, arrays["best_seen"], arrays["best_unseen"])


DISGUISES = (_scaled, _jittered, _changed, _shifted)


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_disguised_copy_of_another_method(bundles, files, refused, glyphs_answers, disguise):
    """Seeds are permuted, too: each seed is another one of theirs."""
    theirs = open_results(RESULTS)
    copied = [full_key(each) for each in summaries(theirs) if _is_gsmflow(each)]
    for seed, key in enumerate(copied[1:] + copied[:1]):
        arrays = theirs.predictions(key).arrays()
        disguise(arrays)
        metrics = glyphs_answers.score(Predictions.of(arrays))
        put_record(files, replace(record_in(files, seed), metrics=metrics), npz(arrays))
    told = refused(against=[RESULTS])
    assert list(told) == ["originality"]
    assert "of samples the best classes are those of 'gsmflow" in told["originality"]
    assert "they were copied" in told["originality"]


def _best_of_the_other_domain_changed(arrays):
    to_unseen = arrays["predicted"] == arrays["best_unseen"]
    for name, free in (("best_unseen", ~to_unseen), ("best_seen", to_unseen)):
        arrays[name][free] = np.roll(arrays[name][free], 1)


def test_copies_that_differ_in_what_is_not_predicted_alone_are_doubted(files, refused, glyphs_answers):
    theirs = open_results(RESULTS)
    for seed, key in enumerate(full_key(each) for each in summaries(theirs) if _is_gsmflow(each)):
        arrays = theirs.predictions(key).arrays()
        _best_of_the_other_domain_changed(arrays)
        metrics = glyphs_answers.score(Predictions.of(arrays))
        put_record(files, replace(record_in(files, seed), metrics=metrics), npz(arrays))
    told = refused(against=[RESULTS])
    assert list(told) == ["originality"]
    assert re.search(r"(98|99|100)\.\d% of predictions are those of 'gsmflow", told["originality"])


def test_seeds_that_differ_in_what_is_not_predicted_alone_are_doubted(files, refused, glyphs_answers):
    arrays = arrays_in(files, 1)
    _best_of_the_other_domain_changed(arrays)
    metrics = glyphs_answers.score(Predictions.of(arrays))
    put_record(files, replace(record_in(files, 4), metrics=metrics), npz(arrays))
    assert "seed 1 and glyphs, seed 4 predict nearly the same; one may be a copy" in refused()["originality"]


def _is_gsmflow(result):
    return (result.method, result.key.data_set, result.key.protocol) == ("gsmflow", "glyphs", "inductive")


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_disguised_copy_of_a_seed(files, refused, glyphs_answers, disguise):
    arrays = arrays_in(files, 1)
    disguise(arrays)
    metrics = glyphs_answers.score(Predictions.of(arrays))
    put_record(files, replace(record_in(files, 4), metrics=metrics), npz(arrays))
    assert "seeds 1 and 4 have the same predictions; one is a copy of the other" in refused()["originality"]


def test_results_that_are_there_already_are_no_copies(bundles, verify):
    for path in bundles.values():
        lines = {line.check: line for line in verify(path, against=[RESULTS]).lines}
        assert lines["originality"].outcome is Outcome.PASSED
        assert "of the very same code there already" in lines["originality"].text


def test_no_records_of_ours_are_taken_for_copies_of_others(verify, tmp_path):
    """Of what shares an algorithm, a classifier or a gate, nothing is taken for a copy."""
    for method, protocol in (
        ("sae", "inductive-calibrated"),
        ("gsmflow", "inductive-calibrated"),
        ("gsmflow-behind-entropy", "inductive"),
        ("lisgan", "inductive"),
        ("early-gan", "inductive-calibrated"),
    ):
        declared = replace(DECLARED, chosen_on="validation classes")
        submission = Submission(method, RESULTS, declared, protocols=(protocol,), data_sets=("glyphs",))
        submit(submission, tmp_path / f"{method}.zip")
        assert refusals(verify(tmp_path / f"{method}.zip", against=[RESULTS])) == {}


def test_settings_that_differ_between_seeds(files, refused):
    classifier = record_in(files, 4).key.classifier
    put_keys(files, [4], classifier=replace(classifier, config=classifier.config | {"epochs": 21}))
    assert "settings or code differ between seeds" in refused()["seeds"]


def test_code_that_is_not_in_the_bundle(files, refused):
    put_keys(files, gate=replace(record_in(files, 0).key.gate, code="0" * 12))
    assert "'none' has the code 000000000000, which neither the source" in refused()["code"]


@pytest.mark.parametrize("changed", ["features", "labels", "semantics", "split_hash"])
def test_other_data(files, refused, changed):
    put_keys(files, **{changed: "0" * 16})
    told = refused(data=(DataEntry.of(record_in(files, 0).key),))
    assert list(told) == ["data"]
    assert f"{changed} 0000000000000000 is not known" in told["data"]


def _told(files, answers, right):
    """Put labels in place of predictions where ``right`` says so, and scores to match."""
    for seed in range(5):
        arrays = arrays_in(files, seed)
        for name, domain in (("best_seen", ~answers.unseen), ("best_unseen", answers.unseen)):
            arrays[name] = np.where(right & domain, answers.labels, arrays[name])
        arrays["predicted"] = np.where(right, answers.labels, arrays["predicted"])
        arrays["margin"] = np.where(right, np.where(answers.unseen, -1, 1), arrays["margin"]).astype(np.float32)
        wrong = np.isin(arrays["predicted"], answers.unseen_classes) & ~right
        arrays["best_unseen"] = np.where(wrong, arrays["predicted"], arrays["best_unseen"])
        metrics = answers.score(Predictions.of(arrays))
        put_record(files, replace(record_in(files, seed), metrics=metrics), npz(arrays))


def test_labels_in_place_of_predictions_are_too_good_to_be_true(files, refused, glyphs_answers):
    _told(files, glyphs_answers, np.full(2580, True))
    assert "H is 100.00% and T1 100.00%" in refused()["plausibility"]


def test_a_leap_above_the_best_that_is_known(files, verify, tmp_path, glyphs_answers):
    _told(files, glyphs_answers, np.random.default_rng(0).random(2580) < 0.8)
    path = rehashed(files, tmp_path / "forged.zip")
    assert "the best that is known is" in refusals(verify(path, against=[RESULTS]))["plausibility"]
    assert refusals(verify(path)) == {}  # nothing to compare with


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"predict_s": ()}, "predicting took no time"),
        ({"predict_s": (0.1, 0.0)}, "predicting took no time"),
        ({"predict_s": (1e-9, 1e-9)}, "predicting took no time"),
        ({"test_samples": 12}, "12 samples were timed, 2580 predicted"),
        ({"peak_memory_mib": 0.0}, "it took no memory"),
    ],
)
def test_timings_that_no_clock_gives(files, refused, changes, line):
    record = record_in(files, 1)
    put_record(files, replace(record, timings=replace(record.timings, **changes)))
    assert line in refused()["timings"]


IN_TWO_DAYS = (datetime.now(UTC) + timedelta(days=2)).isoformat()


@pytest.mark.parametrize("created", [IN_TWO_DAYS, "", "2026-01-01"], ids=["in two days", "empty", "no time zone"])
def test_a_record_from_the_future_or_from_no_time(files, refused, created):
    put_record(files, replace(record_in(files, 1), created=created))
    assert "it was made" in refused()["timings"]


def test_more_than_one_reading_of_test_labels(files, refused):
    put_record(files, replace(record_in(files, 1), test_reads=240))
    assert refused() == {"protocol": "glyphs, seed 1 read test labels 240 times; 'inductive' allows one"}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"protocol": "paper"}, "the protocol 'paper' is not ranked"),
        ({"protocol_version": 2}, "there is no protocol 'inductive' of version 2"),
    ],
)
def test_protocols_that_are_not_ranked_here(files, refused, changes, line):
    put_keys(files, **changes)
    assert line in refused(protocols=(record_in(files, 0).key.protocol,))["protocol"]


def test_predictions_of_classes_that_are_none(files, refused):
    arrays = arrays_in(files, 0)
    arrays["predicted_unseen"] = arrays["best_unseen"].copy()
    arrays["best_unseen"][7] = arrays["best_seen"][7]
    put_record(files, record_in(files, 0), npz(arrays))
    told = refused()
    assert list(told) == ["predictions"]
    assert "best_unseen holds classes of another domain" in told["predictions"]


def test_scores_of_fewer_classes_than_there_are(files, refused):
    arrays = arrays_in(files, 0) | {"joint": np.zeros((2580, 3), np.float32)}
    put_record(files, record_in(files, 0), npz(arrays))
    assert "joint has 3 columns for " in refused()["predictions"]


def test_predictions_that_leave_samples_out(files, refused):
    arrays = {name: array[1:] for name, array in arrays_in(files, 0).items()}
    put_record(files, record_in(files, 0), npz(arrays))
    assert "predictions of 2579 samples do not match the 2580" in refused()["predictions"]


def test_a_manifest_that_tells_of_other_records(refused):
    assert "a record is of 'f-clswgan', the bundle of 'gsmflow'" in refused(method="gsmflow")["manifest"]
    assert "other seeds than the core ones" in refused(seeds=(0, 1, 2, 3, 4, 5))["seeds"]


def test_names_of_no_method(refused):
    assert refused(method="a|b") == {
        "archive": "manifest.json: method: it must be the name of a method, or three names joined by '+'; "
        "make the bundle with gzslbench submit"
    }


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"timings": {"seeds_together": 0}}, "timings.seeds_together"),
        ({"timings": {"seeds_together": 10**400}}, "timings.seeds_together"),
        ({"timings": {"fit_classifier": Phase(1.7e308, 0.0)}}, "timings.fit_classifier.wall_s"),
        ({"timings": {"fit_classifier": Phase(-1.0, 0.0)}}, "timings.fit_classifier.wall_s"),
        ({"timings": {"warm_up_s": -5.0}}, "timings.warm_up_s"),
        ({"timings": {"jobs": -1}}, "timings.jobs"),
        ({"environment": {"threads": 0}}, "environment.threads"),
        ({"key": {"version": 2}}, "key.version"),
        ({"key": {"precision": "<b>"}}, "key.precision"),
        ({"key": {"protocol": "mine"}}, "key.protocol"),
        ({"created": "soon"}, "created"),
    ],
)
def test_values_without_bounds(files, refused, changes, place):
    record = record_in(files, 1)
    inner = {name: replace(getattr(record, name), **each) for name, each in changes.items() if isinstance(each, dict)}
    put_record(files, replace(record, **{**changes, **inner}))
    found = refused()
    assert list(found) == ["archive"]
    assert f"is not a record: {place}: " in found["archive"]


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[2J\n::set-env name=PATH::",
        "right\u202eleft",
        "zero\u200bwidth",
        "=cmd|' /C calc'!A0",
        "@SUM(1)",
        "x" * 10_001,
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_text_that_would_do_more_than_be_read(files, refused, text):
    assert list(refused(declarations=Declarations(author=text))) == ["archive"]
    put_record(files, replace(record_in(files, 0), data_source=text))
    assert list(refused()) == ["archive"]


def test_own_code_is_hashed_without_being_told():
    assert {"eszsl", "softmax", "none", "gsmflow"} <= hashes_with(()).keys()
