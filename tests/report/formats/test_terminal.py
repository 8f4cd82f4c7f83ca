import io

import pytest
from rich.console import Console

from gzslbench.report.formats.terminal import print_table
from gzslbench.report.leaderboard import build_leaderboard
from gzslbench.report.tables import Aside, Column, Table


def _printed(table, width, brief=False):
    out = io.StringIO()
    print_table(table, Console(file=out, width=width), brief)
    assert max(map(len, out.getvalue().splitlines())) <= width
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_texts_are_never_broken_within_a_word(width):
    words = ["elsewhere", "it", "has", "other", "numbers", "of", "features", "that", "were", "fine-tuned"]
    table = Table(
        "T", "S", tuple(Column(word, left=True) for word in words[:5]), (tuple(words[5:]), tuple(words[:5])), ()
    )
    text = _printed(table, width)
    assert set(words) <= {word.rstrip(":") for word in text.split()}
    assert ("elsewhere: of" in text) == (width < 60)


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
@pytest.mark.parametrize("protocol", ["inductive", "paper", "splits"])
def test_a_table_fits_with_every_cell_in_full(make_result, protocol, width):
    results = [
        make_result(
            method="a-method-with-a-long-name", protocol=protocol, seed=seed, h=h, config={"steps": steps}, jobs=2
        )
        for seed, h in enumerate((0.5, 0.6))
        for steps in (10, 2000)
    ]
    (table,) = build_leaderboard([*results, make_result(protocol=protocol, machine_class="other")]).data_sets["CUB"]
    text = _printed(table, width)
    assert "…" not in text
    assert "Not shown" not in text
    for place, column in enumerate(table.columns):
        assert all(word in text for word in column.name.split())
        assert column.left or all(row[place] in text for row in table.rows)


@pytest.mark.parametrize(("width", "shown"), [(40, 3), (60, 5), (80, 7), (100, 9), (120, 11), (160, 15)])
def test_a_brief_table_has_what_matters_most_and_names_the_rest(make_pair, width, shown):
    results = [
        result
        for seed, h in enumerate((0.55, 0.65))
        for result in make_pair("ridge-prototype", "none", h, h, seed=seed, u=h, s=h, jobs=2, h_best=0.7)
    ]
    (table,) = build_leaderboard(results).data_sets["CUB"]
    text = _printed(table, width, brief=True)
    (row,) = [line for line in text.splitlines() if "ridge-prototype" in line]
    assert row.split() == " ".join(table.rows[0][:shown]).split()
    names = ", ".join(column.name for column in table.columns[shown:])
    assert f"Not shown: {names}; see --wide and --columns." in " ".join(text.split())


def test_a_brief_table_shows_what_methods_share_once(make_pair):
    shared = make_pair("gated-with-a-long-name", "entropy", 0.4, 0.6)
    (table,) = build_leaderboard([*make_pair("plain", "none", 0.31, 0.6)[:1], *shared]).data_sets["CUB"]
    brief, wide = (_printed(table, 160, brief) for brief in (True, False))
    assert "31.0" in wide
    assert "31.0" not in brief
    assert "ranked once: gated-with-a-long-name and plain." in brief


def test_rows_aside_stand_below_with_a_word_on_why():
    aside = Aside(frozenset({1}), "one row aside")
    table = Table("t", "", (Column("method", left=True), Column("mean")), (("a", "1"), ("b", "2")), (), aside)
    text = _printed(table, 60, brief=True)
    assert text.index("a ") < text.index("one row aside") < text.index("b")
