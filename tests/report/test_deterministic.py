"""Rows whose methods draw nothing at random: one result counts for every seed."""

import numpy as np
import pytest

from gzslbench.records.results import summaries
from gzslbench.report.comparison.pair import compare_pair
from gzslbench.report.comparison.tables import compare_tables
from gzslbench.report.groups import group_results
from gzslbench.report.leaderboard import build_leaderboard
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.paired import paired_difference

RNG = np.random.default_rng(0)
FIXED, DRAWN = RNG.random((60, 1)) < 0.8, RNG.random((60, 5)) < 0.5


@pytest.fixture
def ran(write):
    """A method that draws, over five seeds, and one that does not, as it was run under seed 3 alone."""
    write("drawn", DRAWN)
    write("fixed", np.repeat(FIXED, 4, axis=1), seeds=[3], deterministic=True)


def _groups(store):
    return {group.method: group for group in group_results(summaries(store))}


def _row(table, method):
    names = [column.name for column in table.columns]
    rows = (dict(zip(names, row, strict=True)) for row in table.rows)
    return next(row for row in rows if method in row.values())


def test_it_pairs_with_every_seed_of_another(ran, store):
    fixed, drawn = (_groups(store)[name] for name in ("fixed", "drawn"))
    reader = CorrectnessReader([store])
    assert fixed.shared(drawn) == drawn.shared(fixed) == drawn.cells
    difference = paired_difference(fixed, drawn, reader)
    assert difference.mean == pytest.approx(fixed.h.mean - drawn.h.mean)
    pair, mirrored = compare_pair(fixed, drawn, reader), compare_pair(drawn, fixed, reader)
    assert pair.difference == difference
    assert mirrored.difference.mean == -difference.mean
    right = (FIXED & DRAWN).mean()
    assert pair.statistics.agreement.both_right == pytest.approx(right)
    assert [each.a for each in pair.statistics.classes] == [each.b for each in mirrored.statistics.classes[::-1]]


def test_the_tables_say_so(ran, store):
    board = build_leaderboard(summaries(store), [store])
    (table,) = board.data_sets["CUB"]
    row = _row(table, "fixed")
    assert (row["seeds"], _row(table, "drawn")["seeds"]) == ("deterministic", "5")
    assert "±" not in row["H as it stops"]
    assert "deterministic: nothing is drawn at random, and the one result stands for every seed." in table.notes
    assert (row["rank"], _row(table, "drawn")["rank"]) == ("1", "2")
    assert not any("One seed" in note for note in table.notes)
    (rows,) = board.rows.values()
    assert rows[0].shown.standing.wins > 0.975
    compared = compare_tables(summaries(store), [store], "fixed", "drawn")[0]
    assert _row(compared, "CUB")["seeds"] == "5"
    assert not any("One seed" in note for note in compared.notes)


def test_two_of_them_are_compared_whatever_their_seeds(write, store):
    write("a", FIXED, seeds=[0], deterministic=True)
    write("b", np.repeat(DRAWN[:, :1], 4, axis=1), seeds=[3], deterministic=True)
    table = compare_tables(summaries(store), [store], "a", "b")[0]
    assert _row(table, "CUB")["seeds"] == "deterministic"


def test_five_seeds_of_an_earlier_version_are_one_result(write, store):
    write("fixed", np.repeat(FIXED, 5, axis=1), deterministic=True)
    (group,) = group_results(summaries(store))
    assert (len(group.results), group.results[0].seed, group.h.sd) == (1, 0, None)
    assert group.cells == {(group.results[0].split_hash, 0)}


def test_a_split_is_a_result_of_its_own(write, store):
    for split in ("x", "y"):
        write("fixed", FIXED, seeds=[0], protocol="splits", split=split, deterministic=True)
        write("drawn", DRAWN, seeds=[0, 1], protocol="splits", split=split)
    fixed, drawn = (_groups(store)[name] for name in ("fixed", "drawn"))
    assert fixed.shared(drawn) == drawn.cells
    assert len(fixed.splits) == 2
    assert compare_pair(fixed, drawn, CorrectnessReader([store])).difference.interval is not None
