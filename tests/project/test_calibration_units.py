"""The script that compares units of the constant: its units against scores that were rescaled, and a run on glyphs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from gzslbench.records.metrics import seen_unseen_curve

SCRIPT = Path(__file__).parents[2] / "scripts" / "calibration_units.py"
ONE_SAMPLE = 1.0
"""About what the side of one sample more is worth, in points of H: shares are no finer."""
SEEN, UNSEEN = np.arange(4), np.arange(4, 7)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("calibration_units", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["calibration_units"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fit(script: ModuleType, factor: float = 1.0, favour: float = 0.0) -> Any:
    """Make up scores that know the class a little, multiply them and favour seen classes, always from one seed."""
    rng = np.random.default_rng(0)
    test, train = rng.integers(7, size=400), rng.integers(4, size=400)
    noise = rng.normal(size=(2, 400, 7)) + 1.5 * (np.arange(7) < 4)  # classifiers prefer the classes they know
    test_scores, train_scores = (factor * (x + 2 * np.eye(7)[y]) for x, y in zip(noise, (test, train), strict=True))
    for scores in (test_scores, train_scores):
        scores[:, :4] += favour
    margins, train_margins = (x[:, :4].max(axis=1) - x[:, 4:].max(axis=1) for x in (test_scores, train_scores))
    best_seen, best_unseen = test_scores[:, :4].argmax(axis=1), 4 + test_scores[:, 4:].argmax(axis=1)
    curve = seen_unseen_curve(test, best_seen, best_unseen, margins, SEEN, UNSEEN)
    return script.Fit(curve, margins, test < 4, train_margins, train_scores, train, 4)


def test_the_best_constant_lies_strictly_where_h_is_best(script) -> None:
    made = fit(script)
    gamma = made.best_gamma()
    assert made.h_at(gamma) == made.h.max() > made.h_at(0.0)
    assert gamma not in made.curve.offsets


def test_units_but_raw_ones_follow_scores_that_are_multiplied(script) -> None:
    regrets = dict(zip(script.UNITS, script.regrets(fit(script), fit(script, factor=9.0)), strict=True))
    lost = {unit for unit, regret in regrets.items() if regret > ONE_SAMPLE}
    assert lost == {"no constant", "raw", "raw from mean"}


def test_only_units_from_the_mean_and_shares_follow_scores_that_are_shifted(script) -> None:
    regrets = dict(zip(script.UNITS, script.regrets(fit(script), fit(script, favour=5.0)), strict=True))
    kept = {unit for unit, regret in regrets.items() if regret <= ONE_SAMPLE}
    assert kept == {unit for unit in script.UNITS if "from mean" in unit or "share" in unit}


def test_the_temperature_is_that_of_the_best_likelihood(script) -> None:
    one, nine = script.temperature(fit(script)), script.temperature(fit(script, factor=9.0))
    assert nine == pytest.approx(9 * one, rel=1e-3)


def test_a_method_without_training_steps_is_compared_in_seconds(script, tmp_path, capsys) -> None:
    script.main(["--method", "eszsl", "--dataset", "glyphs", "--seeds", "0", "--cache", str(tmp_path)])
    head, _, row, *_ = (line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines())
    assert row[:2] == ["glyphs", "eszsl"]
    assert all(0 <= float(regret) < 30 for regret in row[3:])
    assert len(row) == len(head)
