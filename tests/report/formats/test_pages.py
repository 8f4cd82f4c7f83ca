import pytest

from gzslbench.errors import UsageError
from gzslbench.report.formats.audit_tables import audit_page
from gzslbench.report.formats.markdown import to_markdown
from gzslbench.report.formats.pages import headline_page, leaderboard_pages, stale_pages, write_pages
from gzslbench.report.leaderboard import build_leaderboard


@pytest.fixture
def results(make_result):
    return [make_result(), make_result(method="gsmflow", data_set="CUB@sent", h=0.6)]


@pytest.fixture
def pages(results):
    return leaderboard_pages(build_leaderboard(results))


def test_new_pages_link_the_data_sets_and_hold_their_tables(pages, tmp_path):
    folder = tmp_path / "leaderboards"
    changed = write_pages(pages, folder)
    assert sorted(path.name for path in changed) == ["CUB.md", "CUB@sent.md", "README.md"]
    overview = (folder / "README.md").read_text()
    assert "- [CUB](CUB.md)\n- [CUB@sent](CUB@sent.md)" in overview
    assert "| gsmflow" in (folder / "CUB@sent.md").read_text()


def test_fronts_follow_the_tables_of_a_data_set(pages, tmp_path):
    write_pages(pages, tmp_path)
    headings = [line for line in (tmp_path / "CUB.md").read_text().splitlines() if line.startswith("## ")]
    assert headings == [
        "## CUB: inductive",
        "## CUB: inductive, H against fit time",
        "## CUB: inductive, H against peak memory",
    ]


def test_the_audit_of_the_papers_is_a_page_of_its_own(pages, tmp_path):
    write_pages(pages, tmp_path)
    assert [path.name for path in write_pages([audit_page()], tmp_path)] == ["reported.md"]
    audit = (tmp_path / "reported.md").read_text()
    assert "| SAE         | CUB        | S 82.2, U 1.1, H 2.2" in audit
    assert "## Readings of test labels behind one number" in audit


@pytest.mark.parametrize("name", ["reported", "Reported", "readme"])
def test_a_data_set_can_not_take_another_pages_place(make_result, name):
    files = [page.file for page in leaderboard_pages(build_leaderboard([make_result(data_set=name)]))]
    assert files == ["README.md", f"data-set-{name}.md"]


def test_writing_twice_changes_nothing(pages, tmp_path):
    write_pages(pages, tmp_path)
    assert write_pages(pages, tmp_path) == []
    assert stale_pages(pages, tmp_path) == {}


def test_text_around_the_markers_survives(pages, tmp_path):
    write_pages(pages, tmp_path)
    path = tmp_path / "CUB.md"
    before, after = "# Birds\n\nBy hand.\u2028 \n\n", "\n\nMore by hand, without a last newline"
    path.write_text(before + path.read_text().removeprefix("# CUB\n").strip("\n") + after)
    assert stale_pages(pages, tmp_path) == {}
    path.write_text(path.read_text().replace("| eszsl", "| winner"))
    write_pages(pages, tmp_path)
    text = path.read_text()
    assert text.startswith(before)
    assert text.endswith(after)
    assert "winner" not in text


def test_an_edit_by_hand_is_shown(pages, tmp_path):
    write_pages(pages, tmp_path)
    path = tmp_path / "CUB.md"
    path.write_text(path.read_text().replace("50.0", "99.9"))
    ((stale, diff),) = stale_pages(pages, tmp_path).items()
    assert stale == path
    assert any(line.startswith("-") and "99.9" in line for line in diff.splitlines())
    assert any(line.startswith("+") and "50.0" in line for line in diff.splitlines())


def test_a_missing_page_is_stale_and_checking_writes_nothing(pages, tmp_path):
    assert len(stale_pages(pages, tmp_path)) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_long_difference_is_cut(pages, tmp_path):
    write_pages(pages, tmp_path)
    path = tmp_path / "CUB.md"
    path.write_text(path.read_text().replace("## CUB", "x\n" * 100 + "## CUB"))
    assert len(stale_pages(pages, tmp_path)[path].splitlines()) == 21


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda text: text.replace("<!-- gzslbench:begin tables -->\n", ""),
            "no line '<!-- gzslbench:begin tables -->'",
        ),
        (lambda text: text.replace("<!-- gzslbench:end tables -->", ""), "no line '<!-- gzslbench:end tables -->'"),
        (lambda text: text + text, "2 lines '<!-- gzslbench:begin tables -->'"),
        (
            lambda text: text.replace("begin", "B").replace("gzslbench:end", "gzslbench:begin").replace(":B", ":end"),
            "ends the block 'tables' before it begins",
        ),
    ],
    ids=["no begin", "no end", "twice", "swapped"],
)
def test_damaged_markers_stop_everything(pages, tmp_path, damage, message):
    write_pages(pages, tmp_path)
    path = tmp_path / "CUB@sent.md"
    (tmp_path / "CUB.md").unlink()
    path.write_text(damage(path.read_text()))
    damaged = path.read_text()
    with pytest.raises(UsageError, match=message) as caught:
        write_pages(pages, tmp_path)
    assert str(path) in str(caught.value)
    assert path.read_text() == damaged
    assert not (tmp_path / "CUB.md").exists()


def test_a_page_whose_records_are_gone_is_emptied(pages, results, tmp_path):
    write_pages(pages, tmp_path)
    (tmp_path / "notes.md").write_text("by hand\n")
    fewer = leaderboard_pages(build_leaderboard(results[:1]))
    assert {path.name for path in stale_pages(fewer, tmp_path)} == {"CUB@sent.md", "README.md"}
    write_pages(fewer, tmp_path)
    assert "No records." in (tmp_path / "CUB@sent.md").read_text()
    assert (tmp_path / "notes.md").read_text() == "by hand\n"


def test_no_records_make_an_overview_that_says_so(tmp_path):
    write_pages(leaderboard_pages(build_leaderboard([])), tmp_path)
    assert (tmp_path / "README.md").read_text().count("No records.") == 2


def test_settings_can_not_break_the_markdown(make_result):
    results = [make_result(config={"text": text}) for text in ("a|b", "<!-- x\ny")]
    (table,) = build_leaderboard(results).data_sets["CUB"]
    grid = [line for line in to_markdown(table).splitlines() if line.startswith("|")]
    assert len(grid) == 2 * 4  # accuracies, and below what they took
    assert any(r"a\|b" in line for line in grid)
    assert all("<!--" not in line.replace(r"\<", "") for line in grid)


def test_numbers_do_not_break_and_further_columns_unfold(make_pair):
    results = [
        result
        for seed, h in enumerate((0.4, 0.6))
        for result in make_pair("a", "none", h, h, seed=seed, jobs=2, config={"text": "x ± y"})
    ]
    text = to_markdown(build_leaderboard(results).data_sets["CUB"][0])
    main, below = text.split("<details>\n<summary>More columns: H as it stops, ")
    assert "50.0\u00a0±\u00a014.1" in main
    assert "5,000\u00a0‡" in below
    assert below.index("</summary>\n\n| method") < below.index("\n\n</details>")


def test_overall_tables_fold_the_rows_that_lack_a_data_set(make_result, tmp_path):
    complete = [make_result(method=method, data_set=each) for method in ("sae", "eszsl") for each in ("CUB", "FLO")]
    write_pages(leaderboard_pages(build_leaderboard([*complete, make_result(method="gsmflow", h=0.9)])), tmp_path)
    seen, folded = (tmp_path / "README.md").read_text().split("<details>")[:2]
    assert "| sae" in seen
    assert "| gsmflow" not in seen
    assert folded.startswith("\n<summary>1 row without a result on every data set</summary>")
    assert "| gsmflow" in folded


def test_a_readme_has_the_complete_rows_of_the_first_table_between_its_markers(make_result, tmp_path):
    results = [make_result(method=name, data_set=data_set) for name in ("a", "b") for data_set in ("CUB", "FLO")]
    page = headline_page(build_leaderboard([*results, make_result(method="part")]))
    readme = tmp_path / "README.md"
    readme.write_text("# Mine\n<!-- gzslbench:begin headline -->\n<!-- gzslbench:end headline -->\nBelow.\n")
    write_pages([page], tmp_path)
    lines = readme.read_text().splitlines()
    assert [line.split("|")[1].strip() for line in lines if line.startswith("|")] == ["method", ":---------", "a", "b"]
    assert "mean |" in next(line for line in lines if "method" in line)
    assert not [line for line in lines if "mean rank" in line or line.startswith(("## ", "- "))]
    assert (lines[0], lines[-1]) == ("# Mine", "Below.")
    assert stale_pages([page], tmp_path) == {}


def test_a_page_explains_a_mark_once(make_result, tmp_path):
    results = [make_result(protocol=protocol, jobs=2) for protocol in ("inductive", "strict")]
    write_pages(leaderboard_pages(build_leaderboard(results)), tmp_path)
    text = (tmp_path / "CUB.md").read_text()
    assert text.count("- ‡ ") == 1
    assert text.index("## CUB: inductive") < text.index("- ‡ ") < text.index("## CUB: strict")


def test_a_data_sets_name_can_not_leave_the_folder(make_result, tmp_path):
    folder = tmp_path / "pages"
    write_pages(leaderboard_pages(build_leaderboard([make_result(data_set="../up")])), folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pages"]
