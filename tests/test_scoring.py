from types import SimpleNamespace

import numpy as np
import pytest

from gzslbench import metrics
from gzslbench.errors import ContractError, RecordError
from gzslbench.record import Routing
from gzslbench.scoring import Predictions, Scorer

NAMES = ["ant", "bee", "cow", "dog"]
SPLIT = SimpleNamespace(
    test_seen=np.array([7, 3, 5]),
    test_unseen=np.array([1, 9]),
    seen_classes=np.array([0, 2]),
    unseen_classes=np.array([1, 3]),
)
LABELS = np.array([0, 0, 2, 1, 3])  # of samples 7, 3, 5, 1, 9
INF = np.inf


def predictions(**changes):
    arrays = {
        "samples": np.array([7, 3, 5, 1, 9]),
        "predicted": np.array([0, 1, 2, 1, 2]),
        "predicted_unseen": np.array([1, 1, 1, 1, 3]),
        "best_seen": np.array([0, 0, 2, 0, 2]),
        "best_unseen": np.array([1, 1, 1, 1, 3]),
        "score_seen": np.array([5, 1, 4, 0, 2], dtype=np.float32),
        "score_unseen": np.array([1, 2, 3, 1, 1], dtype=np.float32),
        "log_prior": np.array([[0, -INF], [-INF, 0], [0, 0], [-INF, 0], [0, 0]], dtype=np.float32),
    }
    return Predictions(**(arrays | changes))


def permuted(order):
    given = predictions()
    return Predictions(**{name: array[order] for name, array in vars(given).items() if array is not None})


def scorer():
    return Scorer(LABELS, SPLIT, NAMES)


def test_metrics_worked_by_hand():
    result = scorer().score(predictions())
    assert (result.t1, result.u, result.s, result.h) == (1.0, 0.5, 0.75, 0.6)
    assert result.per_class == {"ant": 0.5, "bee": 1.0, "cow": 1.0, "dog": 0.0}
    # margins 4, -1, 1 of seen samples worth 1/4, 1/4, 1/2; -1 (a tie), 1 (a tie) of unseen ones worth 1/2 each
    assert result.ausuc == pytest.approx(0.5 * (0.25 + 0.5 + 0.25 / 2) + 0.5 * (0.25 + 0.5 / 2))
    assert result.gate_auroc == pytest.approx((1 + 0.5 + 1 + 1 + 0 + 0.5) / 6)
    assert result.gate_fpr95 == pytest.approx(2 / 3)
    assert result.routing_seen == Routing(seen=1 / 3, unseen=1 / 3, either=1 / 3)
    assert result.routing_unseen == Routing(seen=0.0, unseen=0.5, either=0.5)


@pytest.mark.parametrize("order", [[4, 3, 2, 1, 0], [2, 0, 4, 1, 3]])
def test_order_of_samples_makes_no_difference(order):
    assert scorer().score(permuted(order)) == scorer().score(predictions())


def test_looks_are_counted():
    judge = scorer()
    assert judge.looks == 0
    assert judge.h(predictions()) == 0.6
    judge.score(predictions())
    assert judge.looks == 2


@pytest.mark.parametrize("samples", [[7, 3, 5, 1, 2], [7, 3, 5, 1, 1]])
def test_other_samples_are_refused_without_a_look(samples):
    judge = scorer()
    with pytest.raises(ContractError, match="5 test samples"):
        judge.h(predictions(samples=np.array(samples)))
    assert judge.looks == 0


def test_a_subset_of_the_samples_is_refused():
    with pytest.raises(ContractError, match="predictions of 3 samples"):
        scorer().score(permuted([0, 1, 2]))


@pytest.mark.parametrize("labels", [[0, 0, 2, 1], [1, 0, 2, 0, 3], [0, 0, 1, 1, 3]])
def test_labels_of_other_samples_are_refused(labels):
    with pytest.raises(ValueError, match="test_seen followed by test_unseen"):
        Scorer(np.array(labels), SPLIT, NAMES)


def test_means_are_over_the_classes_that_have_test_samples():
    split = SimpleNamespace(**{**vars(SPLIT), "seen_classes": np.array([0, 2, 4])})
    assert Scorer(LABELS, split, [*NAMES, "eel"]).score(predictions()) == scorer().score(predictions())


def test_accuracy_uses_all_classes_not_those_of_the_domain():
    everything_seen = predictions(predicted=np.array([0, 0, 2, 0, 0]))
    result = scorer().score(everything_seen)
    assert (result.u, result.s, result.h) == (0.0, 1.0, 0.0)
    assert result.s == metrics.mean_per_class(LABELS, everything_seen.predicted, SPLIT.seen_classes)


@pytest.mark.parametrize("joint", [None, np.arange(20, dtype=np.float32).reshape(5, 4)])
def test_predictions_survive_a_round_trip(tmp_path, joint):
    given = predictions(joint=joint)
    given.save(tmp_path / "p.npz")
    read = Predictions.load(tmp_path / "p.npz")
    for name, array in vars(given).items():
        if array is None:
            assert getattr(read, name) is None
        else:
            np.testing.assert_array_equal(getattr(read, name), array)
            assert getattr(read, name).dtype == array.dtype


def test_equal_predictions_give_equal_files(tmp_path):
    predictions().save(tmp_path / "a.npz")
    predictions().save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize(
    "changes", [{"predicted": np.zeros(4, int)}, {"log_prior": np.zeros((5, 1))}, {"joint": np.zeros(5)}]
)
def test_arrays_of_unequal_length_are_refused(changes):
    with pytest.raises(ValueError, match="must have a row for each of the 5 samples"):
        predictions(**changes)


def test_damaged_files_are_refused_with_their_path(tmp_path):
    path = tmp_path / "p.npz"
    with pytest.raises(RecordError, match=r"p\.npz"):
        Predictions.load(path)
    predictions().save(path)
    whole = path.read_bytes()
    for damaged in (b"", b"nonsense", whole[: len(whole) // 2], whole[:60] + b"\xff" * 40 + whole[100:]):
        path.write_bytes(damaged)
        with pytest.raises(RecordError, match=r"p\.npz"):
            Predictions.load(path)


def test_pickled_objects_are_never_loaded(tmp_path):
    path = tmp_path / "p.npz"
    np.savez(path, samples=np.array([print], dtype=object))
    with pytest.raises(RecordError, match="holds no predictions"):
        Predictions.load(path)
