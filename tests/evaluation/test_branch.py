from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from gzslbench.contract.protocol import PROTOCOLS
from gzslbench.errors import ContractError, ProtocolError
from gzslbench.evaluation import branch
from gzslbench.evaluation.branch import WHOLE_GROUP, TrainedCell
from gzslbench.evaluation.run_group import run_group

ONES = "features.new_ones(len(features), len(classes))"
TELLING = """
class Telling(Gate):
    info = Info("telling")

    def fit(self, view, ctx):
        pass

    def log_prior(self, features):
        return torch.zeros(len(features), 2)

    def unseen_score(self, features):
        return"""


def arrays_in(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    """Find all arrays and tensors in a value, however deep."""
    if isinstance(value, torch.Tensor):
        yield value.numpy()
    elif isinstance(value, np.ndarray):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from arrays_in(getattr(value, each.name))
    elif isinstance(value, dict):
        yield from arrays_in(list(value.values()))
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from arrays_in(item)


def same_predictions(one: Any, other: Any) -> bool:
    pairs = zip(arrays_in(one.predictions), arrays_in(other.predictions), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_a_group_reports_its_phases_in_order(rehearsal):
    coordinator = rehearsal.run("toy-means+none+toy-softmax", "toy-means+toy-distance+toy-linear")
    of_a_cell = ["synthesise", "fit gate", "fit classifier", "predict"]
    assert coordinator.phases == [
        (WHOLE_GROUP, "fit generator"),
        *((0, phase) for phase in of_a_cell),
        *((1, phase) for phase in of_a_cell),
    ]
    assert not coordinator.failures
    assert coordinator.metrics[0].t1 > 0.5


def test_notes_curves_and_times_of_all_components_are_handed_in(rehearsal):
    result = rehearsal.run("toy-means+toy-distance+toy-softmax").results[0]
    assert result.notes == {"toy-means.classes": 5}
    assert set(result.curves) == {"toy-means.rest", "toy-softmax.loss"}
    assert len(result.curves["toy-softmax.loss"].steps) == 40
    timings = result.timings
    assert timings.fit_generator.wall_s > 0
    assert timings.synthesise.wall_s > 0
    assert timings.fit_gate.wall_s > 0
    assert timings.fit_classifier.wall_s > timings.fit_gate.wall_s
    assert len(timings.predict_s) == 3
    assert timings.test_samples == len(result.predictions.samples)


@pytest.mark.parametrize("protocol", ["strict", "inductive", "transductive", "validated", "splits"])
def test_test_labels_are_read_once(rehearsal, protocol):
    coordinator = rehearsal.run("none+none+toy-bilinear", "none+toy-both+toy-both", protocol=protocol)
    assert [scorer.test_reads for scorer in coordinator.scorers] == [1, 1]
    assert not coordinator.test_reads


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_test_label_is_in_the_job_nor_in_any_message(rehearsal, protocol):
    """Search all arrays for the test labels in any coding: class rows, or positions among seen or unseen classes."""
    data_set, split = rehearsal.data_set, rehearsal.data_set.split()
    (job,) = rehearsal.jobs(["none+none+toy-bilinear"], protocol)
    coordinator = rehearsal.coordinator(job)
    test_set = coordinator.test_set()
    order = np.argsort(test_set.samples)
    tests = test_set.samples[order]
    told = [array for array in arrays_in([job, test_set]) if array.ndim == 1 and array.dtype.kind in "iu"]
    for positions in (tests, np.concatenate([split.test_seen, split.test_unseen]), split.test_seen, split.test_unseen):
        labels = data_set.labels[positions]
        for coding in (labels, np.unique(labels, return_inverse=True)[1]):
            assert not any(np.array_equal(array, coding) for array in told)
            if job.validation is None:
                assert coding.tobytes() not in pickle.dumps(job)
    indices = np.concatenate([job.fold.train, [] if job.validation is None else job.validation.test_set.samples])
    assert not np.intersect1d(indices, tests).size
    assert len(job.fold.labels) == len(job.fold.train)


def test_a_strict_job_holds_no_unseen_semantics_until_the_exam_is_asked_for(rehearsal):
    split = rehearsal.data_set.split()
    unseen = rehearsal.data_set.semantics[split.unseen_classes]
    (strict,) = rehearsal.jobs(["none+none+toy-linear"], "strict")
    (inductive,) = rehearsal.jobs(["none+none+toy-linear"], "inductive")
    small_enough_to_be_sent = replace(strict, features=np.asarray(rehearsal.data_set.features))
    for row in unseen:
        assert row.tobytes() in pickle.dumps(inductive)
        assert row.tobytes() not in pickle.dumps(small_enough_to_be_sent)
        assert not any((array == row).all(-1).any() for array in arrays_in(strict) if array.shape[-1:] == row.shape)
    coordinator = rehearsal.run("none+none+toy-linear", protocol="strict")
    assert coordinator.test_sets == 1


@pytest.mark.parametrize("protocol", ["strict", "inductive"])
def test_nothing_is_asked_of_the_test_set_before_training_has_ended(rehearsal, monkeypatch, protocol):
    (job,) = rehearsal.jobs(["none+none+toy-linear", "none+none+toy-bilinear"], protocol)
    coordinator = rehearsal.coordinator(job)
    asked: list[tuple[int, str]] = []
    trained: list[set[int]] = []

    def test_set():
        asked.append(coordinator.phases[-1])
        trained.append({cell for cell, phase in coordinator.phases if phase == "fit classifier"})
        return coordinator.expected_test_set

    monkeypatch.setattr(coordinator, "test_set", test_set)
    run_group(job, coordinator)
    assert asked == [(0, "predict"), (1, "predict")]
    # It brings unseen semantics into the process, so under strict all cells have trained before it is asked for.
    assert trained[0] == ({0, 1} if protocol == "strict" else {0})


def test_the_order_of_the_test_set_tells_no_domain(rehearsal):
    (job,) = rehearsal.jobs(["none+none+toy-linear"])
    samples = rehearsal.coordinator(job).test_set().samples
    unseen = np.isin(samples, rehearsal.data_set.split().test_unseen)
    changes = np.count_nonzero(unseen[1:] != unseen[:-1])
    expected = 2 * unseen.mean() * (1 - unseen.mean()) * (len(unseen) - 1)
    assert changes > expected / 2
    again = rehearsal.coordinator(job).test_set().samples
    assert np.array_equal(samples, again)


def test_unseen_semantics_are_refused_under_strict(rehearsal, add_plugin):
    add_plugin(f"""
class Peeping(Classifier):
    info = Info("peeping")
    def fit(self, view, ctx):
        view.unseen_semantics
    def scores(self, features, classes):
        return {ONES}
""")
    coordinator = rehearsal.run("none+none+peeping", "none+none+toy-linear", protocol="strict")
    assert isinstance(coordinator.failures[0], ProtocolError)
    assert "'peeping' asked for unseen semantics under the protocol 'strict'" in str(coordinator.failures[0])
    assert list(coordinator.results) == [1]


def test_transductive_offers_test_features(rehearsal, add_plugin):
    add_plugin("""
class Crowd(Classifier):
    info = Info("crowd", needs=(Need.TEST_FEATURES,))
    def fit(self, view, ctx):
        self.offered = view.test_features
    def scores(self, features, classes):
        assert torch.equal(features, self.offered)
        return features.new_ones(len(features), len(classes))
""")
    coordinator = rehearsal.run("none+none+crowd", protocol="transductive")
    assert not coordinator.failures


@pytest.mark.parametrize("protocol", ["strict", "inductive", "validated"])
def test_a_shared_space_is_that_of_the_features_before_they_are_scaled(rehearsal, add_plugin, protocol):
    add_plugin("""
class Spaced(Classifier):
    info = Info("spaced", needs=(Need.SHARED_SPACE,))
    def fit(self, view, ctx):
        self.scale = view.feature_scale
    def scores(self, features, classes):
        lowest, width = self.scale
        unscaled = features * width + lowest
        return unscaled.sum(dim=1, keepdim=True).repeat(1, len(classes)) * (classes.index == 0)
""")
    data_set = rehearsal.data_set
    widened = np.repeat(data_set.semantics, data_set.features.shape[1], axis=1)[:, : data_set.features.shape[1]]
    rehearsal.data_set = replace(data_set, semantics=widened, shared_space=True, fingerprint={})
    (job,) = rehearsal.jobs(["none+none+spaced"], protocol)
    coordinator = rehearsal.coordinator(replace(job, keep_scores=True))
    run_group(replace(job, keep_scores=True), coordinator)
    predictions = coordinator.results[0].predictions
    expected = data_set.features[predictions.samples].sum(axis=1)
    np.testing.assert_allclose(predictions.joint[:, 0], expected, rtol=1e-4, atol=1e-4)


def test_a_component_in_two_roles_is_fitted_once(rehearsal, add_plugin):
    add_plugin("""
class Twice(Gate, Classifier):
    info = Info("twice")
    fits = 0
    def fit(self, view, ctx):
        Twice.fits += 1
        ctx.note(fits=Twice.fits)
    def log_prior(self, features):
        return features.new_zeros(len(features), 2)
    def scores(self, features, classes):
        return features.new_ones(len(features), len(classes))
""")
    result = rehearsal.run("none+twice+twice").results[0]
    assert result.notes == {"twice.fits": 1}
    assert result.timings.fit_classifier.wall_s == 0
    assert result.timings.fit_gate.wall_s > 0
    coordinator = rehearsal.run("none+twice+twice", protocol="paper")
    assert coordinator.results[0].notes == {"twice.fits": 2}


def test_a_gate_is_fitted_once_for_all_cells(rehearsal, add_plugin):
    add_plugin("""
class Counting(Gate):
    info = Info("counting")
    fits = 0
    def fit(self, view, ctx):
        Counting.fits += 1
        ctx.note(fits=Counting.fits)
    def log_prior(self, features):
        return features.new_zeros(len(features), 2)
""")
    coordinator = rehearsal.run("none+counting+toy-linear", "none+counting+toy-bilinear")
    assert [coordinator.results[cell].notes["counting.fits"] for cell in (0, 1)] == [1, 1]


def test_synthetic_features_are_made_once_for_all_cells(rehearsal, add_plugin):
    add_plugin("""
@dataclass(frozen=True)
class Count:
    per_class: int = 5

class Thrifty(Generator):
    info = Info("thrifty", makes=(Makes.SYNTHETIC,))
    Config = Count
    def fit(self, view, ctx):
        self.width, self.calls = view.features.shape[1], 0
    def generate(self, semantics, per_class, ctx):
        self.calls += 1
        assert self.calls == 1
        return torch.rand(len(semantics), per_class, self.width, generator=ctx.rng)
""")
    coordinator = rehearsal.run("thrifty+none+toy-softmax", "thrifty+toy-distance+toy-softmax")
    assert not coordinator.failures


def test_a_generator_that_changes_its_view_fails_all_its_cells(rehearsal, add_plugin):
    add_plugin("""
@dataclass(frozen=True)
class Count:
    per_class: int = 5

class Vandal(Generator):
    info = Info("vandal", makes=(Makes.SYNTHETIC,))
    Config = Count
    def fit(self, view, ctx):
        view.features.zero_()
""")
    coordinator = rehearsal.run("vandal+none+toy-softmax", "vandal+toy-distance+toy-softmax")
    assert sorted(coordinator.failures) == [0, 1]
    assert all(isinstance(error, ContractError) for error in coordinator.failures.values())
    assert "'vandal' changed its input" in str(coordinator.failures[1])


FAULTS = {
    "changes features": "view.features.zero_()",
    "changes and fails": "view.features.zero_(); view.synthetic.zero_(); raise ValueError('spite')",
    "changes synthetic features": "view.synthetic.mul_(2)",
    "changes semantics": "view.semantics.zero_()",
    "raises": "raise ValueError('spite')",
    "exits": "raise SystemExit(3)",
    "interrupts": "raise KeyboardInterrupt",
    "wants memory": "raise MemoryError",
    "recurses": "self.fit(view, ctx)",
}


@pytest.mark.parametrize("statement", FAULTS.values(), ids=FAULTS.keys())
def test_a_classifier_at_fault_fails_alone_and_the_next_cell_gets_clean_data(rehearsal, add_plugin, statement):
    """The distance gate holds the very tensors that it was shown, and the generator's are the same."""
    add_plugin(f"""
class Faulty(Classifier):
    info = Info("faulty", needs=(Need.SYNTHETIC,))
    def fit(self, view, ctx):
        {statement}
    def scores(self, features, classes):
        return {ONES}
""")
    healthy = "toy-means+toy-distance+toy-softmax"
    coordinator = rehearsal.run("toy-means+toy-distance+faulty", healthy)
    assert list(coordinator.failures) == [0]
    assert same_predictions(coordinator.results[1], rehearsal.run(healthy).results[0])


@pytest.mark.slow
def test_company_and_order_do_not_change_a_cell(rehearsal):
    names = ["toy-means+none+toy-softmax", "toy-means+toy-distance+toy-softmax", "toy-means+toy-distance+toy-linear"]
    forth, back = rehearsal.run(*names), rehearsal.run(*reversed(names))
    for cell, name in enumerate(names):
        alone = rehearsal.run(name).results[0]
        assert same_predictions(forth.results[cell], alone)
        assert same_predictions(back.results[len(names) - 1 - cell], alone)


UNUSABLE = {
    "wrong shape": "features.new_ones(len(features), len(classes) + 1)",
    "NaN": "features.new_full((len(features), len(classes)), float('nan'))",
    "no tensor": "None",
    "integers": f"{ONES}.long()",
}


@pytest.mark.parametrize("result", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_unusable_scores_fail_their_cell_and_name_the_component(rehearsal, add_plugin, result):
    add_plugin(f"""
class Wrong(Classifier):
    info = Info("wrong")
    def fit(self, view, ctx):
        pass
    def scores(self, features, classes):
        return {result}
""")
    coordinator = rehearsal.run("none+none+wrong", "none+none+toy-linear")
    assert list(coordinator.results) == [1]
    assert isinstance(coordinator.failures[0], ContractError)
    assert "scores of 'wrong' returned" in str(coordinator.failures[0])


def test_scores_of_all_classes_are_kept_where_asked_for(rehearsal):
    (job,) = rehearsal.jobs(["none+none+toy-linear"])
    coordinator = rehearsal.coordinator(job)
    run_group(replace(job, keep_scores=True), coordinator)
    predictions = coordinator.results[0].predictions
    rows = np.concatenate([job.fold.seen_rows, job.fold.unseen_rows])
    assert predictions.joint.shape == (len(predictions.samples), 8)
    assert np.array_equal(rows[predictions.joint.argmax(1)], predictions.predicted)


def test_a_gate_may_tell_the_number_by_which_it_decides(rehearsal, add_plugin):
    add_plugin(f"{TELLING} features[:, 0]")
    coordinator = rehearsal.run("none+telling+toy-linear", "none+none+toy-linear")
    told, silent = (coordinator.results[cell].predictions for cell in (0, 1))
    features = np.array(rehearsal.data_set.features)
    train = features[rehearsal.data_set.split().trainval, 0]
    scaled = (features[told.samples, 0] - train.min()) / (train.max() - train.min())
    np.testing.assert_allclose(told.gate_score, scaled, rtol=1e-5, atol=1e-6)
    assert silent.gate_score is None
    unseen = np.isin(told.samples, rehearsal.data_set.split().test_unseen)
    assert coordinator.metrics[0].gate_auroc == pytest.approx(roc_auc_score(unseen, scaled))
    assert coordinator.metrics[1].gate_auroc is None


@pytest.mark.parametrize("bad", ["features", "features[:, 0] * torch.inf"])
def test_a_gate_that_tells_no_number_for_a_sample_is_named(rehearsal, add_plugin, bad):
    add_plugin(f"{TELLING} {bad}")
    coordinator = rehearsal.run("none+telling+toy-linear")
    assert "unseen_score of 'telling'" in str(coordinator.failures[0])


@pytest.mark.parametrize("keep", [False, True])
def test_samples_are_kept_on_demand(rehearsal, keep):
    (job,) = rehearsal.jobs(["toy-means+toy-distance+toy-softmax"])
    coordinator = rehearsal.coordinator(job)
    run_group(replace(job, keep_samples=keep), coordinator)
    kept = {name: array.shape for name, array in coordinator.results[0].samples.items()}
    assert kept == ({"synthetic": (3, 10, 9), "proxies": (15, 9)} if keep else {})


LATE = """
def learn(late):
    if not vars(late).setdefault("learned", False):
        time.sleep(0.3)
        late.learned = True

class Lazy(Classifier):
    info = Info("lazy")
    def fit(self, view, ctx): pass
    def scores(self, features, classes):
        learn(self)
        return features[:, :1] * classes.index

class Threaded(Classifier):
    info = Info("threaded")
    def fit(self, view, ctx):
        self.asked = threading.Event()
        self.thread = threading.Thread(target=self.learn)
        self.thread.start()
    def learn(self):
        self.asked.wait()
        time.sleep(0.3)
    def scores(self, features, classes):
        self.asked.set()
        self.thread.join()
        return features[:, :1] * classes.index

class Remembering(Classifier):
    info = Info("remembering")
    known = {}
    def fit(self, view, ctx): pass
    def scores(self, features, classes):
        asked = (features.sum().item(), len(classes))
        if asked not in self.known:
            time.sleep(0.1)
            self.known[asked] = features[:, :1] * classes.index
        return self.known[asked]

class LateGate(Gate):
    info = Info("late-gate")
    def fit(self, view, ctx): pass
    def log_prior(self, features):
        learn(self)
        return features.new_zeros(len(features), 2)

class LateToTell(Gate):
    info = Info("late-to-tell")
    def fit(self, view, ctx): pass
    def log_prior(self, features):
        return features.new_zeros(len(features), 2)
    def unseen_score(self, features):
        learn(self)
        return features[:, 0]

class LateGenerator(Generator):
    info = Info("late-generator", makes=(Makes.ENCODING,))
    def fit(self, view, ctx): pass
    def training_set(self, view, ctx): return view.features, view.labels
    def encode(self, features):
        learn(self)
        return features

@hookimpl
def gzslbench_generators(): return [LateGenerator]
@hookimpl
def gzslbench_gates(): return [LateGate, LateToTell]
@hookimpl
def gzslbench_classifiers(): return [Lazy, Threaded, Remembering]
"""


LEARNED_S = pytest.approx(0.3, abs=1e-3)


@pytest.mark.parametrize(
    ("combination", "phase"),
    [
        ("none+none+lazy", "fit_classifier"),
        ("none+none+threaded", "fit_classifier"),
        ("none+late-gate+toy-linear", "fit_gate"),
        ("none+late-to-tell+toy-linear", "fit_gate"),
        ("late-generator+none+toy-linear", "fit_generator"),
    ],
)
@pytest.mark.parametrize("protocol", ["strict", "inductive"])
@pytest.mark.usefixtures("counted_time")
def test_what_is_learned_in_a_first_prediction_counts_as_fitting(rehearsal, add_plugin, combination, phase, protocol):
    add_plugin(f"import threading, time\n{LATE}")
    timings = rehearsal.run(combination, protocol=protocol).results[0].timings
    assert getattr(timings, phase).wall_s == LEARNED_S
    assert timings.fit_s == LEARNED_S
    assert timings.warm_up_s < 1e-3
    assert max(timings.predict_s) < 1e-3


@pytest.mark.usefixtures("counted_time")
def test_what_a_shared_component_learned_late_counts_for_all_cells(rehearsal, add_plugin):
    add_plugin(f"import threading, time\n{LATE}")
    cells = [f"late-generator+late-gate+{name}" for name in ("toy-linear", "toy-bilinear")]
    for result in rehearsal.run(*cells).results.values():
        assert result.timings.fit_generator.wall_s == LEARNED_S
        assert result.timings.fit_gate.wall_s == LEARNED_S


@pytest.mark.usefixtures("counted_time")
def test_what_learns_late_is_timed_where_the_best_state_is_kept(rehearsal, add_plugin):
    add_plugin(f"import threading, time\n{LATE}")
    timings = rehearsal.run("none+none+lazy", protocol="paper").results[0].timings
    assert timings.fit_classifier.wall_s == LEARNED_S


@pytest.mark.usefixtures("counted_time")
def test_predictions_that_are_remembered_are_timed_all_the_same(rehearsal, add_plugin):
    add_plugin(f"import threading, time\n{LATE}")
    timings = rehearsal.run("none+none+remembering").results[0].timings
    assert min(timings.predict_s) >= 0.3
    assert timings.fit_s < 1e-3


@pytest.mark.parametrize(("device", "peak"), [("cpu", None), ("cuda", 0.0)])
def test_a_gpu_that_is_not_used_has_a_peak_of_zero(rehearsal, monkeypatch, device, peak):
    made = TrainedCell.result

    def made_on(self, fitter, *rest):
        return made(self, SimpleNamespace(device=torch.device(device), job=fitter.job), *rest)

    monkeypatch.setattr(branch, "peaks_mib", lambda _: (64.0, 0.0))
    monkeypatch.setattr(TrainedCell, "result", made_on)
    coordinator = rehearsal.run("none+none+toy-linear")
    assert coordinator.results[0].timings.peak_device_mib == peak
