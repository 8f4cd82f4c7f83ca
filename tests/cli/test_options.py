from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.cli.options import complete_data_sets, complete_plugins, duration, seeds


def _context(**params):
    context = click.Context(click.Command("run"))
    context.params = params
    return context


def test_plugins_components_and_methods_are_completed():
    names = complete_plugins(_context(), click.Option(["--plugin"]), "")
    assert names == sorted(set(names))
    assert {"gsmflow", "softmax", "entropy", "no-gate"} <= set(names)
    assert complete_plugins(_context(), click.Option(["--plugin"]), "gsmflow-im") == ["gsmflow-implicit"]


def test_data_sets_of_the_data_folders_are_completed(tmp_path):
    (tmp_path / "BIRDS").mkdir()
    for name in ("res101.mat", "att_splits.mat"):
        (tmp_path / "BIRDS" / name).touch()
    option = click.Option(["--dataset"])
    assert complete_data_sets(_context(data_dirs=(tmp_path,)), option, "B") == ["BIRDS"]
    assert complete_data_sets(_context(), option, "g") == ["glyphs"]
    assert complete_data_sets(_context(data_dirs=(Path("absent"),)), option, "") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0-4", (0, 1, 2, 3, 4)), ("7", (7,)), ("0,2,7-9", (0, 2, 7, 8, 9)), (" 3 , 1-2", (3, 1, 2)), ("1,1,0-1", (1, 0))],
)
def test_seeds(text, expected):
    assert seeds(text) == expected


@given(st.lists(st.integers(0, 10**9), min_size=1, unique=True))
def test_seeds_read_back(numbers):
    assert seeds(",".join(map(str, numbers))) == tuple(numbers)


@pytest.mark.parametrize("text", ["", "a", "-1", "4-0", "0-4,9-7", "1,,2", "1.5", "0--4"])
def test_what_is_no_list_of_seeds_is_refused(text):
    with pytest.raises(click.BadParameter, match="write"):
        seeds(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1.5 h", 5400), ("1d", 86400)]
)
def test_durations(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5", "h", "5 weeks", "1e3"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(click.BadParameter, match="is not a duration up to 365 days; write 90s, 15m or 2h"):
        duration(text)
