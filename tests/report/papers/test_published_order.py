"""The script that holds published orders against ours, and what the page of the papers' numbers says of it."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("published_order", ROOT / "scripts" / "published_order.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["published_order"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_correlation_is_that_of_ranks_by_hand(script: ModuleType) -> None:
    pairs = {"a": (10.0, 90.0), "b": (20.0, 10.0), "c": (40.0, 11.0)}  # ranks 1, 2, 3 and 3, 1, 2: squares 4, 1, 1
    assert script.Order("", "H", "H", pairs).rho == pytest.approx(1 - 6 * 6 / (3 * (9 - 1)))
    assert math.isnan(script.Order("", "H", "H", {"a": (10.0, 90.0)}).rho)


def test_sources_are_those_that_were_read_on_plain_features(script: ModuleType) -> None:
    h = script.of_sources("CUB", "H")
    assert (h["devise"], h["sync"]) == (32.8, 19.8)  # not AWA2's numbers, which one table has under CUB
    assert not {"psr", "f-clswgan", "dsen-features"} & set(h)  # from memory, synthesising, on images


@pytest.mark.slow
def test_the_page_says_what_the_records_say(script: ModuleType) -> None:
    rows = script.own_rows(ROOT / "leaderboards" / "records" / "leaderboard.txt", "CUB")
    rho = {(each.said_by, each.printed, each.here): each for each in script.orders(rows, "CUB")}
    calibrated, stops, t1 = (rho[script.SAID_BY[1], *compared] for compared in script.COMPARED[:3])
    page = " ".join((ROOT / "leaderboards" / "reported.md").read_text(encoding="utf-8").split())
    assert len(stops.pairs) == 9
    assert f"rank correlation with H as it stops here is {stops.rho:.2f}" in page
    assert f"with H calibrated {calibrated.rho:.2f}" in page
    assert f"of T1 it is {t1.rho:.2f}" in page
