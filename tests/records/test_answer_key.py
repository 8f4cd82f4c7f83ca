from dataclasses import replace

import numpy as np
import pytest

from gzslbench.contract.dataset import DataSet, Split
from gzslbench.errors import ContractError, DataError, RecordError
from gzslbench.records import metrics
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.arrays import save_arrays
from gzslbench.records.metrics import Routing
from gzslbench.records.predictions import Predictions

NAMES = ("ant", "bee", "cow", "dog")
SPLIT = Split(
    name="official",
    trainval=np.array([0, 2]),
    test_seen=np.array([7, 3, 5]),
    test_unseen=np.array([1, 9]),
    seen_classes=np.array([0, 2]),
    unseen_classes=np.array([1, 3]),
)
LABELS = np.array([0, 1, 2, 0, 0, 2, 0, 0, 0, 3])  # of samples 7, 3, 5, 1, 9: 0, 0, 2, 1, 3
INF = np.inf


def predictions(**changes):
    arrays = {
        "samples": np.array([7, 3, 5, 1, 9]),
        "predicted": np.array([0, 1, 2, 1, 2]),
        "predicted_unseen": np.array([1, 1, 1, 1, 3]),
        "best_seen": np.array([0, 0, 2, 0, 2]),
        "best_unseen": np.array([1, 1, 1, 1, 3]),
        "margin": np.array([4, -1, 1, -1, 1], dtype=np.float32),
        "log_prior": np.array([[0, -INF], [-INF, 0], [0, 0], [-INF, 0], [0, 0]], dtype=np.float32),
    }
    return Predictions.of(arrays | changes)


def permuted(order):
    return Predictions.of({name: array[order] for name, array in predictions().arrays().items()})


def data_set(labels=LABELS, names=NAMES):
    return DataSet("zoo", np.zeros((10, 1)), labels, np.zeros((len(names), 1)), names, {"official": SPLIT})


def answers(**changes):
    return AnswerKey.of(data_set(), replace(SPLIT, **changes))


def test_metrics_worked_by_hand():
    result = answers().score(predictions())
    assert (result.t1, result.u, result.s, result.h) == (1.0, 0.5, 0.75, 0.6)
    # margins 4, -1, 1 of seen samples worth 1/4, 1/4, 1/2; -1 (a tie), 1 (a tie) of unseen ones worth 1/2 each
    assert result.ausuc == pytest.approx(0.5 * (0.25 + 0.5 + 0.25 / 2) + 0.5 * (0.25 + 0.5 / 2))
    assert result.gate_auroc == pytest.approx((1 + 0.5 + 1 + 1 + 0 + 0.5) / 6)
    assert result.gate_fpr95 == pytest.approx(2 / 3)
    assert result.routing_seen == Routing(seen=1 / 3, unseen=1 / 3, either=1 / 3)
    assert result.routing_unseen == Routing(seen=0.0, unseen=0.5, either=0.5)


@pytest.mark.parametrize("order", [[4, 3, 2, 1, 0], [2, 0, 4, 1, 3]])
def test_order_of_samples_makes_no_difference(order):
    assert answers().score(permuted(order)) == answers().score(predictions())


@pytest.mark.parametrize("samples", [[7, 3, 5, 1, 2], [7, 3, 5, 1, 1]])
def test_other_samples_are_refused(samples):
    with pytest.raises(ContractError, match="5 test samples"):
        answers().h(predictions(samples=np.array(samples)))


def test_a_subset_of_the_samples_is_refused():
    with pytest.raises(ContractError, match="predictions of 3 samples"):
        answers().score(permuted([0, 1, 2]))


@pytest.mark.parametrize(("sample", "label"), [(7, 1), (1, 0)])
def test_a_sample_that_tests_the_other_domain_is_refused(sample, label):
    labels = LABELS.copy()
    labels[sample] = label
    with pytest.raises(DataError, match="'official' of 'zoo' tests seen classes with unseen ones"):
        AnswerKey.of(data_set(labels), SPLIT)


def test_a_label_of_no_class_of_the_split_is_refused():
    with pytest.raises(DataError, match="not of a class of the split"):
        AnswerKey(np.array([1]), np.array([5]), np.array([0]), np.array([1]), ("a", "b"))


@pytest.mark.parametrize("name", ["predicted", "predicted_unseen", "best_seen", "best_unseen"])
@pytest.mark.parametrize("row", [-1, 4, 2**62])
def test_a_class_that_is_not_there_is_refused(name, row):
    with pytest.raises(ContractError, match="classes that the data set lacks"):
        answers().score(predictions(**{name: np.array([0, 1, row, 1, 2])}))


def test_correct_ones_are_in_the_order_of_the_samples():
    assert answers().samples.tolist() == [1, 3, 5, 7, 9]
    assert answers().correct(predictions()).tolist() == [True, False, True, True, False]


def test_unseen_and_seen_accuracy_of_predicted_classes():
    assert answers().u_and_s(predictions().predicted) == (0.5, 0.75)


def test_the_same_labels_are_the_same_answers():
    assert answers().same(answers())
    assert not answers().same(replace(answers(), labels=answers().labels[::-1]))
    assert not answers().same(replace(answers(), samples=answers().samples + 1))


def test_an_answer_key_survives_a_round_trip(tmp_path):
    given = answers()
    save_arrays(tmp_path / "key.npz", given.arrays())
    read = AnswerKey.load(tmp_path / "key.npz")
    assert read.class_names == given.class_names
    assert read.score(predictions()) == given.score(predictions())


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", None])
def test_a_damaged_answer_key_is_named(tmp_path, content):
    path = tmp_path / "key.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordError, match=r"key\.npz.*gzslbench rescore"):
        AnswerKey.load(path)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"labels": np.array([0, 1])}, "its labels don't fit its samples"),
        ({"labels": np.array([0.0, 0.0, 2.0, 1.0, 3.0])}, "other numbers than whole ones"),
        ({"labels": np.array([0, 2, 0, 2, 0])}, "does not test both seen and unseen classes"),
        ({"labels": np.array([0, 0, 2, 1, 4])}, "are not of a class of the split"),
        ({"seen_classes": np.array([0, 2, 2**62])}, "classes that the data set lacks"),
        ({"seen_classes": np.array([-1, 0, 2])}, "classes that the data set lacks"),
        ({"seen_classes": np.array(0)}, ""),
        ({"class_names": np.array("ant")}, ""),
        ({"samples": None}, "samples"),
    ],
)
def test_an_answer_key_that_can_not_be_one_is_refused(tmp_path, changes, why):
    save_arrays(tmp_path / "key.npz", answers().arrays())
    with np.load(tmp_path / "key.npz") as archive:
        arrays = {name: array for name, array in ({**archive} | changes).items() if array is not None}
    np.savez(tmp_path / "key.npz", **arrays)
    with pytest.raises(RecordError, match=rf"key\.npz does not hold an answer key: .*{why}"):
        AnswerKey.load(tmp_path / "key.npz")


def test_means_are_over_the_classes_that_have_test_samples():
    with_eel = AnswerKey.of(data_set(names=(*NAMES, "eel")), replace(SPLIT, seen_classes=np.array([0, 2, 4])))
    assert with_eel.score(predictions()) == answers().score(predictions())


def test_accuracy_uses_all_classes_not_those_of_the_domain():
    everything_seen = predictions(predicted=np.array([0, 0, 2, 0, 0]))
    result = answers().score(everything_seen)
    assert (result.u, result.s, result.h) == (0.0, 1.0, 0.0)
    assert result.s == metrics.mean_per_class(
        LABELS[everything_seen.samples], everything_seen.predicted, SPLIT.seen_classes
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"margin": np.array([4, np.nan, 1, -1, 1])},
        {"gate_score": np.array([4, np.nan, 1, -1, 1])},
        {"joint": np.full((5, 4), np.nan)},
        {"log_prior": np.full((5, 2), -INF)},
        {"log_prior": np.full((5, 2), np.nan)},
    ],
)
def test_numbers_that_are_none_are_refused(changes):
    with pytest.raises(ContractError, match="scores or log-priors are NaN"):
        answers().score(predictions(**changes))
