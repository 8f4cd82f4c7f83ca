import hashlib
import json
import re
from base64 import b64encode
from html.parser import HTMLParser

import pytest


class _Elements(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


@pytest.fixture
def html(render, make_result):
    return render([make_result(method=name, h=h) for name, h in (("gsmflow", 0.6), ("eszsl", 0.4))])


def test_loads_nothing_from_anywhere(html):
    for tag, attributes in _Elements(html).found:
        for name in ("src", "href", "action", "srcset", "data", "poster"):
            assert (attributes.get(name) or "#").startswith(("#", "data:,")), (tag, attributes)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style


def test_has_no_inline_handler_and_no_inline_style(html):
    for tag, attributes in _Elements(html).found:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag


def test_the_policy_allows_its_own_style_and_script_and_nothing_else(html):
    (policy,) = (
        attributes["content"]
        for tag, attributes in _Elements(html).found
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)[1]
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
    assert rules["style-src"] == f"'sha256-{b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"
    assert "unsafe" not in policy
    assert "eval(" not in script
    assert "innerHTML" not in script


def test_the_same_results_give_the_same_bytes(render, make_result):
    results = [make_result(method=name, seed=seed) for name in ("a", "b") for seed in (0, 1)]
    assert render(results) == render(results[::-1])


def test_data_from_records_can_not_end_its_element(render, make_result):
    html = render([make_result(method="</script><script>alert(1)</script><!--", data_set="&amp;\u2028")])
    blocks = re.findall(r'<script type="application/json" id="([^"]*)">(.*?)</script>', html, re.DOTALL)
    assert [name for name, _ in blocks] == ["data", "rows-0"]
    for _, text in blocks:
        assert not set("<>&\u2028") & set(text)
    (row,) = json.loads(blocks[1][1])
    assert row["method"] == "</script><script>alert(1)</script><!--"
    assert json.loads(blocks[0][1])["views"][0]["dataSet"] == "&amp;\\u2028"
    assert html.count("<script") == 3
