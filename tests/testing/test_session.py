"""Plugins that hang, crash or print, each in a process of its own."""

from __future__ import annotations

import pytest

from gzslbench.errors import PluginError
from gzslbench.testing.checks import Subject
from gzslbench.testing.session import check_subjects, find_subjects

BEGIN_NEAR = "        self.seen = view.features"
LIMIT_S = 4.0


def _checked(path, kind, timeout_s=60.0):
    ((source, subjects),) = find_subjects(str(path))
    return list(check_subjects(source, [each for each in subjects if each.kind == kind], {}, timeout_s))


def test_a_healthy_component_that_prints_leaves_our_output_alone(plugin, capfd):
    outcomes = _checked(plugin((BEGIN_NEAR, "        print('noise')\n" + BEGIN_NEAR)), "gate")
    assert {outcome.status for outcome in outcomes} == {"ok"}
    assert "noise" not in capfd.readouterr().out


def test_a_crash_is_a_failed_line_and_the_rest_is_skipped(plugin):
    first, *rest = _checked(plugin((BEGIN_NEAR, "        import os\n        os._exit(17)\n" + BEGIN_NEAR)), "gate")
    assert (first.check, first.status) == ("cpu-only", "FAILED")
    assert first.detail == "the worker ended by itself with exit code 17 in 'cpu-only' of gate near"
    assert {outcome.status for outcome in rest} == {"skipped"}
    assert len(rest) == 10


def test_a_plugin_that_hangs_is_ended_and_told_how_to_be_quick(plugin):
    hangs = plugin((BEGIN_NEAR, "        import time\n        time.sleep(600)\n" + BEGIN_NEAR))
    first, *_ = _checked(hangs, "gate", LIMIT_S)
    assert (first.check, first.status) == ("cpu-only", "FAILED")
    assert first.detail.startswith("it took longer than 4 s; count training steps by ctx.steps")


SENDS = """        import gc, pickle, os
        from gzslbench.processes.wire import Teller
        class Bomb:
            def __reduce__(self):
                return os.mkdir, ("{folder}",)
        (teller,) = [each for each in gc.get_objects() if isinstance(each, Teller)]
        {said}
"""


@pytest.mark.parametrize(
    "said",
    [
        "teller._line.sendall(pickle.dumps(Bomb()))",
        "teller.tell(['no-such-check', 'ok', ''])",
        "teller.tell([['cpu-only'], 'ok', ''])",
        "teller.tell(['cpu-only', 'fine', 3])",
    ],
)
def test_what_a_component_says_in_place_of_outcomes_runs_nothing_and_fails_its_check(plugin, tmp_path, said):
    folder = tmp_path / "made"
    code = SENDS.format(folder=folder, said=said)
    first, *rest = _checked(plugin((BEGIN_NEAR, code + BEGIN_NEAR)), "gate")
    assert (first.check, first.status) == ("cpu-only", "FAILED")
    assert "something else than" in first.detail
    assert {outcome.status for outcome in rest} == {"skipped"}
    assert not folder.exists()


def test_a_component_of_a_plugin_that_can_not_be_loaded_is_skipped_for_that(plugin):
    first, *rest = _checked(plugin(("import numpy as np", "import numpy_of_old as np")), "gate")
    assert first.status == "FAILED"
    assert "No module named 'numpy_of_old'" in first.detail
    assert {(outcome.status, outcome.detail) for outcome in rest} == {("skipped", "it can't be loaded")}


def test_names_stand_for_plugins_methods_and_components():
    ((source, subjects),) = find_subjects("eszsl")
    assert source.name == "eszsl"
    assert subjects == [Subject("plugin", "eszsl"), Subject("classifier", "eszsl"), Subject("method", "eszsl")]
    ((source, subjects),) = find_subjects("gsmflow-without-mining")
    assert [str(each) for each in subjects] == ["plugin gsmflow", "method gsmflow-without-mining", "generator gsmflow"]
    with pytest.raises(PluginError, match="did you mean 'eszsl'"):
        find_subjects("ezsl")
