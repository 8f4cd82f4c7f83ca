from __future__ import annotations

from gzslbench.records.differences import differences, flat


def test_flat_joins_names_by_dots():
    assert flat({"a": {"b": 1, "c": {"d": [2]}}, "e": 3}) == {"a.b": 1, "a.c.d": [2], "e": 3}


def test_a_line_for_each_name_that_differs():
    stored = {"steps": 500, "same": 1, "name": "adam", "gone": None}
    wanted = {"steps": 1000, "same": 1, "name": "sgd", "new": [1, 2.0]}
    assert differences(stored, wanted) == [
        "gone: null -> absent",
        "name: adam -> sgd",
        "new: absent -> [1,2.0]",
        "steps: 500 -> 1000",
    ]


def test_long_values_are_cut():
    (line,) = differences({"weights": "a" * 100}, {"weights": "b"})
    assert line == f"weights: {'a' * 59}… -> b"
