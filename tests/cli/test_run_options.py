import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.cli.run import Duration, Seeds, run
from gzslbench.runner import session


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0-4", (0, 1, 2, 3, 4)), ("7", (7,)), ("0,2,7-9", (0, 2, 7, 8, 9)), (" 3 , 1-2", (3, 1, 2)), ("1,1,0-1", (1, 0))],
)
def test_seeds(text, seeds):
    assert Seeds().convert(text, None, None) == seeds


@given(st.lists(st.integers(0, 10**9), min_size=1, unique=True))
def test_seeds_read_back(seeds):
    assert Seeds().convert(",".join(map(str, seeds)), None, None) == tuple(seeds)


@pytest.mark.parametrize("text", ["", "a", "-1", "4-0", "0-4,9-7", "1,,2", "1.5", "0--4"])
def test_what_is_no_list_of_seeds_is_refused(text):
    with pytest.raises(click.BadParameter, match="write"):
        Seeds().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1.5 h", 5400), ("1d", 86400)]
)
def test_durations(text, seconds):
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5", "h", "5 weeks", "1e3"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(click.BadParameter, match="is no duration; write 90s, 15m or 2h"):
        Duration().convert(text, None, None)


def test_options_become_a_request(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(session, "run_session", lambda request: asked.append(request) or 1)
    arguments = [
        "-p",
        "gsmflow",
        "-p",
        "eszsl",
        "-d",
        "CUB",
        "--protocol",
        "strict",
        "--seeds",
        "0-1",
        "--timeout",
        "2m",
    ]
    result = CliRunner().invoke(
        run, [*arguments, "--timeout", "2m", "--set", "eszsl.gamma=1", "--results", str(tmp_path), "--json"]
    )
    assert result.exit_code == 1, result.output
    (request,) = asked
    assert (request.plugins, request.data_sets, request.protocols) == (("gsmflow", "eszsl"), ("CUB",), ("strict",))
    assert (request.seeds, request.timeout, request.assignments) == ((0, 1), 120.0, ("eszsl.gamma=1",))
    assert (request.results, request.as_json, request.jobs) == (tmp_path, True, None)
