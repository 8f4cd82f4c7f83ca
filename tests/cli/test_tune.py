"""``gzslbench tune`` on the command line, and ``run --tuned`` after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from gzslbench.records.store import Store
from gzslbench.runner import study

pytest.importorskip("optuna", reason="needs optuna: pip install 'gzslbench[tune]'")

RISKY = """
import os, time
from dataclasses import dataclass
import torch
from gzslbench.contract import Classifier, Info, Method, hookimpl


@dataclass(frozen=True)
class Config:
    ridge: float = 1.0
    mood: str = "calm"

    def __post_init__(self):
        if self.mood == "refused":
            raise ValueError("mood must be another one")


class Risky(Classifier):
    info = Info("risky", draws=False)
    Config = Config

    def fit(self, view, ctx):
        if self.config.mood == "crashing":
            os.kill(os.getpid(), 9)
        if self.config.mood == "hanging":
            time.sleep(600)
        if self.config.mood == "diverging":
            raise FloatingPointError("loss is nan")
        x = view.features
        self.map = torch.linalg.solve(
            x.T @ x + self.config.ridge * torch.eye(x.shape[1]), x.T @ view.semantics[view.labels]
        )

    def scores(self, features, classes):
        return -torch.cdist(features @ self.map, classes.semantics)


@hookimpl
def gzslbench_classifiers():
    return [Risky]


@hookimpl
def gzslbench_methods():
    return [
        Method("risky", classifier="risky", recipes="recipes.toml"),
        Method("calm", classifier="risky", recipes="recipes.toml", settings={"risky.mood": "calm"}),
    ]
"""
SPACE = """
[default.risky]
ridge = {{ value = 50.0, origin = "ours" }}
[space.risky]
ridge = {{ low = 0.01, high = 10.0, log = true, origin = "ours" }}
{more}
"""


@pytest.fixture
def risky(tmp_path):
    """A plugin file whose method can be tuned into the given moods, beside a ridge."""

    def write(*moods: str) -> Path:
        path = tmp_path / "plugin" / "risky.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(RISKY)
        choices = f"mood = {{ choices = {json.dumps(['calm', *moods])}, origin = 'ours' }}" if moods else ""
        path.with_name("recipes.toml").write_text(SPACE.format(more=choices))
        return path

    return write


@pytest.fixture
def trials(tmp_path):
    def read(method: str, results: str = "results") -> list[dict]:
        (path,) = (tmp_path / results / "tuning" / "TINY" / method).glob("trials-*.jsonl")
        return [json.loads(line) for line in path.read_text().splitlines()]

    return read


def test_a_method_of_a_plugin_file_is_tuned_alone(gzslbench, risky, trials):
    bounds = ("-d", "TINY", "--trials", "1", "--seeds", "0")
    ended = gzslbench("tune", "calm", "--plugin", risky(), *bounds)
    assert ended.code == 0, ended.err
    assert [line.partition(":")[0] for line in ended.out.splitlines()] == ["calm on TINY"]
    assert len(trials("calm")) == 1
    assert "nothing to tune was named; give a METHOD" in gzslbench("tune", *bounds).err


@pytest.mark.slow
def test_methods_get_the_same_trials_and_run_takes_what_was_best(gzslbench, risky, trials, tmp_path):
    ended = gzslbench("tune", risky(), "sae", "nearest-prototype", "-d", "TINY", "--trials", "4")
    assert ended.code == 0, ended.err
    assert "nothing to tune, since no [space] is declared: none+none+nearest-prototype" in ended.err
    lines = [line for line in ended.out.splitlines() if line.startswith(("risky on TINY: trial", "sae on TINY: trial"))]
    assert len(lines) == 8
    assert "trial 1 of 4: " in lines[0]
    assert lines[0].endswith(": the recipe")
    assert ", best 1.0000 (trial " in lines[-1]
    assert len(trials("risky")) == len(trials("sae")) == len(trials("calm")) == 4
    assert trials("risky")[0]["point"] == {"risky.ridge": 50.0}  # which the range has been widened to hold
    assert not (tmp_path / "results" / "records").exists()

    best = max(trials("risky"), key=lambda trial: trial["score"])
    text = (tmp_path / "results/tuning/TINY/risky/tuned.toml").read_text()
    assert "# risky on TINY: 4 trials in " in text
    assert "# calibrated H on validation classes; inductive, seeds 0, 1, budget quick, cpu." in text
    assert "#   risky.ridge: 0.01 to 50, logarithmic (ours)" in text
    found = tomllib.loads(text)["risky"]["TINY"]
    assert found["values"]["risky"]["ridge"]["value"] == best["point"]["risky.ridge"]
    own, reached = trials("risky")[0]["score"], best["score"]
    assert best["score"] > own
    why = f"best of 4 trials on validation classes, calibrated H {reached:.3f} against {own:.3f} of the recipe"
    assert found["values"]["risky"]["ridge"]["why"] == why

    run = ("run", "-p", tmp_path / "plugin/risky.py", "-p", "eszsl", "-d", "TINY", "--seeds", "0", "--no-track")
    ended = gzslbench(*run, "--tuned", "--protocol", "inductive")
    assert ended.code == 0, ended.err
    assert "not tuned, run with their recipe: eszsl on TINY" in ended.err
    records = {record.method: record for record in Store(tmp_path / "results").records()}
    assert records["risky"].budget.startswith("tuned-")
    assert records["risky"].deviations == {}
    assert records["risky"].key.classifier.config["ridge"] == best["point"]["risky.ridge"]
    assert records["eszsl"].budget == "full"
    assert "tuned" in gzslbench("leaderboard").out


@pytest.mark.slow
def test_trials_that_go_wrong_cost_themselves(gzslbench, risky, trials, tmp_path):
    file = risky("crashing", "hanging", "diverging", "refused")
    ended = gzslbench("tune", file, "-d", "TINY", "--trials", "14", "--timeout", "3s", "--seeds", "0", "--json")
    assert ended.code == 0, ended.err
    events = [json.loads(line) for line in ended.out.splitlines()]
    assert len(events) == 28
    assert events[0].items() >= {"event": "trial", "method": "risky", "data_set": "TINY", "number": 1}.items()
    by_mood = {}
    for trial in trials("risky"):
        by_mood.setdefault(trial["point"]["risky.mood"], []).append(trial)
    assert all(trial["score"] is not None and not trial["failure"] for trial in by_mood.pop("calm"))
    words = {
        "crashing": "signal 9",
        "hanging": "3 s",
        "diverging": "loss is nan",
        "refused": "mood must be another one",
    }
    assert by_mood.keys() >= {"crashing", "diverging"}
    for mood, failed in by_mood.items():
        assert all(trial["score"] is None and words[mood] in trial["failure"] for trial in failed), mood
    text = (tmp_path / "results/tuning/TINY/risky/tuned.toml").read_text()
    assert "# risky on TINY: 14 trials in " in text
    assert f" s, {sum(map(len, by_mood.values()))} failed." in text
    assert all(trial["point"].keys() == {"risky.ridge"} for trial in trials("calm"))  # it has chosen its mood


def test_a_method_of_which_all_trials_fail_is_1(gzslbench, risky, tmp_path):
    file = risky()
    ended = gzslbench("tune", file, "-d", "TINY", "--trials", "2", "--set", "risky.mood=diverging", "--seeds", "0")
    assert ended.code == 1
    assert "risky on TINY: all trials failed, such as by fit classifier: " in ended.err
    assert "loss is nan" in ended.err
    assert not list(tmp_path.glob("results/tuning/TINY/*/tuned.toml"))


def test_no_trial_begins_after_the_time_and_that_of_earlier_runs_counts(gzslbench, trials, tmp_path):
    tune = ("tune", "sae", "-d", "TINY", "--seeds", "0")
    assert gzslbench(*tune, "--trials", "2").code == 0
    (path,) = (tmp_path / "results/tuning/TINY/sae").glob("trials-*.jsonl")
    path.write_text(path.read_text().replace('"took_s":', '"took_s":1'))
    spent = sum(trial["took_s"] for trial in trials("sae"))
    assert spent > 20
    ended = gzslbench(*tune, "--trials", "9", "--time", "20s")
    assert (ended.code, ended.out, len(trials("sae"))) == (0, "", 2)
    ended = gzslbench(*tune, "--trials", "9", "--time", f"{spent + 0.001:.3f}s")
    assert len(trials("sae")) == 3


def test_a_change_of_terms_is_another_study(gzslbench, tmp_path):
    tune = ("tune", "sae", "-d", "TINY", "--trials", "1")
    for more in (
        (),
        ("--seeds", "0"),
        ("--objective", "ausuc"),
        ("--set", "sae.lam=1"),
        ("--protocol", "strict"),
    ):
        assert gzslbench(*tune, *more).code == 0
    assert len([*tmp_path.glob("results/tuning/TINY/sae/trials-*.jsonl")]) == 5


def test_without_optuna_one_sentence_says_how_to_install_it(gzslbench, monkeypatch):
    monkeypatch.setattr(study, "find_spec", lambda _: None)
    ended = gzslbench("tune", "sae", "-d", "TINY")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "error: tuning takes Optuna, which is not installed; pip install 'gzslbench[tune]'\n"


WRONG = {
    "nothing": ([], "METHOD"),
    "an unknown method": (["eszl"], "did you mean 'eszsl'"),
    "no trials": (["sae", "--trials", "0"], "0 is not in the range"),
    "a time that is none": (["sae", "--time", "soon"], "write 90s, 15m or 2h"),
    "a protocol that chooses itself": (["sae", "--protocol", "validated"], "'validated' is not one of"),
    "a range that can't hold what is set": (["sae", "--set", "sae.lam=-1"], "sae.lam: Input should be greater than 0"),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_usage_is_2_and_says_what_to_do(gzslbench, arguments, words):
    ended = gzslbench("tune", *arguments, "-d", "TINY")
    assert ended.code == 2
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_tuned_settings_are_of_the_first_split_alone(gzslbench):
    for more in (("--protocol", "splits"), ("--split", "official")):
        ended = gzslbench("run", "-p", "sae", "-d", "TINY", "--tuned", *more)
        assert ended.code == 2
        assert "--tuned settings were chosen on training classes of each data set's first split" in ended.err


def _tune(tmp_path, results):
    command = [sys.executable, "-m", "gzslbench", "tune", "sae", "-d", "TINY", "--trials", "6", "--seeds", "0"]
    environment = {**os.environ, "GZSLBENCH_RESULTS": str(tmp_path / results)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.mark.slow
def test_a_killed_study_goes_on_as_it_would_have(gzslbench, trials, tmp_path):
    assert (
        gzslbench("tune", "sae", "-d", "TINY", "--trials", "6", "--seeds", "0", "--results", tmp_path / "whole").code
        == 0
    )
    with _tune(tmp_path, "killed") as process:
        process.stdout.readline()
        process.stdout.readline()
        time.sleep(0.1)
        process.kill()
    assert process.returncode == -9
    left = len(trials("sae", "killed"))
    assert 2 <= left < 6
    with _tune(tmp_path, "killed") as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert len(out.splitlines()) == 6 - left
    asked = [{key: trial[key] for key in ("point", "score")} for trial in trials("sae", "killed")]
    assert asked == [{key: trial[key] for key in ("point", "score")} for trial in trials("sae", "whole")]
