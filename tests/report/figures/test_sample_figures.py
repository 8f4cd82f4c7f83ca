"""Figures of samples: which points and histograms are drawn."""

import numpy as np
import pytest

from gzslbench.errors import RecordError, UsageError
from gzslbench.report.figures.boundary import shown_samples
from gzslbench.report.figures.embedding import embed, spread

THRESHOLDS = {"delta_l": 0.5, "delta_h": 1.5}


def _points(axes):
    return {each.get_label(): len(each.get_offsets()) for each in axes.collections}


def test_embedding_keeps_neighbours_and_is_the_same_each_time():
    rng = np.random.default_rng(0)
    near, far = rng.normal(size=(12, 5)), 50 + rng.normal(size=(8, 5))
    one, other = embed([near, far])
    assert (one.shape, other.shape) == ((12, 2), (8, 2))
    within = max(np.linalg.norm(each - each.mean(axis=0), axis=1).max() for each in (one, other))
    assert np.linalg.norm(one.mean(axis=0) - other.mean(axis=0)) > within
    again = embed([near, far])
    assert np.array_equal(again[0], one)
    assert np.array_equal(again[1], other)


def test_spread_takes_all_or_evenly():
    assert spread(3, 5).tolist() == [0, 1, 2]
    assert spread(9, 3).tolist() == [0, 4, 8]


def test_boundary_samples_of_eight_classes_at_most():
    labels = np.repeat(np.arange(10), 100)
    assert np.bincount(labels[shown_samples(labels)]).tolist() == [60] * 8


def test_boundary_shows_real_samples_and_what_was_mined_from_them(add, draw):
    rng = np.random.default_rng(0)
    real = rng.normal(size=(12, 4)).astype(np.float16)
    labels = np.repeat([0, 4], 6).astype(np.int32)
    add(samples={"gsmflow.real": real, "gsmflow.boundary": real + 1, "gsmflow.labels": labels})
    left, right = draw("boundary").figure.axes
    assert _points(left) == {"class a": 6, "class g": 6}  # seen classes are a, b, d, e, g
    assert len(right.collections) == 5
    assert sum(len(each.get_offsets()) for each in right.collections) == 24
    assert left.get_xlim() == right.get_xlim()


def test_synthetic_shows_real_samples_in_the_first_panel_and_grey_ones_in_the_others(add, draw):
    synthetic = np.random.default_rng(0).random((3, 5, 9)).astype(np.float16)
    for method in ("gsmflow", "f-clswgan"):
        add(method, samples={"synthetic": synthetic}, config={"of": method})
    real, *made = draw("synthetic", "f-clswgan", "gsmflow").figure.axes
    assert [axes.get_title() for axes in made] == ["f-clswgan", "gsmflow"]
    assert _points(real) == {"class c": 12, "class f": 12, "class h": 12}
    assert _points(made[0]) == {"real test sample": 36, "class c": 5, "class f": 5, "class h": 5}


def test_codes_are_not_drawn_among_features(add, draw):
    add(samples={"synthetic": np.zeros((3, 5, 4), np.float16)})
    with pytest.raises(UsageError, match="codes of 4 dimensions"):
        draw("synthetic", "gsmflow")


def test_entropies_are_shares_of_training_and_test_samples(add, predict, draw):
    score = np.repeat([0.15, 3.0], [15, 36]).astype(np.float32)  # seen classes' test samples come first
    samples = {
        "entropy.seen_entropy": np.full(4, 0.25, np.float16),
        "entropy.proxy_entropy": np.full(2, 2.9, np.float16),
    }
    add("early-gan", gate=THRESHOLDS, samples=samples, predictions=predict(gate_score=score))
    training, test = draw("entropy", "early-gan").figure.axes

    def heights(axes):
        return [{n: bar.get_height() for n, bar in enumerate(each) if bar.get_height()} for each in axes.containers]

    assert heights(training) == [{2: pytest.approx(1)}, {29: pytest.approx(1)}]
    assert heights(test) == [{1: pytest.approx(1)}, {29: pytest.approx(1)}]
    assert [line.get_xdata()[0] for line in test.lines] == [0.5, 1.5]


def test_a_record_without_the_gates_score_must_be_run_again(add, draw):
    samples = {"entropy.seen_entropy": np.zeros(4), "entropy.proxy_entropy": np.zeros(4)}
    add("early-gan", gate=THRESHOLDS, samples=samples)
    with pytest.raises(RecordError, match=r"the gate's score; .*--force"):
        draw("entropy", "early-gan")


def test_proxies_has_a_panel_for_each_step_in_order(add, draw):
    rng = np.random.default_rng(0)
    samples = {f"early-gan.step {step}": rng.random((7, 9)).astype(np.float16) for step in (100, 0, 20)}
    add("early-gan", generator="early-gan", samples=samples)
    axes = draw("proxies").figure.axes
    assert [each.get_title() for each in axes] == ["step 0", "step 20", "step 100"]
    assert _points(axes[0]) == {"real, seen classes": 45, "real, unseen classes (test)": 36, "generated": 7}
