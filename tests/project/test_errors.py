import pickle

import pytest

from gzslbench import errors


def test_what_and_remedy_make_one_sentence():
    assert str(errors.DataError("features are missing", "fetch them")) == "features are missing; fetch them"
    assert str(errors.DataError("features are missing")) == "features are missing"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.GzslbenchError, 1),
        (errors.ContractError, 1),
        (errors.DivergedError, 1),
        (errors.UsageError, 2),
        (errors.ConfigError, 2),
        (errors.PluginError, 2),
        (errors.DataError, 3),
    ],
)
def test_exit_codes(error, code):
    assert error("what").exit_code == code


def test_errors_survive_the_way_from_a_worker():
    error = pickle.loads(pickle.dumps(errors.ProtocolError("what", "remedy")))
    assert isinstance(error, errors.ProtocolError)
    assert (error.what, error.remedy) == ("what", "remedy")


@pytest.mark.parametrize(("count", "text"), [(0, "0 answer keys"), (1, "1 answer key"), (2, "2 answer keys")])
def test_numbers_go_with_their_nouns(count, text):
    assert errors.counted(count, "answer key") == text
