"""``gzslbench run`` on the command line, in this process: exit codes, what is said, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import scipy.io
from click.testing import CliRunner

from gzslbench.cli.run import run
from gzslbench.records.untrusted.arrays import ARRAYS
from gzslbench.runner import session


@pytest.fixture
def toy(toy_plugin: Path) -> tuple[str, ...]:
    return "-p", str(toy_plugin), "-d", "TINY", "--no-track"


def test_success_is_0_and_failure_is_1(gzslbench, toy_plugin, tmp_path):
    failing = tmp_path / "failing.py"
    failing.write_text(
        toy_plugin.read_text()
        .replace('"toy-', '"bad-')
        .replace('"toy"', '"bad"')
        .replace("def fit(self, view, ctx):", "def fit(self, view, ctx):\n        raise ValueError('no')")
    )
    asked = ("run", "-d", "TINY", "--no-track", "--seeds", "0", "--protocol", "inductive")
    good = gzslbench(*asked, "-p", toy_plugin)
    assert good.code == 0, good.err
    assert "5 done, 0 there already, 0 failed" in good.out
    bad = gzslbench(*asked, "-p", toy_plugin, "-p", failing, "--json")
    assert bad.code == 1
    events = [json.loads(line) for line in bad.out.splitlines()]
    assert events[0] == {"event": "started", "cells": 5, "groups": 2, "cached": 5}
    assert {event["kind"] for event in events[1:-1]} == {"error"}
    assert all("failing.py, line" in event["reason"] for event in events[1:-1])
    counts = {"done": 0, "cached": 5, "failed": 5, "saved_fits": 0, "saved_s": 0.0}
    assert events[-1] == {"event": "ended", "interrupted": False, "dropped": []} | counts


def test_what_all_scores_take_is_said_or_refused(gzslbench, toy, monkeypatch):
    asked = ("run", *toy, "--seeds", "0", "--keep-scores", "--dry-run")
    assert "scores: 0.0 MiB a cell of TINY, 51 test samples by 8 classes" in gzslbench(*asked).err
    limits = replace(ARRAYS, archive_bytes=4 * 51 * 8 - 1)
    monkeypatch.setattr("gzslbench.runner.request.ARRAYS", limits)
    refused = gzslbench(*asked)
    assert refused.code == 2
    assert "--keep-scores would take 0.0 MiB a cell of TINY" in refused.err


WRONG = {
    "an option of Ray's without Ray": (["-p", "toy", "--address", "here:6379"], "add --executor ray"),
    "an unknown method": (["-p", "toy-gatd"], "did you mean 'toy-gated'"),
    "an unknown data set": (["-p", "toy", "-d", "TINI"], "TINY"),
    "an unknown component": (["-c", "toy-liner"], "did you mean 'toy-linear'"),
    "an unknown setting": (["-p", "toy", "--set", "toy-linear.gama=1"], "did you mean 'gamma'"),
    "a value out of type": (["-p", "toy", "--set", "toy-linear.gamma=x"], "toy-linear.gamma"),
    "a setting without a value": (["-p", "toy", "--set", "toy-linear.gamma"], "COMPONENT.SETTING=VALUE"),
    "a setting without a component": (["-p", "toy", "--set", "gamma=1"], "COMPONENT.SETTING"),
    "a component not in this run": (["-p", "toy", "--set", "eszsl.gamma=3"], "eszsl"),
    "an unknown protocol": (["-p", "toy", "--protocol", "lenient"], "lenient"),
    "an unknown split": (["-p", "toy", "--split", "offical"], "offical"),
    "an unknown budget": (["-p", "toy", "--budget", "qick"], "there is no budget 'qick'"),
    "seeds downwards": (["-p", "toy", "--seeds", "4-0"], "4-0"),
    "seeds that are none": (["-p", "toy", "--seeds", "a"], "write 0-4 or 0,2,7"),
    "negative seeds": (["-p", "toy", "--seeds", "-1"], "-1"),
    "a timeout that is none": (["-p", "toy", "--timeout", "soon"], "write 90s, 15m or 2h"),
    "a timeout of nothing": (["-p", "toy", "--timeout", "0"], "not a duration"),
    "more seeds than there is memory": (["-p", "toy", "--seeds", "0-300000000"], "more than 10,000 seeds"),
    "more seeds than that in parts": (["-p", "toy", "--seeds", "0-9999,10000"], "more than 10,000 seeds"),
    "a seed of many digits": (["-p", "toy", "--seeds", "9" * 5000], "is not a list of seeds"),
    "no seeds": (["-p", "toy", "--seeds", ""], "is not a list of seeds"),
    "more cells than there is memory": (
        ["-p", "toy", "--seeds", "0-9999", "--grid", f"toy-linear.gamma={','.join(map(str, range(1, 200)))}"],
        "more than 500,000 cells",
    ),
    "more points than there is memory": (
        ["-p", "toy", *(f"--grid=toy-linear.{name}={','.join(map(str, range(99)))}" for name in "abcdef")],
        "at most 10,000 are run",
    ),
    "a timeout for ever": (["-p", "toy", "--timeout", "9" * 9 + "d"], "is not a duration up to 365 days"),
    "a timeout of many digits": (["-p", "toy", "--timeout", "9" * 5000], "is not a duration"),
    "a timeout that is no number": (["-p", "toy", "--timeout", "nan"], "is not a duration"),
    "jobs without end": (["-p", "toy", "--jobs", "1" * 30], "is not in the range"),
    "a whole number of many digits": (["-p", "toy", "--set", "toy-bilinear.steps=" + "9" * 400], "64 bits"),
    "no number": (["-p", "toy", "--set", "toy-linear.gamma=nan"], "toy-linear"),
    "a number without end": (["-p", "toy", "--set", "toy-linear.gamma=1e999"], "toy-linear"),
    "no jobs": (["-p", "toy", "--jobs", "0"], "0 is not in the range"),
    "a device that is none": (["-p", "toy", "--device", "abacus"], "there is no device 'abacus'"),
    "a missing file": (["-p", "missing.py"], "there is no plugin file missing.py"),
    "nothing to run": ([], "nothing to run was named"),
    "what can't run": (["-c", "softmax"], "needs synthetic features"),
    "an unknown option": (["-p", "toy", "--sedes", "1"], "--seeds"),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_usage_is_2_and_says_what_to_do(gzslbench, toy_plugin, arguments, words, tmp_path):
    named = ["-d", "TINY"] if "-d" not in arguments else []
    plugin = ["-p", str(toy_plugin)] if any("toy" in word for word in arguments) else []
    ended = gzslbench("run", *plugin, *arguments, *named, "--no-track")
    assert ended.code == 2, ended.out
    assert words in ended.err
    assert "Traceback" not in ended.err
    assert not list(tmp_path.glob("results/records/*"))


@pytest.fixture
def spoilt(tiny_world, tmp_path) -> Path:
    """A folder with the data sets SPOILT and WORSE, which can't be read."""
    for data_set in ("SPOILT", "WORSE"):
        folder = tmp_path / "data" / data_set
        folder.mkdir(parents=True)
        for name in ("res101.mat", "att_splits.mat"):
            content = (tiny_world / "TINY" / name).read_bytes()
            (folder / name).write_bytes(content[: len(content) // 2] if name == "att_splits.mat" else content)
    return tmp_path / "data"


def test_unusable_data_is_3(gzslbench, toy_plugin, spoilt):
    ended = gzslbench("run", "-p", toy_plugin, "-d", "SPOILT", "--data-dir", spoilt, "--no-track")
    assert ended.code == 3
    assert "att_splits.mat" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("named", [["--all-datasets"], ["-d", "SPOILT", "-d", "TINY", "-d", "WORSE"]])
def test_unusable_data_sets_are_named_and_the_others_run(gzslbench, toy_plugin, tiny_world, spoilt, named):
    data = ("--data-dir", spoilt, "--data-dir", tiny_world)
    ended = gzslbench(
        "run", "-c", "toy-linear", "-p", toy_plugin, *named, *data, "--seeds", "0", "--no-track", "--json"
    )
    assert ended.code == 3
    for name in ("SPOILT", "WORSE"):
        assert len([line for line in ended.err.splitlines() if "left out" in line and name in line]) == 1
    events = [json.loads(line) for line in ended.out.splitlines()]
    assert [event["event"] for event in events[:2]] == ["left out", "left out"]
    assert "att_splits.mat" in events[0]["reason"]
    assert "TINY" in {event.get("data_set") for event in events}


def test_a_data_set_whose_name_can_not_be_printed_is_left_out(gzslbench, toy_plugin, tiny_world, tmp_path):
    folder = Path(shutil.copytree(tiny_world / "TINY", tmp_path / "data" / "two\nlines"))
    data = ("--data-dir", folder.parent, "--data-dir", tiny_world)
    ended = gzslbench("run", "-p", toy_plugin, "--all-datasets", *data, "--seeds", "0", "--dry-run")
    assert ended.code == 3
    assert "'two\\nlines' can't be printed" in ended.err
    assert "to run  TINY" in ended.out


def test_a_warning_that_is_of_every_split_is_printed_once(gzslbench, toy_plugin, tiny_world, tmp_path):
    folder = Path(shutil.copytree(tiny_world / "TINY", tmp_path / "data" / "ALIKE"))
    content = scipy.io.loadmat(folder / "att_splits.mat")
    content["att"][:, 1] = content["att"][:, 0]
    scipy.io.savemat(folder / "att_splits.mat", {key: content[key] for key in content if not key.startswith("__")})
    words = ("-d", "ALIKE", "--data-dir", folder.parent, "--protocol", "splits", "--seeds", "0", "--dry-run")
    ended = gzslbench("run", "-p", toy_plugin, *words)
    assert ended.code == 0
    assert ended.err.count("with the semantics of another class") == 1
    assert "random-1" in ended.out


def test_a_data_set_of_a_plugin_that_fails_to_load_costs_itself_alone(gzslbench, toy_plugin, tmp_path):
    plugin = tmp_path / "bad_data.py"
    plugin.write_text(
        "from gzslbench.contract import DataInfo, DataSource, hookimpl\n\n\n"
        "class Bad(DataSource):\n    info = DataInfo('bad-data')\n\n    def load(self):\n        return 1 / 0\n\n\n"
        "@hookimpl\ndef gzslbench_datasets():\n    return [Bad]\n"
    )
    words = ("-p", toy_plugin, "-p", plugin, "-d", "TINY", "-d", "bad-data", "--seeds", "0", "--no-track", "--dry-run")
    ended = gzslbench("run", *words)
    assert ended.code == 3
    assert "'bad-data'" in ended.err
    assert "ZeroDivisionError" in ended.err
    assert "to run  TINY" in ended.out


def test_a_broken_plugin_among_several_costs_itself_alone(gzslbench, toy_plugin, tmp_path):
    (tmp_path / "broken.py").write_text("import nosuchmodule\n")
    words = ("-p", tmp_path / "broken.py", "-p", toy_plugin, "-d", "TINY", "--seeds", "0", "--dry-run")
    ended = gzslbench("run", *words)
    assert ended.code == 2
    assert "nosuchmodule" in ended.err
    assert "to run  TINY" in ended.out
    alone = gzslbench("run", *words[:2], "-d", "TINY", "--dry-run")
    assert (alone.code, alone.out) == (2, "")
    assert gzslbench("run", "--all", *words).code == 2


def test_a_split_that_one_of_several_data_sets_lacks(gzslbench, toy_plugin, tiny_world, tmp_path):
    folder = Path(shutil.copytree(tiny_world / "TINY", tmp_path / "data" / "OTHER"))
    (folder / "att_splits.mat").rename(folder / "att_splits_v2.mat")
    words = ("--data-dir", tiny_world, "--data-dir", folder.parent, "-d", "TINY", "-d", "OTHER", "--split", "v2")
    ended = gzslbench("run", "-p", toy_plugin, *words, "--dry-run")
    assert ended.code == 2
    assert "'TINY' has no split 'v2'" in ended.err
    assert "to run  OTHER" in ended.out


def test_a_plan_for_other_schedulers_names_groups_that_can_be_run_one_by_one(gzslbench, toy, tmp_path):
    words = ("run", *toy, "--seeds", "0-1", "--protocol", "inductive")
    plan = tmp_path / "plan.json"

    def written():
        ended = gzslbench(*words, "--plan", plan)
        assert ended.code == 0, ended.err
        return json.loads(plan.read_text())["groups"]

    groups = written()
    assert {group["expected_s"] for group in groups} == {None}
    assert sorted(len(group["cells"]) for group in groups) == [2, 2, 3, 3]
    chosen = next(group for group in groups if "seed 0" in group["cells"][0] and len(group["cells"]) == 2)
    ended = gzslbench(*words, "--group", chosen["group"])
    assert ended.code == 0, ended.err
    assert [line for line in ended.out.splitlines() if line.startswith("done")] == [
        line for cell in chosen["cells"] for line in ended.out.splitlines() if line.startswith(f"done    {cell}:")
    ]
    assert "2 done, 0 there already, 0 failed" in ended.out
    left = written()
    assert [group["group"] for group in left] == [group["group"] for group in groups if group != chosen]
    of_seed_1 = next(group for group in left if len(group["cells"]) == 2)
    assert of_seed_1["expected_s"] > 0
    unknown = gzslbench(*words, "--group", "nonsense")
    assert unknown.code == 2
    assert "error: the plan has no group 'nonsense'; write it anew with --plan" in unknown.err


def test_a_dry_run_lists_what_can_be_run_and_why_the_rest_can_not(gzslbench, toy, tmp_path):
    words = ("--all", "--dry-run", "--protocol", "strict", "--seeds", "0")
    untold = gzslbench("run", *toy, *words).out
    assert "no      " not in untold
    ended = gzslbench("run", *toy, *words, "--explain")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert any(line.startswith("to run") and "toy-two-roles strict seed 0" in line for line in lines)
    assert "no      toy-generative under 'strict'" in ended.out
    assert "there is no generator" in ended.out
    can, can_not = (len([line for line in lines if line.startswith(word)]) for word in ("to run", "no  "))
    assert f"{can} cells" in lines[-1]
    assert lines[-1].endswith(f"; {can_not:,} combinations left out")
    assert untold.strip().endswith(f"; {can_not:,} combinations left out, --explain says why")
    assert not (tmp_path / "results" / "records").exists()
    as_json = gzslbench("run", *toy, "--all", "--dry-run", "--protocol", "strict", "--seeds", "0", "--json")
    values = [json.loads(line) for line in as_json.out.splitlines()]
    assert len(values) == can + can_not
    assert all(value["reason"] for value in values if "combination" in value)


def test_a_dry_run_has_a_line_for_all_seeds_and_tells_the_time(gzslbench, toy):
    run = ("run", *toy, "--protocol", "inductive", "--seeds")
    unknown = gzslbench(*run, "0-4", "--dry-run")
    assert "to run  TINY toy-trained inductive seeds 0-4\n" in unknown.out
    assert "time: unknown, since no record of this machine class is like these cells\n" in unknown.out
    assert gzslbench(*run, "1").code == 0
    known = gzslbench(*run, "0-4", "--dry-run")
    assert "there   TINY toy-trained inductive seed 1\n" in known.out
    assert "to run  TINY toy-trained inductive seeds 0,2-4\n" in known.out
    assert re.search(
        r"^time: about 0:\d\d:\d\d, by records of this machine class \(cpu: .+\)$", known.out, re.MULTILINE
    )


def test_with_a_grid_each_line_says_its_value_that_of_the_recipe_too(gzslbench):
    listed = json.loads(gzslbench("list", "eszsl", "-d", "TINY", "--json").out)
    (own,) = [each["value"] for each in listed if each["setting"] == "eszsl.gamma"]
    grid = ("--grid", f"eszsl.gamma={own},7.25", "--protocol", "inductive", "-d", "TINY", "--no-track")
    for words in (("--dry-run",), ()):
        told = gzslbench("run", "-p", "eszsl", *grid, *words)
        assert told.code == 0, told.err
        assert f" TINY eszsl [gamma={own:g}] inductive seed 0" in told.out
        assert " TINY eszsl (gamma=7.25) inductive seed 0" in told.out


def test_missing_data_sets_are_named_with_how_to_get_them(gzslbench, toy_plugin):
    ended = gzslbench("run", "-p", toy_plugin, "--all-datasets", "--dry-run", "--seeds", "0")
    assert ended.code == 0
    for name in ("CUB", "SUN", "AWA2"):
        (line,) = [line for line in ended.err.splitlines() if line.startswith(f"left out: {name} ")]
        assert "gzslbench data" in line or "http" in line
    assert "TINY toy inductive seed 0" in ended.out


def test_left_out_combinations_are_named_when_others_run(gzslbench, toy_plugin):
    ended = gzslbench(
        "run", "-p", toy_plugin, "-d", "TINY", "--no-track", "--protocol", "strict", "--seeds", "0", "--dry-run"
    )
    assert "no      toy-generative under 'strict'" in ended.out


@pytest.mark.parametrize(("text", "seeds"), [("0-2", 3), ("0,2,7", 3), ("1,1,1", 1), ("0-1, 5", 3)])
def test_seeds_are_written_in_several_ways(gzslbench, toy, text, seeds):
    ended = gzslbench("run", *toy, "-p", "toy", "--seeds", text, "--dry-run", "--json")
    assert ended.code == 0
    titles = [json.loads(line)["cell"] for line in ended.out.splitlines()]
    assert len([title for title in titles if title.startswith("TINY toy inductive seed")]) == seeds


def test_without_a_protocol_cells_are_run_as_they_stop_and_calibrated(gzslbench):
    done = gzslbench("run", "-p", "sae", "-d", "TINY", "--seeds", "0-1", "--no-track")
    assert done.code == 0
    assert sorted(re.findall(r"TINY sae (\S+) seed (\d):", done.out)) == [
        ("inductive", "0"),  # nothing is drawn, so one seed stands for all
        ("inductive-calibrated", "0"),  # a fifth of each class is drawn to validate on
        ("inductive-calibrated", "1"),
    ]
    (said,) = [line for line in done.err.splitlines() if line.startswith("protocols: ")]
    assert "--protocol inductive alone saves that fit" in said
    again = gzslbench("run", "-p", "sae", "-d", "TINY", "--seeds", "0-1", "--no-track", "--protocol", "inductive")
    assert "0 done, 1 there already" in again.out
    assert "protocols: " not in again.err


def test_options_become_a_request(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(session, "run_session", lambda request: asked.append(request) or 1)
    line = "-p gsmflow -p eszsl -d CUB --protocol strict --seeds 0-1 --timeout 2m --set eszsl.gamma=1 --json"
    result = CliRunner().invoke(run, [*line.split(), "--results", str(tmp_path)])
    assert result.exit_code == 1, result.output
    (request,) = asked
    assert (request.plugins, request.data_sets, request.protocols) == (("gsmflow", "eszsl"), ("CUB",), ("strict",))
    assert (request.seeds, request.timeout, request.assignments) == ((0, 1), 120.0, ("eszsl.gamma=1",))
    assert (request.results, request.as_json, request.jobs) == (tmp_path, True, None)
