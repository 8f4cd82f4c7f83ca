import numpy as np
import pytest

from gzslbench.errors import RecordError
from gzslbench.records.predictions import Predictions


def predictions(**changes):
    rows, scores = np.arange(5), np.linspace(0, 1, 5, dtype=np.float32)
    arrays = dict.fromkeys(("samples", "predicted", "predicted_unseen", "best_seen", "best_unseen"), rows)
    prior = np.zeros((5, 2), dtype=np.float32)
    return Predictions(**({**arrays, "score_seen": scores, "score_unseen": scores, "log_prior": prior} | changes))


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
