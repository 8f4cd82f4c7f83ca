import json
from operator import attrgetter

import numpy as np
import pytest

from gzslbench.errors import RecordError
from gzslbench.records.results import summaries
from gzslbench.records.store import Store
from gzslbench.report.formats.pages import leaderboard_pages
from gzslbench.report.groups import by_comparison, group_results
from gzslbench.report.leaderboard import build_leaderboard
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.interval import MeanErrors
from gzslbench.report.uncertainty.sampling import h_influence
from gzslbench.report.uncertainty.standing import Standing, shared_ranks, standings, wins

LABELS = np.repeat(np.arange(4), 15)
UNSEEN = np.array([2, 3])
RNG = np.random.default_rng(1)
CORRECT = {share: RNG.random((60, 5)) < share for share in (0.3, 0.5, 0.55, 0.9)}


def _found(store):
    tables = by_comparison(group_results(summaries(store)))
    return {group.method: each for group, each in standings(tables, CorrectnessReader([store])).items()}


def test_the_interval_of_a_group(write, store):
    write("a", CORRECT[0.5])
    influence = h_influence(LABELS, UNSEEN, CORRECT[0.5])
    (group,) = group_results(summaries(store))
    h = np.array([[result.h for result in group.results]])
    expected = MeanErrors.of(h, (influence.T @ influence).reshape(1, 5, 1, 5)).own.interval_of_fraction(0)
    assert _found(store)["a"] == Standing(expected, rank=1, wins=None)


def test_those_that_cant_be_told_apart_share_a_rank(write, store):
    for name, share in (("best", 0.9), ("middle", 0.55), ("as-good", 0.5), ("last", 0.3)):
        write(name, CORRECT[share])
    found = _found(store)
    assert {name: each.rank for name, each in found.items()} == {"best": 1, "middle": 2, "as-good": 2, "last": 4}
    assert found["best"].wins == pytest.approx(1)
    assert sum(each.wins for each in found.values()) == pytest.approx(2)


def test_identical_predictions_share_rank_and_interval(write, store):
    write("a", CORRECT[0.5])
    write("b", CORRECT[0.5])
    found = _found(store)
    assert found["a"].interval.low == pytest.approx(found["b"].interval.low)
    assert [(found[name].rank, found[name].wins) for name in "ab"] == [(1, 0.5), (1, 0.5)]


def test_methods_are_compared_over_the_seeds_that_both_ran(write, store):
    """On the seed that both ran, they are the same."""
    correct = CORRECT[0.5].copy()
    correct[:, 1:] = CORRECT[0.9][:, 1:]
    write("one-seed", correct, seeds=[0])
    write("five-seeds", correct)
    found = _found(store)
    assert (found["one-seed"].rank, found["five-seeds"].rank) == (1, 1)
    assert found["one-seed"].wins == found["five-seeds"].wins == 0.5


def test_over_many_splits_the_interval_is_that_of_splits(write, store):
    for place, split in enumerate(("x", "y", "z")):
        write("a", CORRECT[0.5][:, place:], seeds=[0, 1], protocol="splits", split=split)
    (group,) = group_results(summaries(store))
    h = np.array([group.values(attrgetter("h"))])
    assert _found(store)["a"].interval == MeanErrors.of(h).own.interval_of_fraction(0)


def test_one_split_of_many_has_the_interval_of_its_samples_and_seeds(write, store):
    write("a", CORRECT[0.5], protocol="splits")
    write("b", CORRECT[0.5])
    assert _found(store)["a"].interval == _found(store)["b"].interval


def test_without_an_answer_key_there_is_no_standing(write, store, make_record):
    write("a", CORRECT[0.5])
    for path in (store.root / "answers").iterdir():
        path.unlink()
    assert _found(store) == {}
    table = build_leaderboard(summaries(store), [store]).data_sets["CUB"][0]
    assert table.rows[0][0] == "–"
    assert sum("gzslbench rescore" in note for note in table.notes) == 1


def test_a_single_seed_is_told_to_cover_samples_only(write, store):
    write("a", CORRECT[0.5], seeds=[3])
    (table,) = build_leaderboard(summaries(store), [store]).data_sets["CUB"]
    assert any("test samples only" in note for note in table.notes)


@pytest.mark.parametrize(("seeds", "told"), [(2, True), (3, True), (5, False)])
def test_few_seeds_are_told_to_make_intervals_wide(write, store, seeds, told):
    write("a", CORRECT[0.5], seeds=range(seeds))
    (table,) = build_leaderboard(summaries(store), [store]).data_sets["CUB"]
    assert any("too few to tell" in note for note in table.notes) is told


def test_one_split_with_seeds_and_few_splits_are_told_apart(write, store):
    write("one-split", CORRECT[0.5], protocol="splits", split="x")
    (table,) = build_leaderboard(summaries(store), [store]).data_sets["CUB"]
    assert not any("One seed" in note or "too few to tell" in note for note in table.notes)
    for split in ("x", "y"):
        write("two-splits", CORRECT[0.5], seeds=[0], protocol="splits", split=split)
    (table,) = build_leaderboard(summaries(store), [store]).data_sets["CUB"]
    assert any(note.startswith("Two or three splits: too few to tell how much splits differ") for note in table.notes)


def test_predictions_that_give_another_h_are_named(write, store):
    write("a", CORRECT[0.5])
    path = next(iter(store.folders())) / "record.json"
    content = json.loads(path.read_text())
    content["metrics"]["h"] += 0.01
    path.write_text(json.dumps(content))
    with pytest.raises(RecordError, match=f"{path.parent.name.removeprefix('seed-0-')} in .* says H = "):
        _found(store)


def test_missing_predictions_are_named(write, store):
    write("a", CORRECT[0.5])
    (next(iter(store.folders())) / "predictions.npz").unlink()
    with pytest.raises(RecordError, match=r"predictions\.npz"):
        _found(store)


def test_pages_do_not_depend_on_the_order_of_results(write, store):
    for name, share in (("a", 0.5), ("b", 0.55), ("c", 0.9)):
        write(name, CORRECT[share])
        write(name, CORRECT[share], seeds=[1, 2], protocol="strict")
    results = summaries(store)
    first, turned = (leaderboard_pages(build_leaderboard(given, [store])) for given in (results, results[::-1]))
    assert first == turned


def test_a_result_is_judged_by_the_store_it_came_from(write, store, write_judged, tmp_path):
    write("a", CORRECT[0.5], created="2026-01-01")
    other = Store(tmp_path / "other")
    write_judged(other.root, CORRECT[0.9][:, 0], method="a", seed=0, created="2026-02-02")
    results = [*summaries(store), *summaries(other)]
    (group,) = group_results(results)
    assert CorrectnessReader([store, other]).correct(group.results[0]).tolist() == CORRECT[0.9][:, 0].tolist()


def test_ranks_of_a_hand_worked_case():
    """a is surely above c and d, b above d only, c can be told from neither b nor d."""
    surely = np.zeros((4, 4), dtype=bool)
    for winner, loser in ((0, 2), (0, 3), (1, 3)):
        surely[winner, loser] = True
    assert shared_ranks(surely).tolist() == [1, 1, 2, 3]


def test_wins_are_means_over_opponents():
    probability = np.array([[0.5, 1.0, 0.8], [0.0, 0.5, 0.4], [0.2, 0.6, 0.5]])
    np.testing.assert_allclose(wins(probability), [0.9, 0.2, 0.4])


def test_methods_without_a_common_seed_are_no_opponents():
    probability = np.array([[0.5, 1.0, np.nan], [0.0, 0.5, np.nan], [np.nan, np.nan, 0.5]])
    np.testing.assert_array_equal(wins(probability), [1.0, 0.0, np.nan])
