"""Text of any origin, in any field that a record has: no format takes it for more than text."""

from __future__ import annotations

import csv
import io
import json
import re
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from gzslbench.records.record import PartKey
from gzslbench.report.formats.exports import to_csv, to_json
from gzslbench.report.formats.latex import to_latex
from gzslbench.report.formats.layout import FIRST_COLUMNS, blocks
from gzslbench.report.formats.markdown import to_markdown, to_plain
from gzslbench.report.formats.terminal import print_table
from gzslbench.report.installed import Installed
from gzslbench.report.leaderboard import build_leaderboard
from gzslbench.report.page.render import render_page

PIECES = (
    *("\x1b[2J", "\x1b]0;t\x07", "\0", "\r", "\n", "\x85", "\u2028", "\u202e", "\u200b", "\ud800", "\t"),
    *(
        "|",
        "`",
        "<script>alert(1)</script>",
        "</script>",
        "<!-- gzslbench:end tables -->",
        "](javascript:x)",
        "![",
        "*",
    ),
    *("*", "$x$", "\\", "\\input{x}", "%", "&", "#", "_", "{", "}", "~", "^", "[1]", '"', "'", "{{ 1 }}"),
    *("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\uff1d1", "a", "é", "漢", " "),
)
TEXT = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join)
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\u200b\ud800]")
FIELDS = ("method", "data_set", "split", "machine_class", "budget", "generator", "setting", "value")


@pytest.fixture
def board(make_result):
    """The leaderboard of two results, the second of which has a text in a field."""

    def make(field, text):
        if field in ("generator", "setting", "value"):
            name, setting, value = (text if field == each else "x" for each in ("generator", "setting", "value"))
            second = make_result(generator=PartKey(name, {setting: value}, "c0de" * 4))
        else:
            second = make_result(**{field: text})
        return build_leaderboard([make_result(seed=1), second])

    return make


def _blocks(table):
    return list(blocks(table, lambda places: len(places) <= FIRST_COLUMNS))


hostile = partial(settings, max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("field", FIELDS)
@hostile()
@given(text=TEXT)
def test_tables_keep_their_shape(board, field, text):
    for table in board(field, text).tables:
        for written in (to_markdown(table), to_plain(table)):
            assert not CONTROL.search(written)
            lines = written.split("\n")
            assert lines[0].startswith("## ")
            assert sum(line.startswith("|") for line in lines) == sum(2 + len(block.rows) for block in _blocks(table))
        escaped = re.sub(r"\\.|</?(details|summary)>", "", to_markdown(table))
        assert not re.search(r"<|`|\[|\$", escaped)
        rows = [line for line in escaped.split("\n") if line.startswith("|")]
        assert {line.count("|") for line in rows} == {1 + len(block.columns) for block in _blocks(table)}
        console = Console(file=io.StringIO(), width=200, force_terminal=False)
        print_table(table, console)
        assert not CONTROL.search(console.file.getvalue())


@pytest.mark.parametrize("field", FIELDS)
@hostile()
@given(text=TEXT)
def test_exports_keep_their_shape(board, field, text):
    tables = board(field, text).rows
    rows = list(csv.DictReader(io.StringIO(to_csv(tables))))
    assert len(rows) == sum(len(row.points) for of_table in tables.values() for row in of_table)
    for cell in (cell for row in rows for cell in row.values()):
        assert not CONTROL.search(cell)
        assert cell[:1] not in tuple("=+-@\uff1d")
    written = to_json(tables)
    assert written.isascii()
    assert sum(len(table["rows"]) for table in json.loads(written)["tables"]) == len(rows)


@pytest.mark.parametrize("field", FIELDS)
@hostile()
@given(text=TEXT)
def test_latex_has_our_commands_alone(board, field, text):
    written = to_latex(board(field, text).tables)
    assert not CONTROL.search(written)
    assert "\\input" not in written
    for table in written.split("\\midrule\n")[1:]:
        rows = table.split("\n\\bottomrule")[0].split("\n")
        assert all(row.endswith(" \\\\") for row in rows)
        assert len({re.sub(r"\\.", "", row[:-2]).count("&") for row in rows}) == 1
        assert not any(row.startswith(("[", "*")) for row in rows)
        assert not any(re.search(r"(?<!\\)[%#_]", row) for row in rows)


@pytest.mark.parametrize("field", FIELDS)
@hostile(max_examples=4)
@given(text=TEXT)
def test_a_page_has_our_elements_alone(board, field, text):
    page = render_page(board(field, text), Installed({}, {}))
    plain = render_page(board(field, "plain"), Installed({}, {}))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\u200b\ud800]", page.replace("\t", ""))
    for tag in ("<script", "</script", "<img", "<a ", '="javascript:'):
        assert page.count(tag) == plain.count(tag), tag


def test_numbers_stay_numbers(board):
    (row, *_) = csv.DictReader(io.StringIO(to_csv(board("method", "-1").rows)))
    assert float(row["h_fraction_mean"]) == 0.5
    names = {row["method"] for row in csv.DictReader(io.StringIO(to_csv(board("method", "-1").rows)))}
    assert "'-1" in names
