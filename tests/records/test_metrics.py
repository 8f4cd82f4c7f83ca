import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, recall_score, roc_auc_score, roc_curve
from torchmetrics.classification import MulticlassAccuracy

from gzslbench.errors import DataError
from gzslbench.records import metrics

SEEN, UNSEEN = np.array([0, 1]), np.array([2, 3])
CLASSES = np.array([0, 1, 2, 3])


def test_rare_classes_count_as_much_as_common_ones():
    labels = np.array([4, 4, 4, 4, 7])
    predicted = np.array([4, 4, 4, 7, 7])
    assert metrics.per_class_accuracy(labels, predicted, np.array([7, 4])).tolist() == [1.0, 0.75]
    assert metrics.mean_per_class(labels, predicted, np.array([4, 7])) == 0.875


def test_other_domain_predictions_are_wrong_and_other_domain_samples_left_out():
    labels = np.array([0, 0, 9])
    assert metrics.per_class_accuracy(labels, np.array([0, 9, 9]), np.array([0])).tolist() == [0.5]


def test_an_absent_class_is_named():
    with pytest.raises(DataError, match=r"\[5\]"):
        metrics.per_class_accuracy(np.array([0, 1]), np.array([0, 1]), np.array([0, 5]))


@pytest.mark.parametrize(("u", "s", "h"), [(0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.5, 0.5, 0.5), (0.25, 0.75, 0.375)])
def test_harmonic_mean(u, s, h):
    assert metrics.harmonic_mean(u, s) == h


def samples(seed=0, count=400, classes=7):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, count)])
    predicted = np.where(rng.random(len(labels)) < 0.6, labels, rng.integers(0, classes, len(labels)))
    return labels, predicted, np.arange(classes)


def test_accuracy_agrees_with_two_libraries():
    labels, predicted, classes = samples()
    ours = metrics.per_class_accuracy(labels, predicted, classes)
    np.testing.assert_allclose(ours, recall_score(labels, predicted, average=None))
    theirs = MulticlassAccuracy(num_classes=len(classes), average="macro")(
        torch.tensor(predicted), torch.tensor(labels)
    )
    assert ours.mean() == pytest.approx(float(theirs))


def test_confusion_agrees_with_scikit_learn_in_any_order_of_classes():
    labels, predicted, _ = samples()
    chosen = np.array([5, 0, 3])
    np.testing.assert_array_equal(
        metrics.confusion(labels, predicted, chosen), confusion_matrix(labels, predicted, labels=chosen)
    )


def test_curve_worked_by_hand():
    labels = np.array([0, 0, 1, 2, 3])
    best_seen = np.array([0, 0, 0, 1, 1])  # the third sample is wrong on either side
    best_unseen = np.array([2, 2, 2, 2, 3])
    margin = np.array([3.0, 1.0, 9.0, 2.0, -1.0])
    curve = metrics.seen_unseen_curve(labels, best_seen, best_unseen, margin, SEEN, UNSEEN)
    assert curve.offsets.tolist() == [-np.inf, -1.0, 1.0, 2.0, 3.0, 9.0]
    assert curve.seen.tolist() == [0.5, 0.5, 0.25, 0.25, 0.0, 0.0]
    assert curve.unseen.tolist() == [0.0, 0.5, 0.5, 1.0, 1.0, 1.0]
    assert metrics.ausuc(curve) == 0.5 * 0.5 + 0.25 * 0.5


def test_a_tie_between_a_seen_and_an_unseen_sample_counts_half():
    labels, ones = np.array([0, 2]), np.ones(2)
    curve = metrics.seen_unseen_curve(labels, np.array([0, 0]), np.array([2, 2]), ones, np.array([0]), np.array([2]))
    assert metrics.ausuc(curve) == 0.5


joint_scores = st.integers(0, 2**32 - 1).map(
    lambda seed: (
        np.concatenate([CLASSES, np.random.default_rng(seed).integers(0, 4, 30)]),
        np.random.default_rng(seed + 1).integers(-3, 4, (34, 4)).astype(np.float32),
    )
)


def curve_of(labels, joint):
    best_seen, best_unseen = joint[:, :2].argmax(1), 2 + joint[:, 2:].argmax(1)
    margin = joint[:, :2].max(1) - joint[:, 2:].max(1)
    return metrics.seen_unseen_curve(labels, best_seen, best_unseen, margin, SEEN, UNSEEN)


@given(joint_scores)
def test_every_point_of_the_curve_is_the_accuracy_of_calibrated_stacking(case):
    labels, joint = case
    curve = curve_of(labels, joint)
    for offset, seen, unseen in zip(curve.offsets, curve.seen, curve.unseen, strict=True):
        shifted = joint - np.where(CLASSES < 2, max(offset, -100) + 0.5, 0)  # margins are whole: halves make no ties
        predicted = shifted.argmax(1)
        assert seen == pytest.approx(metrics.mean_per_class(labels, predicted, SEEN))
        assert unseen == pytest.approx(metrics.mean_per_class(labels, predicted, UNSEEN))


@given(joint_scores)
def test_area_is_the_integral_of_a_brute_force_sweep(case):
    labels, joint = case
    points = []
    for offset in np.arange(-10.5, 10.5):
        predicted = (joint - np.where(CLASSES < 2, offset, 0)).argmax(1)
        points.append([metrics.mean_per_class(labels, predicted, domain) for domain in (UNSEEN, SEEN)])
    unseen, seen = np.array(points).T
    assert metrics.ausuc(curve_of(labels, joint)) == pytest.approx(np.trapezoid(seen, unseen))


@given(joint_scores, st.integers(-5, 5), st.integers(1, 4))
def test_area_ignores_a_shift_and_a_scale_of_the_scores(case, shift, scale):
    labels, joint = case
    moved = joint * scale + np.where(CLASSES < 2, shift, 0)
    assert metrics.ausuc(curve_of(labels, joint)) == pytest.approx(metrics.ausuc(curve_of(labels, moved)))


@given(joint_scores)
def test_area_is_no_greater_than_the_rectangle_of_the_extremes(case):
    curve = curve_of(*case)
    assert 0 <= metrics.ausuc(curve) <= curve.seen[0] * curve.unseen[-1] + 1e-12
    assert (np.diff(curve.seen) <= 1e-12).all()
    assert (np.diff(curve.unseen) >= -1e-12).all()
    assert curve.seen[-1] == curve.unseen[0] == 0


gates = st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=4).filter(
    lambda rows: len({score for score, _ in rows}) > 1 and len({unseen for _, unseen in rows}) > 1
)


@given(gates)
def test_gate_metrics_agree_with_scikit_learn(rows):
    score, unseen = (np.array(column) for column in zip(*rows, strict=True))
    assert metrics.auroc(score, unseen) == pytest.approx(roc_auc_score(unseen, score))
    false, true, _ = roc_curve(unseen, score, drop_intermediate=False)
    assert metrics.fpr95(score, unseen) == pytest.approx(false[true >= 0.95 - 1e-12].min())


def test_gate_metrics_of_hard_decisions():
    log_prior = np.array([[0, -np.inf], [-np.inf, 0], [-np.inf, 0], [0, 0]], dtype=np.float32)
    score, unseen = metrics.gate_score(log_prior), np.array([False, False, True, True])
    assert score.tolist() == [-np.inf, np.inf, np.inf, 0.0]
    assert metrics.auroc(score, unseen) == (1 + 0.5 + 1 + 0) / 4
    assert metrics.fpr95(score, unseen) == 0.5


def test_a_constant_gate_has_no_gate_metrics():
    score, unseen = metrics.gate_score(np.zeros((3, 2), dtype=np.float32)), np.array([True, False, True])
    assert metrics.auroc(score, unseen) is None
    assert metrics.fpr95(score, unseen) is None


def defined(u, s):
    return not (np.isnan(u) or np.isnan(s))


@pytest.mark.parametrize("u", [0.0, 0.5, 1.0, float("nan")])
@pytest.mark.parametrize("s", [0.0, 0.5, 1.0, float("nan")])
def test_the_harmonic_mean_of_what_is_undefined_is_undefined(u, s):
    assert np.isnan(metrics.harmonic_mean(u, s)) != defined(u, s)


def test_an_accuracy_over_no_classes_is_refused():
    none = np.array([], dtype=int)
    with pytest.raises(DataError, match="over no classes is undefined"):
        metrics.mean_per_class(np.array([0, 1]), np.array([0, 1]), none)
    with pytest.raises(DataError, match="over no classes is undefined"):
        metrics.seen_unseen_curve(*(np.array([0, 1]) for _ in range(2)), np.array([2, 2]), np.ones(2), SEEN, none)


@pytest.mark.parametrize("unseen", [[False] * 3, [True] * 3, []])
def test_a_gate_is_not_judged_by_samples_of_one_domain(unseen):
    score = np.arange(len(unseen), dtype=float)
    assert metrics.auroc(score, np.array(unseen, dtype=bool)) is None
    assert metrics.fpr95(score, np.array(unseen, dtype=bool)) is None


@st.composite
def judged(draw):
    """A few samples of one class or more in either domain, with margins that tie often, or are infinite."""
    seen, unseen = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rest = draw(st.lists(st.integers(0, seen + unseen - 1), max_size=6))
    labels = np.array([0, seen, *rest])
    some = lambda low, high: draw(st.lists(st.integers(low, high), min_size=len(labels), max_size=len(labels)))  # noqa: E731
    margins = st.sampled_from([-np.inf, -1e38, -1.0, -0.0, 0.0, 1e-45, 2.0, np.inf])
    margin = draw(st.lists(margins, min_size=len(labels), max_size=len(labels)))
    return labels, np.array(some(0, seen - 1)), np.array(some(seen, seen + unseen - 1)), np.array(margin), seen


@given(judged())
def test_a_curve_is_that_of_predictions_made_anew_at_each_offset(case):
    labels, best_seen, best_unseen, margin, first_unseen = case
    seen, unseen = (np.unique(labels[(labels < first_unseen) == domain]) for domain in (True, False))
    curve = metrics.seen_unseen_curve(labels, best_seen, best_unseen, margin, seen, unseen)
    for offset, s, u in zip(curve.offsets, curve.seen, curve.unseen, strict=True):
        if offset == -np.inf and (margin == -np.inf).any():
            continue  # the first of two such points lies below all margins
        predicted = np.where(margin > offset, best_seen, best_unseen)
        assert s == pytest.approx(recall_score(labels, predicted, labels=seen, average="macro", zero_division=0))
        assert u == pytest.approx(recall_score(labels, predicted, labels=unseen, average="macro", zero_division=0))
    assert 0 <= metrics.ausuc(curve) <= 1 + 1e-12
