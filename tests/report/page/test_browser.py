"""The page as its readers have it, in headless Chromium; what it complains of or asks for fails every test."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from gzslbench.report.installed import Installed
from gzslbench.report.leaderboard import build_leaderboard
from gzslbench.report.page.render import render_page

METHODS = ("gsmflow", "f-clswgan", "early-gan", "eszsl", "sae")
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}


@pytest.fixture
def results(make_result):
    """Five methods on two data sets; H falls in the order of METHODS, fit times don't."""
    return [
        make_result(
            method=method,
            data_set=data_set,
            seed=seed,
            u=0.6 - 0.1 * place,
            s=0.5 + 0.02 * place,
            h=0.55 - 0.1 * place + 0.01 * seed,
            fit_s=((7.0, 900.0, 30.0, 8.0, 1000.0)[place], 0.0, 0.0, 0.0),
            generative=method not in ("eszsl", "sae"),
            unseen_semantics=place < 2,
            budget="quick" if place else "full",
        )
        for data_set in ("CUB", "FLO")
        for place, method in enumerate(METHODS)
        for seed in (0, 1)
    ]


@pytest.fixture
def opened(open_page, render, results):
    return open_page(render(results), viewport=WIDE)


def _column(page, name):
    """The cells of one column, top to bottom."""
    place = page.locator("#table thead th").evaluate_all(
        "(cells, name) => cells.findIndex((cell) => cell.dataset.column === name)", name
    )
    assert place >= 0
    return page.locator(f"#table tbody tr > :nth-child({place + 1})").all_inner_texts()


def _methods(page):
    return page.locator("#table tbody th a").all_inner_texts() or page.locator("#table tbody th").all_inner_texts()


def _heading(page, name):
    return page.locator(f"#table thead th[data-column='{name}']")


def _sort_marks(page):
    return page.locator("#table thead th[aria-sort]").evaluate_all(
        "(cells) => cells.map((cell) => [cell.dataset.column, cell.getAttribute('aria-sort')])"
    )


def test_opens_with_the_table_in_its_own_order(opened):
    page = opened.at("#CUB/inductive")
    assert page.locator("h2#title").inner_text() == "CUB: inductive"
    assert _methods(page) == list(METHODS)
    assert _sort_marks(page) == []
    assert "in the order of the table" in page.locator("#status").inner_text()


def test_rows_that_lack_a_data_set_stand_folded_below_those_that_are_complete_and_floors_last(
    open_page, render, results, make_result
):
    results = [*results, make_result(method="part", data_set="CUB", h=0.9)]
    floors = [make_result(method="floor", data_set=name, h=0.0) for name in ("CUB", "FLO")]
    results += [floor._replace(t1=0.01) for floor in floors]
    page = open_page(render(results), viewport=WIDE).at("")
    assert page.locator("h2#title").inner_text() == "All data sets: inductive"
    assert _methods(page) == list(METHODS)
    fold = page.locator("#aside")
    assert "1 row without a result on every data set, then 1 floor" in fold.inner_text()
    fold.click()
    assert _methods(page) == [*METHODS, "part", "floor"]
    assert page.evaluate("document.activeElement.id") == "aside"
    page.get_by_label("Method", exact=True).fill("part")
    assert _methods(page) == ["part"]
    page.get_by_role("button", name="Clear").click()
    _heading(page, "CUB").get_by_role("button").click()
    assert _methods(page) == ["part", *METHODS, "floor"]  # by one column, all are one list
    for _ in range(2):
        _heading(page, "CUB").get_by_role("button").click()
    assert (_methods(page), _sort_marks(page)) == (list(METHODS), [])


def test_a_calibrated_result_that_rows_share_is_shown_once(open_page, render, make_pair):
    results = [*make_pair("bare", "none", 0.2, 0.6), *make_pair("gated", "entropy", 0.5, 0.6)]
    page = open_page(render(results + make_pair("other", "none", 0.4, 0.5)), viewport=WIDE).at("")
    assert page.locator("#table tbody td.key").all_inner_texts() == ["60.0", "50.0"]
    assert page.locator("svg circle").count() == 2
    page.get_by_role("button", name="1 row whose H calibrated is that of a row above").click()
    assert page.locator("#table tbody td.key").all_inner_texts() == ["60.0", "50.0", "60.0"]


def test_other_settings_and_combinations_are_shown_on_request(open_page, render, make_result):
    results = [
        make_result(config={"steps": n}, h=n / 10, deviations={"eszsl.steps": n} if n > 1 else {}) for n in (1, 2)
    ]
    page = open_page(render([*results, make_result(method="sae")]), viewport=WIDE).at("")
    assert _methods(page) == ["sae", "eszsl"]
    page.get_by_label("Other settings and combinations (1 rows)").check()
    assert _methods(page) == ["sae", "eszsl", "eszsl"]
    assert page.url.endswith("rows=all")


@pytest.mark.parametrize("width", [360, 1280])
def test_default_columns_fit_and_the_rest_is_announced(open_page, render, results, width):
    page = open_page(render(results), viewport={"width": width, "height": 800}).at("#CUB/inductive")
    for name in ("method", "H as it stops"):
        box = _heading(page, name).bounding_box()
        assert 0 <= box["x"] < box["x"] + box["width"] <= width
    overflow = "document.getElementById('scroll').scrollWidth - document.getElementById('scroll').clientWidth"
    assert page.evaluate(overflow) == 0
    shown = page.locator("#table thead th:visible").count()
    page.locator("#columns", has_text="more columns").click()
    assert page.locator("#table thead th:visible").count() > shown
    assert page.evaluate(overflow) > 0
    method = page.locator("#table tbody th.method").first
    page.evaluate("document.getElementById('scroll').scrollLeft = 200")
    assert method.bounding_box()["x"] >= 0  # it stays in view
    page.locator("#columns", has_text="Show what fits").click()
    assert page.locator("#table thead th:visible").count() == shown


def test_cards_are_of_the_methods_with_results_there(open_page, render, results, make_result):
    page = open_page(render([*results, make_result(method="alone", data_set="FLO")]), viewport=WIDE).at(
        "#CUB/inductive"
    )
    assert sorted(page.locator("details.card:visible h3").all_inner_texts()) == sorted(METHODS)
    page = open_page(render([*results, make_result(method="alone", data_set="FLO")])).at("#method/alone")
    assert page.locator("details.card[open] h3").all_inner_texts() == ["alone"]  # asked for by name


def test_every_mark_is_named_by_keyboard_and_no_name_lies_over_a_mark(opened):
    page = opened.at("#CUB/inductive")
    assert page.locator("svg circle[tabindex='0']").count() == 1
    page.locator("svg circle[tabindex='0']").focus()
    told = []
    for _ in METHODS:
        told.append(page.locator("svg .told").text_content())
        page.keyboard.press("ArrowRight")
    assert [each.partition(":")[0] for each in told] == list(METHODS[::-1])  # U falls in the order of METHODS
    assert told[-1] == "gsmflow: U 60.0, S 50.0, H 55.5"
    page.keyboard.press("Tab")
    assert page.locator("svg .told").text_content() == ""
    page.locator("svg circle").first.hover()
    assert page.locator("svg .told").text_content()
    page.mouse.move(0, 0)
    boxes = "(nodes) => nodes.map((node) => node.getBoundingClientRect().toJSON())"
    marks = page.locator("svg circle").evaluate_all(boxes)
    names = page.locator("svg text.name:not(.told)").evaluate_all(boxes)
    assert len(names) > len(METHODS)  # with the levels of H
    assert not [1 for one in marks for other in names if _overlap(one, other)]


def test_marks_of_one_method_are_told_apart_by_their_budgets(open_page, render, make_result):
    results = [make_result(budget=budget, u=u, config={"u": u}) for budget, u in (("full", 0.4), ("tuned-20", 0.5))]
    page = open_page(render(results)).at("#CUB/inductive")
    names = page.locator("svg circle").evaluate_all("(nodes) => nodes.map((node) => node.ariaLabel.split(':')[0])")
    assert sorted(names) == ["eszsl, full", "eszsl, tuned-20"]


def _overlap(one, other):
    return (
        one["left"] < other["right"]
        and other["left"] < one["right"]
        and one["top"] < other["bottom"]
        and other["top"] < one["bottom"]
    )


def test_sorts_by_numbers_and_says_so(opened):
    page = opened.at("#CUB/inductive")
    _heading(page, "fit (s)").get_by_role("button").click()
    assert _methods(page) == ["gsmflow", "eszsl", "early-gan", "f-clswgan", "sae"]  # 1,000 after 900, no text order
    assert _sort_marks(page) == [["fit (s)", "ascending"]]
    _heading(page, "fit (s)").get_by_role("button").click()
    assert _methods(page)[0] == "sae"
    assert _sort_marks(page) == [["fit (s)", "descending"]]


def test_sorts_by_the_number_that_a_cell_begins_with(open_page, render, make_result):
    results = [make_result(method=f"m{peak}", peak_memory_mib=peak, peak_device_mib=3.0) for peak in (900, 12345.4, 20)]
    page = open_page(render(results)).at("#CUB/inductive?sort=peak+(MiB)&columns=all")
    assert _column(page, "peak (MiB)") == ["20 + 3", "900 + 3", "12,345 + 3"]


def test_a_negative_gap_sorts_as_negative(open_page, render, make_result):
    gaps = {"a": 0.4, "b": 0.6, "c": 0.3}
    results = [make_result(method=name, h=0.5) for name in gaps]
    results += [make_result(method=name, protocol="paper", h=h) for name, h in gaps.items()]
    page = open_page(render(results)).at("#CUB/inductive?sort=peek+gap&order=ascending&columns=all")
    assert _column(page, "peek gap") == ["-20.0", "-10.0", "+10.0"]


def test_sorts_by_text(opened):
    page = opened.at("#CUB/inductive")
    _heading(page, "method").get_by_role("button").click()
    assert _methods(page) == sorted(METHODS)


def test_what_has_no_number_comes_last_in_either_order(open_page, render, make_result):
    results = [make_result(method=f"m{place}", u=0.1 * place, predict_s=(0.1,) * (place % 2)) for place in range(4)]
    page = open_page(render(results)).at("#CUB/inductive")
    for _ in range(2):
        _heading(page, "predict (1/s)").get_by_role("button").click()
        assert _column(page, "predict (1/s)")[2:] == ["–", "–"]


def test_filters_by_words_and_by_columns(opened):
    page = opened.at("#CUB/inductive")
    page.get_by_label("Method", exact=True).fill("GAN early")
    assert _methods(page) == ["early-gan"]
    assert "1 of 5 rows" in page.get_by_role("status").inner_text()
    page.get_by_role("button", name="Clear").click()
    page.locator("select[data-column=GM]").select_option("=N")
    assert _methods(page) == ["eszsl", "sae"]
    page.locator("select[data-column=budget]").select_option("=full")
    assert _methods(page) == []
    page.get_by_role("button", name="Clear").click()
    assert len(_methods(page)) == 5
    assert "?" not in page.url


def test_the_address_brings_back_what_was_shown(opened):
    page = opened.at("#FLO/inductive")
    page.get_by_label("Method", exact=True).fill("gan")
    page.locator("select[data-column=UD]").select_option("=N")
    _heading(page, "S").get_by_role("button").click()
    page.locator("#columns").click()
    shown = (_methods(page), _sort_marks(page), page.locator("#status").inner_text())
    address = page.url.partition("#")[2]
    assert address.startswith("FLO/inductive?")
    page.goto("about:blank")
    page = opened.at(f"#{address}")
    assert (_methods(page), _sort_marks(page), page.locator("#status").inner_text()) == shown
    assert page.get_by_label("Method", exact=True).input_value() == "gan"
    assert _heading(page, "test reads").is_visible()


def test_goes_to_another_table_and_back(opened):
    page = opened.at("#CUB/inductive")
    page.get_by_role("navigation").get_by_role("link", name="FLO").click()
    page.locator("h2#title", has_text="FLO: inductive").wait_for()
    assert page.get_by_role("navigation").locator("[aria-current]").all_inner_texts() == ["FLO", "inductive"]
    page.go_back()
    page.locator("h2#title", has_text="CUB: inductive").wait_for()


def test_an_address_that_leads_nowhere_is_told(opened):
    page = opened.at("#AWA9/inductive")
    assert "AWA9/inductive" in page.get_by_role("alert").inner_text()
    assert _methods(page)
    for strange in ("#%E0%A4%A", "#CUB/inductive?sort=nothing&is.nothing=1&order=sideways", "#method/nobody", "#?"):
        page = opened.at(strange)
        assert _methods(page) == list(METHODS)


def test_a_method_links_to_its_card(opened):
    page = opened.at("#CUB/inductive")
    page.locator("#table").get_by_role("link", name="eszsl").click()
    card = page.locator("details.card[open]")
    assert card.locator("h3").inner_text() == "eszsl"
    assert page.url.endswith("#method/eszsl")
    page.goto("about:blank")
    assert opened.at("#method/sae").locator("details.card[open] h3").all_inner_texts() == ["sae"]


def test_works_by_keyboard_alone(opened):
    page = opened.at("#CUB/inductive")
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    assert skip.inner_text() == "Skip to the table"
    assert skip.bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    assert page.locator(":focus").get_attribute("id") == "title"
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.column ?? document.activeElement.id"))
        if reached[-1] == "U":
            break
    assert reached[0] == "words"
    assert "scroll" in reached  # a table that scrolls can be scrolled by keyboard
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Space")
    assert _sort_marks(page) == [["U", "descending"]]
    page.keyboard.press("Enter")
    assert _sort_marks(page) == [["U", "ascending"]]
    assert page.evaluate("document.activeElement.dataset.column") == "U"  # the button is still the same


def test_a_screen_reader_finds_its_way(opened):
    page = opened.at("#CUB/inductive")
    for landmark in ("banner", "navigation", "main", "contentinfo", "search"):
        assert page.get_by_role(landmark).count() == 1, landmark
    assert page.locator("html").get_attribute("lang") == "en"
    table = page.get_by_role("table", name="CUB: inductive")
    assert table.get_by_role("rowheader").count() == len(METHODS)
    assert table.get_by_role("columnheader").count() > 10
    levels = page.locator("h1, h2, h3, h4, h5").evaluate_all("(nodes) => nodes.map((node) => Number(node.tagName[1]))")
    assert all(after <= before + 1 for before, after in pairwise(levels))
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input, select, button, a')].filter((node) =>"
        " !(node.labels?.length || node.textContent.trim() || node.getAttribute('aria-label'))).length"
    )
    assert unnamed == 0
    ids = page.locator("[id]").evaluate_all("(nodes) => nodes.map((node) => node.id)")
    assert len(ids) == len(set(ids))
    plane = page.get_by_role("group", name="Seen against unseen accuracy")
    assert "5 rows" in plane.locator("desc").text_content()


def test_the_pareto_front_is_right_and_follows_the_filter(opened):
    page = opened.at("#CUB/inductive")
    front = page.get_by_role("table", name="Pareto front of U and S")
    assert front.get_by_role("rowheader").all_inner_texts() == list(METHODS)  # U falls while S rises
    page.locator("select[data-column=GM]").select_option("=N")
    assert front.get_by_role("rowheader").all_inner_texts() == ["eszsl", "sae"]
    assert page.locator("svg circle").count() == 2


def test_a_row_that_is_beaten_in_both_is_not_on_the_front(open_page, render, make_result):
    points = {"a": (0.5, 0.6), "b": (0.6, 0.5), "beaten": (0.5, 0.5), "tied": (0.5, 0.6), "far": (0.1, 0.2)}
    results = [make_result(method=name, u=u, s=s) for name, (u, s) in points.items()]
    page = open_page(render(results)).at("#CUB/inductive")
    front = page.get_by_role("table", name="Pareto front of U and S").get_by_role("rowheader").all_inner_texts()
    assert front[0] == "b"
    assert set(front[1:]) in ({"a"}, {"tied"}, {"a", "tied"})


def test_the_heat_map_shows_generators_by_gate_and_classifier(opened):
    page = opened.at("#CUB/inductive")
    heat = page.locator("table.heat")
    cells = {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in heat.locator("tbody tr").all()
    }
    assert heat.locator("thead th").all_inner_texts()[1:] == ["none"]
    assert list(cells) == ["gsmflow · none", "f-clswgan · none", "early-gan · none", "eszsl", "sae"]
    assert cells["gsmflow · none"] == ["55.5"]
    assert cells["sae"] == ["15.5"]
    assert heat.locator("td.h6").all_inner_texts() == ["55.5"]


def test_the_heat_map_has_what_is_calibrated_beside_other_gates(open_page, render, make_pair):
    results = [*make_pair("bare", "none", 0.2, 0.6), *make_pair("gated", "entropy", 0.5, 0.6)]
    page = open_page(render([*results, *make_pair("other", "none", 0.4, 0.5)])).at("")
    heat = page.locator("table.heat")
    assert heat.locator("thead th").all_inner_texts()[1:] == ["calibrated-stacking", "entropy", "none"]
    assert heat.locator("tbody tr").first.locator("td").all_inner_texts() == ["60.0", "50.0", "20.0"]
    assert heat.locator("tbody tr").last.locator("td").all_inner_texts() == ["50.0", "–", "40.0"]


def test_the_heat_map_never_picks_the_best_of_a_cell(open_page, render, make_result):
    results = [make_result(method="eszsl", config={"steps": 1}, seed=seed, h=0.4, u=0.4) for seed in (0, 1)]
    results += [make_result(method="eszsl", config={"steps": 2}, h=0.9), make_result(method="sae", h=0.5)]
    page = open_page(render(results)).at("#CUB/inductive")
    cell = page.locator("table.heat tbody tr", has_text="eszsl").locator("td.h0")
    assert cell.inner_text() == "40.0"
    assert "rows in this cell: 2" in cell.get_attribute("title")


def test_too_few_tasks_make_no_diagram(opened):
    page = opened.at("#all/inductive")
    assert "too few tasks (2 that 5 rows share" in page.locator("#notes").inner_text()
    assert page.locator("#figures > *").count() == 0


def test_enough_tasks_make_a_critical_difference_diagram(open_page, render, make_result):
    results = [
        make_result(method=method, data_set=f"set {task}", h=0.5 - 0.1 * place - 0.01 * task)
        for task in range(12)
        for place, method in enumerate(METHODS)
    ]
    page = open_page(render(results)).at("#all/inductive")
    diagram = page.get_by_role("img", name="Critical-difference diagram")
    names = diagram.locator("text.name").all_text_contents()
    assert sorted(names) == sorted(f"{method} {1 + place:.2f}" for place, method in enumerate(METHODS))
    # Nemenyi at 0.05: 2.728 sqrt(5 * 6 / (6 * 12)) = 1.76, so each is joined with its neighbour only
    assert diagram.locator(".clique").count() == 4
    assert "critical difference 1.76" in diagram.text_content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_follows_the_system_and_the_toggle(open_page, render, results, scheme):
    page = open_page(render(results), color_scheme=scheme).at("#CUB/inductive")
    assert _luminance(page, "backgroundColor") > 0.8 if scheme == "light" else _luminance(page, "backgroundColor") < 0.1
    seen = {}
    for _ in range(3):
        page.locator("#theme").click()
        seen[page.locator("#theme").inner_text()] = _luminance(page, "backgroundColor") > 0.5
    assert seen == {"Theme: light": True, "Theme: dark": False, "Theme: system": scheme == "light"}
    page.locator("#theme").click()
    page.reload()
    assert page.locator("#theme").inner_text() == "Theme: light"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(open_page, render, results, scheme):
    page = open_page(render(results), color_scheme=scheme).at("#CUB/inductive")
    ground = _luminance(page, "backgroundColor")
    for selector in ("body", ".quiet", "#table thead th", "nav a[aria-current]", "figcaption", "#table td"):
        light, dark = sorted((ground, _luminance(page, "color", selector)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, selector  # WCAG 2, level AA


def _luminance(page, style, selector="body"):
    """Relative luminance (WCAG 2) of a colour as it is painted."""
    channels = page.evaluate(
        "([selector, style]) => { const context = document.createElement('canvas').getContext('2d');"
        " context.fillStyle = getComputedStyle(document.querySelector(selector))[style];"
        " context.fillRect(0, 0, 1, 1); return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3); }",
        [selector, style],
    )
    linear = [v / 12.92 if (v := value / 255) <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("address", ["#CUB/inductive", "#all/inductive", "#method/gsmflow"])
def test_fits_a_phone(open_page, render, results, address):
    page = open_page(render(results), viewport=PHONE).at(address)
    page.locator("details").evaluate_all("(nodes) => nodes.forEach((node) => (node.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert page.evaluate("document.body.scrollWidth") <= PHONE["width"]
    small = page.locator("#theme, #filters select, #filters input[type=search], #filters button").evaluate_all(
        "(nodes) => nodes.filter((node) => node.getBoundingClientRect().height < 36).length"
    )
    assert small == 0


@pytest.mark.parametrize("address", ["#CUB/inductive", "#all/inductive"])
def test_a_phones_first_screen_shows_rows(open_page, render, results, address):
    page = open_page(render(results), viewport=PHONE).at(address)
    assert page.locator("#table tbody tr").first.bounding_box()["y"] < 0.7 * PHONE["height"]


def test_prints_rows_without_controls(opened, render, open_page, make_result):
    results = [make_result(method=f"method-{place:03}", h=0.9 - place / 1000) for place in range(150)]
    page = open_page(render(results), viewport=WIDE, color_scheme="dark").at("#CUB/inductive")
    assert page.locator("#table tbody tr").count() == 100
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#table tbody tr").count() == 150
    for hidden in ("#theme", "#filters", "nav", "#more"):
        assert not page.locator(hidden).is_visible(), hidden
    assert _luminance(page, "backgroundColor") == 1.0
    assert page.pdf().startswith(b"%PDF")


def test_nothing_of_a_record_is_markup(open_page, render, make_result):
    evil = "<script>alert(1)</script>"
    results = [
        make_result(method=evil, data_set="</script><img src=x onerror=alert(2)>", machine_class="</script><b>x"),
        make_result(method="--><svg onload=alert(3)>", data_set="</script><img src=x onerror=alert(2)>"),
        make_result(method="${alert(4)}{{ 7 * 7 }}", data_set="a/b?c#d&sort=x", config={"</style><script>": "]]>"}),
        make_result(method='" autofocus onfocus="alert(5)', data_set="a/b?c#d&sort=x", config={"x": "'\"><u>"}),
    ]
    page = open_page(render(results)).at("")
    shown = []
    for link in page.locator("#data-sets a").all():
        link.click()
        shown += page.locator("#table tbody th").all_inner_texts()
    assert {evil, "--><svg onload=alert(3)>", "${alert(4)}{{ 7 * 7 }}"} <= {name.strip() for name in shown}
    page.locator("details").evaluate_all("(nodes) => nodes.forEach((node) => (node.open = true))")
    assert page.locator("img, #table b, u, svg[onload], [onfocus], main script").count() == 0
    page.locator("#table tbody th a").first.click()
    assert page.locator("details.card").count() == 4
    assert evil in page.locator("details.card h3").all_inner_texts()


def test_the_policy_stops_what_would_get_in(opened):
    page = opened.at("#CUB/inductive")
    page.evaluate(
        "const late = document.createElement('script'); late.textContent = 'window.gotIn = true';"
        "document.body.append(late)"
    )
    assert page.evaluate("window.gotIn") is None
    assert len(opened.complaints) >= 1
    assert all("Content Security Policy" in complaint for complaint in opened.complaints)
    opened.complaints.clear()


def test_copies_a_citation(open_page, render, make_result):
    page = open_page(render([make_result(method="eszsl")], Installed.find())).at("#method/eszsl")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the BibTeX of eszsl").click()
    page.wait_for_function("document.getElementById('said').textContent !== ''")
    assert "romeraparedes2015" in page.evaluate("navigator.clipboard.readText()")


def test_without_a_script_the_tables_are_there(open_page, render, results):
    page = open_page(render(results), java_script_enabled=False).at("")
    assert page.locator("noscript h2").all_inner_texts() == [
        "All data sets: inductive",
        "CUB: inductive",
        "FLO: inductive",
    ]
    assert page.locator("noscript tr").count() == 3 * 6
    assert not page.locator("#filters").is_visible()


def test_no_records_at_all(open_page, render):
    page = open_page(render([])).at("")
    assert "No records." in page.locator("main").inner_text()


def test_many_methods_on_five_data_sets_are_one_small_file_that_opens_in_under_two_seconds(open_page, make_result):
    installed = Installed.find()
    results = [
        make_result(method=method, data_set=f"set {data_set}", seed=seed, u=0.3 + place / 100, h=place / 100)
        for data_set in range(5)
        for place, method in enumerate(installed.methods)
        for seed in range(5)
    ]
    assert len(installed.methods) >= 38
    html = render_page(build_leaderboard(results), installed)
    assert len(html.encode()) < 5_000_000
    took = [_seconds_to_open(open_page(html, viewport=WIDE), "", 38) for _ in range(3)]
    assert min(took) < 2, took


@pytest.mark.parametrize("seeds", [1, 5])
def test_ten_thousand_records_open_in_under_two_seconds(open_page, render, make_record, seeds):
    from gzslbench.records.summary import summary_of

    groups = 10_000 // seeds
    few = [
        summary_of(make_record(method=f"method-{m}", config={"steps": c}))
        for m in range(20)
        for c in range(groups // 100)
    ]
    results = [
        result._replace(key=key, configuration=f"{number}-{data_set}", seed=seed, h=0.3 + number / 1e5, u=number / 1e5)
        for data_set in range(5)
        for number, result in enumerate(few)
        for key in [_elsewhere(result.key, f"set {data_set}")]
        for seed in range(seeds)
    ]
    assert len(results) == 10_000
    html = render(results)
    assert len(html.encode()) < 5_000_000
    took = [_seconds_to_open(open_page(html, viewport=WIDE), "#set 2/inductive", 100) for _ in range(3)]
    page = open_page(html, viewport=WIDE).at("#set 2/inductive")
    assert page.locator("#table tbody tr").count() == 100
    page.get_by_role("button", name="more rows").click()
    assert page.locator("#table tbody tr").count() == min(500, groups // 5)
    assert min(took) < 2, took  # the least, since others may be at work on the machine


def _seconds_to_open(opened, address, rows):
    began = time.perf_counter()
    opened.at(address).locator("#table tbody tr").nth(rows - 1).wait_for()
    return time.perf_counter() - began


def _elsewhere(key, data_set):
    from dataclasses import replace

    return replace(key, data_set=data_set)
