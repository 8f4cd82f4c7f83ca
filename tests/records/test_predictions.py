import numpy as np
import pytest

from gzslbench.errors import RecordError
from gzslbench.records.predictions import Predictions


def predictions(**changes):
    rows, margin = np.arange(5), np.linspace(-1, 1, 5, dtype=np.float32)
    arrays = dict.fromkeys(("samples", "predicted", "predicted_unseen", "best_seen", "best_unseen"), rows)
    prior = np.zeros((5, 2), dtype=np.float32)
    return Predictions(**({**arrays, "margin": margin, "log_prior": prior} | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"joint": np.arange(20, dtype=np.float32).reshape(5, 4)},
        {"gate_score": np.array([-np.inf, -0.0, 0.0, 1e-40, np.inf], dtype=np.float32)},
        {"predicted_unseen": np.array([70_000, 0, 0, 0, 1])},
    ],
)
def test_predictions_survive_a_round_trip(tmp_path, changes):
    given = predictions(**changes)
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
    with pytest.raises(RecordError, match="which only a pickle can give"):
        Predictions.load(path)


def test_what_follows_from_the_others_is_left_out():
    assert "predicted_unseen" not in predictions().narrow()
    assert predictions(predicted_unseen=np.zeros(5, int)).narrow()["predicted_unseen"].dtype == np.uint8


def test_samples_come_into_ascending_order():
    order = np.array([3, 0, 4, 2, 1])
    given = {name: array[order] for name, array in predictions().arrays().items()}
    taken = Predictions.of(given)
    assert taken.samples.tolist() == [0, 1, 2, 3, 4]
    assert all(np.array_equal(array, taken.arrays()[name]) for name, array in predictions().arrays().items())


def test_scores_of_version_1_become_a_margin():
    given = predictions().arrays()
    margin = given.pop("margin")
    scores = {"score_seen": margin + 3, "score_unseen": np.full(5, 3, dtype=np.float32)}
    assert np.array_equal(Predictions.of(given | scores).margin, margin)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"predicted": np.zeros(5, dtype=np.float32)}, "predicted is of type float32"),
        ({"samples": np.array(list("abcde"))}, "samples is of type <U1"),
        ({"margin": np.array(list("abcde"))}, "margin is of type <U1"),
        ({"margin": np.zeros(4, dtype=np.float32)}, "margin must have a row for each of the 5 samples"),
        ({"samples": np.zeros((5, 2), dtype=int)}, ""),
        ({"samples": np.array(3)}, ""),
        ({"later": np.zeros(5)}, "later"),
        ({"margin": None}, "margin"),
    ],
)
def test_files_of_other_arrays_are_refused(tmp_path, changes, why):
    arrays = {name: array for name, array in (predictions().arrays() | changes).items() if array is not None}
    np.savez(tmp_path / "p.npz", **arrays)
    with pytest.raises(RecordError, match=rf"p\.npz does not hold predictions: .*{why}"):
        Predictions.load(tmp_path / "p.npz")
