"""Pages of made-up results, and a browser to open them in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gzslbench.records.summary import RecordSummary
from gzslbench.report.installed import Installed
from gzslbench.report.leaderboard import build_leaderboard
from gzslbench.report.page.render import render_page

NOTHING_INSTALLED = Installed({}, {})
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def render() -> Callable[..., str]:
    """Render the page of some results, by default as if no plugin were installed."""

    def rendered(results: list[RecordSummary], installed: Installed = NOTHING_INSTALLED) -> str:
        return render_page(build_leaderboard(results), installed)

    return rendered


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium, started once."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt install chromium")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


class Opened:
    """A page in the browser, and what it did that it mustn't: messages on the console, errors, requests."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.complaints: list[str] = []
        self.url = path.as_uri()
        self.page = browser.new_page(**options)
        self.page.on("console", lambda message: self.complaints.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self._asked_for(request.url))

    def _asked_for(self, url: str) -> None:
        if not url.startswith((self.url, "data:")):
            self.complaints.append(f"request: {url}")

    def at(self, address: str = "") -> Any:
        self.page.goto(f"{self.url}{address}")
        return self.page


@pytest.fixture
def open_page(browser, tmp_path) -> Iterator[Callable[..., Opened]]:
    """Open HTML in a page of its own; fails the test if the page complained or asked the network for anything."""
    opened: list[Opened] = []

    def open_(html: str, **options: Any) -> Opened:
        path = tmp_path / "leaderboard.html"
        path.write_text(html, encoding="utf-8")
        opened.append(Opened(browser, path, **options))
        return opened[-1]

    yield open_
    for each in opened:
        each.page.close()
    assert [complaint for each in opened for complaint in each.complaints] == []
