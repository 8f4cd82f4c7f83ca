import pytest

from gzslbench.errors import UsageError
from gzslbench.report.formats.layout import FIRST_COLUMNS, blocks, choose_columns, naming, readable
from gzslbench.report.tables import NOTHING, Aside, Column, Table

NAMES = ("rank", "method", *(f"c{place}" for place in range(12)))
NOT_ASIDE = Aside()
COLUMNS = tuple(Column(name, left=name == "method") for name in NAMES)


def _table(*rows, notes=(), aside=NOT_ASIDE):
    return Table("title", "summary", COLUMNS, tuple(rows), tuple(notes), aside)


def _row(name):
    return ("1", name, *(f"{name}{place}" for place in range(12)))


def _blocks(table):
    return list(blocks(table, lambda places: len(places) <= FIRST_COLUMNS))


def test_the_first_block_has_the_first_columns_and_each_the_names():
    first, second = _blocks(_table(_row("a")))
    assert (first.columns, second.columns) == ([*range(9)], [1, *range(9, 14)])
    assert second.further
    assert second.caption == "More columns: c7, c8, c9, c10, c11"


def test_all_columns_of_text_at_the_start_name_the_rows():
    texts = (Column("variant", left=True), Column("what", left=True), Column("H"), Column("known", left=True))
    assert naming(Table("", "", texts, (), ())) == [0, 1]


@pytest.mark.parametrize(("budgets", "names"), [(("full", "full"), [0]), (("full", "quick"), [0, 1])])
def test_later_blocks_repeat_no_more_names_than_tell_rows_apart(budgets, names):
    methods = ("a", "b") if budgets[0] == budgets[1] else ("a", "a")
    columns = (Column("method", left=True), Column("budget", left=True), *COLUMNS[2:])
    rows = tuple((method, budget, *_row(method)[2:]) for method, budget in zip(methods, budgets, strict=True))
    first, second = _blocks(Table("", "", columns, rows, ()))
    assert first.columns == [*range(9)]
    assert second.columns == [*names, *range(9, 14)]


def test_rows_aside_are_below_without_the_columns_that_tell_nothing_of_them():
    lacking = ("1", "b", NOTHING, *_row("b")[3:])
    first, below, more = _blocks(_table(_row("a"), lacking, aside=Aside(frozenset({1}), "aside")))
    assert (first.rows, below.rows, more.rows) == ([0], [1], [0, 1])
    assert below.columns == [0, 1, *range(3, 9)]
    assert (below.caption, below.further) == ("aside", False)


def test_what_all_rows_have_alike_is_said_once():
    rows = [(*_row(name)[:12], "5", name) for name in "ab"]
    (table,) = readable([_table(*rows)])
    assert "c10" not in [column.name for column in table.columns]
    assert table.notes == ("In every row: c10 5.",)
    assert table.rows[1] == (*rows[1][:12], "b")
    assert readable([_table(rows[0])]) == [_table(rows[0])]  # of one row, all is alike


def test_what_is_explained_is_so_once_and_what_went_on_is_told_of_each_table():
    explained = ("‡ a mark: explained", "c5: a column", "a3: a word in a cell")
    told = ("Times on laptop.", "Two seeds: too few.")
    tables = readable([_table(_row("a"), notes=(*explained, *told)), _table(_row("a"), notes=(*told, *explained))])
    assert [table.notes for table in tables] == [(*explained, *told), told]


def test_chosen_columns_stand_beside_the_name_and_the_first_number():
    table = Table("", "", (*COLUMNS[:3], Column("fit (s)"), Column("fitness")), (("1", "a", "2", "3", "4"),), ())
    (chosen,) = choose_columns([table], ["FIT"])
    assert [column.name for column in chosen.columns] == ["rank", "method", "c0", "fit (s)"]
    assert chosen.rows == (("1", "a", "2", "3"),)


def test_chosen_columns_may_be_of_some_tables_alone_but_not_of_none():
    tables = [_table(_row("a")), Table("", "", COLUMNS[:3], (), ())]
    assert [len(table.columns) for table in choose_columns(tables, ["c5", "c7"])] == [5, 3]
    with pytest.raises(UsageError, match="no table has a column 'd5'; did you mean"):
        choose_columns(tables, ["c5", "d5"])


def test_all_rows_have_the_chosen_columns():
    """What another row tells of the first columns, it may not tell of these."""
    (chosen,) = choose_columns([_table(_row("a"), _row("b"), aside=Aside(frozenset({1}), "", repeated=True))], ["c9"])
    assert _blocks(chosen)[0].rows == [0, 1]
