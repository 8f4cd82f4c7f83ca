"""Cards, from plugins that are read and never imported, and from records alone."""

import re

import pytest

from gzslbench.contract.info import Info, Method
from gzslbench.registry.declarations import Distribution, PluginSource, find_plugins, read_listing
from gzslbench.report.groups import group_results
from gzslbench.report.installed import Installed
from gzslbench.report.leaderboard import build_leaderboard
from gzslbench.report.page.cards import cards_of
from gzslbench.report.page.documents import citation, deviations
from gzslbench.report.page.recipes import settings_used
from gzslbench.report.page.views import views_of

SOURCE = """
raise SystemExit("this plugin must not be imported")

@dataclass(frozen=True)
class Config:
    steps: int = 10
    rate: float = 1.0
    width: int = 64

class Mine(Classifier):
    info = Info("mine", summary="what it is", paper="A paper", needs=(Need.PROXIES,))
    Config = Config

METHODS = [
    Method("mine", classifier="mine", summary="the method", recipes="recipes.toml"),
    Method("mine-bare", classifier="mine", variant_of="mine", recipes="recipes.toml", settings={"mine.steps": 1}),
]
"""
RECIPE = """
[default.mine]
steps = { value = 100, origin = "paper" }
[CUB.mine]
rate = { value = 2, origin = "ours", why = "it is better" }
[budgets.quick.default.mine]
steps = { value = 5, origin = "ours", why = "minutes" }
"""


@pytest.fixture
def plugin(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "__init__.py").write_text(SOURCE)
    (folder / "recipes.toml").write_text(RECIPE)
    (folder / "METHOD.md").write_text(
        "# Mine\n\n## Choices\n\n| a | b |\n|---|--:|\n| <b>x</b> | [link](javascript:alert(1)) |\n\n### More\n\n"
        "![image](http://example.org/x.png)\n\n## Cost\n\nNot this.\n"
    )
    (folder / "CITATION.bib").write_text("@misc{mine, title = {Mine}}\n")
    return PluginSource("mine", Distribution("mine-plugin", "1.2"), "", folder)


@pytest.fixture
def installed(plugin):
    return Installed.of(read_listing([plugin]))


def _result(make_result, method="mine", **described):
    return make_result(method=method, generative=False, **described)


def _cards(results, installed):
    views = views_of(build_leaderboard(results))
    return {card.name: card for card in cards_of(views, installed)}


def _origins(make_result, installed, config, method="mine", component="mine", **described):
    result = _result(make_result, method, config=config, **described)
    part = result.key.classifier.__class__(component, config, "c0de")
    from dataclasses import replace

    (group,) = group_results([result._replace(key=replace(result.key, classifier=part))])
    return {used.name: (used.origin, used.why) for used in settings_used(group, installed)}


def test_origins_of_settings(make_result, installed):
    config = {"steps": 100, "rate": 2.0, "width": 64}
    assert _origins(make_result, installed, config) == {
        "steps": ("paper", ""),
        "rate": ("ours", "it is better"),
        "width": ("default", ""),
    }


def test_what_differs_from_recipe_and_default_was_set_for_the_run(make_result, installed):
    config = {"steps": 7, "rate": 1.0, "width": 65}
    named = {f"mine.{name}": value for name, value in config.items()}
    for deviating, origin in ((named, "set for the run"), (None, "set for the run"), ({}, "an earlier recipe")):
        found = _origins(make_result, installed, config, deviations=deviating)
        assert {origin for origin, _ in found.values()} == {origin}


def test_what_differs_was_tuned_where_the_budget_says_so(make_result, installed):
    config = {"steps": 100, "rate": 0.3}
    found = _origins(make_result, installed, config, data_set="FLO", budget="tuned-20", deviations={})
    assert found == {"steps": ("paper", ""), "rate": ("tuned", "")}


def test_origins_follow_data_set_budget_and_variant(make_result, installed):
    assert _origins(make_result, installed, {"rate": 1.0}, data_set="FLO") == {"rate": ("default", "")}
    assert _origins(make_result, installed, {"rate": 2.0}, data_set="CUB@sent") == {"rate": ("ours", "it is better")}
    assert _origins(make_result, installed, {"steps": 5}, budget="quick") == {"steps": ("ours", "minutes")}
    assert _origins(make_result, installed, {"steps": 1}, method="mine-bare") == {"steps": ("the method", "")}


def test_nothing_is_known_of_what_is_not_installed(make_result, installed):
    assert _origins(make_result, installed, {"x": 1}, method="other", component="other") == {"x": ("", "")}


def test_a_damaged_recipe_leaves_the_page_standing(make_result, plugin):
    (plugin.path / "recipes.toml").write_text("steps = [")
    installed = Installed.of(read_listing([plugin]))
    assert _origins(make_result, installed, {"width": 64}) == {"width": ("default", "")}


def test_a_card_of_an_installed_method(make_result, installed):
    results = [_result(make_result, config={"steps": 100}, seed=seed, h=0.4) for seed in (0, 1)]
    results += [_result(make_result, config={"steps": 200}, h=0.9)]
    card = _cards(results, installed)["mine"]
    assert card.method.summary == "the method"
    assert [part[:2] for part in card.parts] == [("none", "gate"), ("mine", "classifier")]
    assert card.parts[1][2].paper == "A paper"
    (run,) = card.runs
    assert run.configurations == 2
    assert run.view.cell(run.row, "H as it stops").startswith(
        "40.0"
    )  # two seeds stand for the method, not the better single one
    assert card.provenance["records"] == "3 of 2 configurations"
    assert card.provenance["installed here"] == "mine (mine-plugin 1.2)"
    assert "mine c0dec0de" in card.provenance["source hashes"]


def test_a_card_of_a_method_that_is_not_installed_is_from_its_record(make_result):
    card = _cards([_result(make_result, "elsewhere", config={"a": 1})], Installed({}, {}))["elsewhere"]
    assert (card.method.summary, card.method.paper, card.documents) == ("", "", [])
    assert [(used.name, used.value, used.origin) for settings in card.recipes for used in settings] == [("a", "1", "")]
    assert "from its records" in card.provenance["installed here"]


def test_what_papers_print_stands_beside_what_came_out(make_result, plugin):
    source = plugin.path / "__init__.py"
    source.write_text(SOURCE.replace('summary="the method"', 'summary="the method", reported="ALE"'))
    results = [_result(make_result, data_set="CUB", h=0.4), _result(make_result, data_set="CUB@sent", h=0.9)]
    cards = _cards(results, Installed.of(read_listing([plugin])))
    printed = {(row.source, row.data_set): row for row in cards["mine"].printed}
    assert len(printed) == 6
    early = printed["Early-GAN paper, Table 2", "CUB"]
    assert (early.numbers, early.here) == ("S 81.8 U 14.0 H 23.9", "40.0")
    assert early.notes == ["AWA2's numbers; on CUB ALE has U 23.7, S 62.8, H 34.4"]
    assert printed["Early-GAN paper, Table 2", "AWA1"].here == ""
    assert printed["GSMFlow paper, Table II", "CUB"].here.startswith("40.0"), "other systems' row is of sentences"


def test_a_plugin_tells_its_deviations_once(make_result, installed):
    results = [_result(make_result), _result(make_result, "mine-bare", seed=1, config={"steps": 1})]
    cards = _cards(results, installed)
    assert cards["mine"].documents[0].see == ""
    assert cards["mine-bare"].documents[0].see == "mine"
    assert cards["mine-bare"].method.variant_of == "mine"
    assert _cards(results[1:], installed)["mine-bare"].documents[0].see == ""


def test_deviations_are_the_section_alone_and_safe(plugin):
    html = deviations(plugin)
    assert "<td>&lt;b&gt;x&lt;/b&gt;</td>" in html
    assert "More" in html
    assert "Not this" not in html
    for refused in ("<a", "<img", "style=", "<b>", "http:"):
        assert refused not in html


def test_a_plugin_without_documents_has_none(tmp_path):
    path = tmp_path / "single.py"
    path.write_text("")
    for source in (PluginSource("p", Distribution("p", "1"), "", path), PluginSource("p", Distribution("p", "1"))):
        assert (deviations(source), citation(source)) == ("", "")


def test_every_bundled_method_says_where_it_departs_and_how_to_cite_it():
    listed = [each for each in read_listing(find_plugins()) if each.plugin.distribution.name == "gzslbench"]
    papers = {each.plugin.name for each in listed if isinstance(each.info, Info) and each.info.paper}
    methods = {each.plugin.name: each.plugin for each in listed if isinstance(each.info, Method)}
    own = [plugin for name, plugin in methods.items() if name in papers]
    assert len(own) >= 5
    entries: dict[str, str] = {}
    for plugin in own:
        assert "<t" in deviations(plugin) or "<p" in deviations(plugin), plugin.name
        bibtex = citation(plugin)
        assert bibtex.count("{") == bibtex.count("}")
        for entry in bibtex.strip().split("\n\n"):
            assert {"title", "author", "year"} <= set(re.findall(r"^  (\w+) +=", entry, re.MULTILINE))
            key = re.findall(r"^@\w+\{([a-z0-9]+),$", entry, re.MULTILINE)[0]
            assert entries.setdefault(key, entry) == entry, "one key, two entries"
    assert len(entries) >= len(own)
