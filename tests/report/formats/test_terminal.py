import io

import pytest
from rich.console import Console

from gzslbench.report.formats.terminal import print_table
from gzslbench.report.leaderboard import build_leaderboard


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
    out = io.StringIO()
    print_table(table, Console(file=out, width=width))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for place, column in enumerate(table.columns):
        assert all(word in text for word in column.name.split())
        assert column.left or all(row[place] in text for row in table.rows)
