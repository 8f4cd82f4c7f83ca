import numpy as np
import pytest

from gzslbench.errors import UsageError
from gzslbench.records.record import PartKey
from gzslbench.records.results import summaries
from gzslbench.report.comparison.pair import compare_pair
from gzslbench.report.comparison.tables import compare_tables
from gzslbench.report.groups import group_results
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.interval import Interval
from gzslbench.report.uncertainty.paired import PairedDifference

RNG = np.random.default_rng(0)
WEAK, EVEN, STRONG = (RNG.random((60, 5)) < share for share in (0.3, 0.6, 0.9))


def _tables(store, a, b, protocol="inductive"):
    return compare_tables(summaries(store), [store], a, b, protocol)


def _row(table, place=0):
    return dict(zip([column.name for column in table.columns], table.rows[place], strict=True))


def _pair(store, a, b):
    groups = {group.method: group for group in group_results(summaries(store))}
    return compare_pair(groups[a], groups[b], CorrectnessReader([store]))


def test_a_comparison_and_its_mirror(write, store):
    write("a", EVEN)
    write("b", WEAK)
    forth, back = _pair(store, "a", "b"), _pair(store, "b", "a")
    assert forth.difference.mean == -back.difference.mean > 0
    between, mirrored = forth.difference.interval, back.difference.interval
    assert (between.low, between.high) == (-mirrored.high, -mirrored.low)
    assert forth.statistics.probability + back.statistics.probability == 1
    assert forth.statistics.a == back.statistics.b
    assert [each.difference.mean for each in forth.statistics.classes] == [
        -each.difference.mean for each in back.statistics.classes[::-1]
    ]


def test_identical_predictions_differ_by_nothing(write, store):
    write("a", EVEN)
    write("b", EVEN)
    pair = _pair(store, "a", "b")
    assert pair.difference == PairedDifference(0, Interval(0, 0))
    assert (pair.statistics.probability, pair.statistics.agreement.same_class) == (0.5, 1.0)
    assert all(each.difference == PairedDifference(0, Interval(0, 0)) for each in pair.statistics.classes)


def test_samples_and_classes_by_hand(write, store):
    """The first has all of "ant" right and nothing else, the other half of all."""
    first = np.repeat([True, False], [15, 45])[:, None]
    other = np.tile([True, False], 30)[:, None]
    write("a", first, seeds=[0])
    write("b", other, seeds=[0])
    found = _pair(store, "a", "b").statistics
    agreement = found.agreement
    assert agreement.both_right == 8 / 60
    assert (agreement.a_alone, agreement.b_alone, agreement.neither) == (7 / 60, 22 / 60, 23 / 60)
    assert agreement.same_class == 31 / 60  # where both are wrong, they say the same here
    assert [each.name for each in found.classes] == ["ant", "bee", "dog", "cat"]
    ant = found.classes[0]
    assert (ant.unseen, ant.samples, ant.a, ant.b) == (False, 15, 1.0, 8 / 15)
    assert 0 < ant.difference.interval.low < ant.difference.mean < ant.difference.interval.high


def test_the_tables(write, store):
    for data_set in ("CUB", "FLO"):
        write("a", STRONG, data_set=data_set)
        write("b", WEAK, data_set=data_set)
    accuracy, samples, *of_classes, overall = _tables(store, "a", "b")
    assert accuracy.title == "a and b: inductive"
    assert [row[0] for row in accuracy.rows] == ["CUB", "FLO"]
    assert _row(accuracy)["A better"] == "100.0"
    assert _row(accuracy)["A less B"].startswith("+")
    assert [_row(samples)[name] for name in ("classes A wins", "B wins", "even")] == ["4", "0", "0"]
    assert [table.title.partition(":")[0] for table in of_classes] == ["CUB", "FLO"]
    assert [row[-4:] for row in overall.rows] == [("1.0", "2", "2", "100.0"), ("2.0", "0", "0", "0.0")]
    assert "too few tasks" in overall.notes[-1]


def test_one_that_never_wins_loses_every_time(write, store):
    for data_set in ("CUB", "FLO"):
        write("a", STRONG, data_set=data_set)
        write("b", WEAK, data_set=data_set)
    overall = _tables(store, "b", "a")[-1]
    assert [_row(overall, place)["wins"] for place in (0, 1)] == ["0.0", "100.0"]


def test_six_data_sets_are_enough_for_wilcoxons_test(write, store):
    for place in range(6):
        write("a", STRONG, seeds=[0], data_set=f"set {place}")
        write("b", WEAK, seeds=[0], data_set=f"set {place}")
    assert "p = 0.031" in _tables(store, "a", "b")[-1].notes[-1]  # 2 / 2**6


def test_over_many_splits(write, store):
    for place, split in enumerate(("x", "y", "z")):
        write("a", STRONG[:, place:], seeds=[0], protocol="splits", split=split)
        write("b", WEAK[:, place:], seeds=[0], protocol="splits", split=split)
    accuracy, samples = _tables(store, "a", "b", "splits")
    assert (_row(accuracy)["splits"], _row(accuracy)["seeds"]) == ("3", "1")
    assert _row(samples)["classes A wins"] == "–"
    assert not any("One seed" in note for note in accuracy.notes)


def test_what_is_calibrated_goes_by_the_name_of_each_method_that_shares_it(write, store):
    gates = {name: PartKey(name, {}, "c0de") for name in ("none", "entropy", "calibrated-stacking")}
    generator = PartKey("g", {}, "c0de")
    for method, gate in (("plain", "none"), ("gated", "entropy")):
        write(method, WEAK, generator=generator, gate=gates[gate])
    calibrated = {"protocol": "inductive-calibrated", "gate": gates["calibrated-stacking"]}
    write("gated", STRONG, generator=generator, **calibrated)
    write("other", EVEN)
    write("other", EVEN, **calibrated)
    accuracy, *_ = _tables(store, "plain", "other", "inductive-calibrated")
    assert accuracy.title == "plain and other: inductive-calibrated"
    assert _row(accuracy)["A less B"].startswith("+")
    assert _row(_tables(store, "plain", "other")[0])["A less B"].startswith("-")
    with pytest.raises(UsageError, match="are the same; what is calibrated of methods that differ in the gate alone"):
        _tables(store, "plain", "gated", "inductive-calibrated")


def test_a_method_is_compared_with_itself_under_another_protocol(write, store):
    write("a", WEAK)
    write("a", STRONG, protocol="strict")
    accuracy, *_ = compare_tables(summaries(store), [store], "a", "a", "inductive", "strict")
    assert accuracy.title == "a, inductive and a, strict"
    assert _row(accuracy)["A less B"].startswith("-")
    assert _row(accuracy)["seeds"] == "5"


def test_without_answer_keys_means_are_compared(write, store):
    write("a", STRONG)
    write("b", WEAK)
    next((store.root / "answers").iterdir()).unlink()
    (accuracy,) = _tables(store, "a", "b")
    assert "(" not in _row(accuracy)["A less B"]
    assert any("gzslbench rescore" in note for note in accuracy.notes)


def test_only_what_both_ran_is_compared(write, store):
    write("a", STRONG, seeds=[0, 1])
    write("b", WEAK, seeds=[1, 2])
    accuracy, *_ = _tables(store, "a", "b")
    assert _row(accuracy)["seeds"] == "1"
    assert any("One seed" in note for note in accuracy.notes)


def test_nothing_in_common(write, store):
    write("a", STRONG, seeds=[0])
    write("b", WEAK, seeds=[1])
    with pytest.raises(UsageError, match="no data set and seed in common"):
        _tables(store, "a", "b")


def test_budgets_and_settings_are_named_as_in_the_tables(write, store):
    write("a", STRONG, budget="full", config={"steps": 10})
    write("a", EVEN, budget="quick", config={"steps": 5})
    write("b", WEAK, config={"steps": 1}, deviations={"b.steps": 1})
    write("b", EVEN, config={"steps": 2}, deviations={"b.steps": 2})
    assert _tables(store, "a:full", "a:quick")[0].title.startswith("a:full and a:quick")
    one, other = "b (steps=1)", "b (steps=2)"
    assert _tables(store, one, other)[0].title.startswith(f"{one} and {other}")
    with pytest.raises(UsageError, match=r"'a:full', 'a:quick'"):
        _tables(store, "a", one)
    with pytest.raises(UsageError, match="are the same"):
        _tables(store, one, one)


def test_recipes_that_differ_between_data_sets_are_one_method(write, store):
    for data_set, steps in (("CUB", 10), ("FLO", 20)):
        write("a", STRONG, data_set=data_set, config={"steps": steps})
        write("b", WEAK, data_set=data_set)
    write("a", EVEN, data_set="SUN", config={"steps": 10})
    write("a", EVEN, data_set="SUN", config={"steps": 20})
    with pytest.raises(UsageError, match="on SUN may be any of 'a"):
        _tables(store, "a", "b")
    chosen = [result for result in summaries(store) if result.key.data_set != "SUN"]
    assert [row[0] for row in compare_tables(chosen, [store], "a", "b")[0].rows] == ["CUB", "FLO"]


def _three_settings(write, recipe=None):
    for steps in (1, 2, 3):
        deviations = {} if steps == recipe else {"a.steps": steps}
        write("a", EVEN if steps == 2 else WEAK, config={"steps": steps}, deviations=deviations)
    write("b", STRONG)


def test_a_plain_name_stands_for_the_recipe(write, store):
    _three_settings(write, recipe=2)
    table, *_ = _tables(store, "a", "b")
    assert table.title == "a and b: inductive"
    assert _row(table)["H of A"] != _row(_tables(store, "a (steps=3)", "b")[0])["H of A"]


def test_a_method_without_a_row_of_its_recipe_stands_for_its_only_row(write, store):
    write("a", EVEN, config={"steps": 1}, deviations={"a.steps": 1})
    write("b", STRONG)
    assert _tables(store, "a", "b")[0].title == "a (steps=1) and b: inductive"


def test_a_plain_name_that_may_mean_several_rows(write, store):
    _three_settings(write)
    with pytest.raises(UsageError, match=r"'a' on CUB may be any of 'a \(steps=1\)', 'a \(steps=2\)', 'a \(steps=3\)'"):
        _tables(store, "a", "b")


def test_rows_beyond_the_third_are_counted(write, store):
    for steps in range(6):
        write("a", EVEN, seeds=[0], config={"steps": steps}, deviations={"a.steps": steps})
    write("b", STRONG)
    with pytest.raises(UsageError, match=r"'a \(steps=2\)' and 3 more; name one"):
        _tables(store, "a", "b")


def test_near_names_are_suggested(write, store):
    write("gsmflow", STRONG)
    with pytest.raises(UsageError, match="did you mean 'gsmflow'"):
        _tables(store, "gsmflo", "gsmflow")
