"""Components that reach for what is not theirs: the pipe, the results, the process. Each costs itself and no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gzslbench.data.folders import BUNDLED
from gzslbench.processes.shield import landlock_version
from gzslbench.records.store import Store
from gzslbench.runner import session
from gzslbench.runner.request import Request
from gzslbench.runner.session import run_session

HEADER = """
import ctypes, gc, json, os, pickle, struct, sys, threading, time
import numpy as np
from gzslbench.contract import Classifier, Info, Method, hookimpl
from gzslbench.runner.messages import *
from gzslbench.runner.messages import written
from gzslbench.runner.failures import Cause

def teller():
    return next(each for each in gc.get_objects() if type(each).__name__ == "Teller")

def send(header, payload=b""):
    teller()._line.sendall(struct.pack(">QQ", len(header), len(payload)) + header + payload)

def say(*messages):
    for message in messages:
        teller().tell(*written(message))

class Running:
    def __reduce__(self):
        return os._exit, (7,)

@hookimpl
def gzslbench_classifiers():
    return [each for each in globals().values() if isinstance(each, type) and "info" in vars(each)]
"""
CLASS = """
class C{number}(Classifier):
    info = Info("evil-{number}")
    def fit(self, view, ctx):
        {body}
    def scores(self, features, classes):
        return features.new_ones(len(features), len(classes))
"""
RunEvil = Callable[..., dict[str, str]]


@pytest.fixture
def run_evil(tiny_world: Path, tiny_cache: Path, toy_plugin: Path, tmp_path: Path) -> RunEvil:
    """Run classifiers with these bodies of ``fit`` between sound ones; gives the reasons of failures by body."""

    def run(*bodies: str, **options: object) -> dict[str, str]:
        evil = tmp_path / "evil.py"
        classes = [CLASS.format(number=number, body=body) for number, body in enumerate((*bodies, "pass"))]
        evil.write_text(HEADER + "".join(classes))
        request = Request(
            results=tmp_path / "results",
            cache=tiny_cache,
            data_dirs=(tiny_world,),
            data_sets=("TINY",),
            classifiers=("toy-bilinear", *(f"evil-{number}" for number in range(len(classes))), "toy-linear"),
            **{"seeds": (0,), "jobs": 1, "device": "cpu", "no_track": True, **options},  # type: ignore[arg-type]
        )
        with pytest.MonkeyPatch.context() as patch:
            load = session.open_plugins
            patch.setattr(session, "open_plugins", lambda _, timeout_s: load([toy_plugin, evil]))
            run_session(request)
        store = Store(request.results)
        done = {record.key.classifier.name for record in store.records() if not isinstance(record, Exception)}
        assert {"toy-bilinear", "toy-linear", f"evil-{len(bodies)}"} <= done
        reasons = {failure.key.classifier.name: failure.reason for failure in store.failures()}
        return {body: reasons.get(f"evil-{number}", "") for number, body in enumerate(bodies)}

    return run


def check(run_evil: RunEvil, expected: Mapping[str, str], **options: object) -> None:
    told = run_evil(*expected, **options)
    wrong = {
        body: told[body]
        for body, words in expected.items()
        if words not in told[body] or bool(told[body]) != bool(words)
    }
    assert not wrong


NO_FRAME, NO_RESULT = "something else than messages", "something else than results"


def test_nothing_that_a_worker_says_costs_more_than_its_cell(
    run_evil: RunEvil, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = {
        "send(pickle.dumps(Running()))": NO_FRAME,
        "teller()._line.sendall(pickle.dumps(Running()))": NO_FRAME,
        "teller()._line.sendall(b'x' * (1 << 24))": NO_FRAME,
        "send(b'[' * 10000)": NO_FRAME,
        "send(json.dumps([['Begun', {'cell': 99, 'phase': 'fit'}], []]).encode())": "say 'Begun' where that means",
        "say(Begun(10**400, 'fit'))": "say 'Begun' where that means nothing",
        "say(CellFailed(-7, 'fit', Cause('error', 'x')))": "say 'CellFailed' where that means nothing",
        "say(CellFailed(0, 'fit', Cause('error', 'x')))": "say 'CellFailed' where that means nothing",
        "say(Environment('', '', '', 1, '', {}))": "say 'Environment' where that means nothing",
        "teller().tell(['_Asked', {'cell': 0}])": NO_RESULT,
        "say(Progressed('fit', 1, 2)) if all(say(Progressed('x', i, 1)) is None for i in range(20000)) else 0": "",
        "say(Ended())": "ended without a result",
    }
    check(run_evil, expected)
    assert "\x1b" not in capsys.readouterr().out


def test_a_worker_stuck_in_a_message_is_ended_by_the_timeout(run_evil: RunEvil) -> None:
    check(run_evil, {"teller()._line.sendall(bytes(8)); time.sleep(600)": "ran longer than 5 s"}, timeout=5.0)


def test_what_no_record_can_hold_costs_the_cell_that_logged_it(run_evil: RunEvil) -> None:
    expected = {
        "ctx.notes['x'] = np.float32(0.5)": "",
        "ctx.note(x=np.float32('nan'))": "'evil-1' noted 'x' = np.float32(nan)",
        "ctx.notes['x'] = 10**5000": "'evil-2' noted 'x' = ",
        "ctx.notes['x'] = '\\ud800'": "'evil-3' noted 'x' = ",
        "ctx.notes['x'] = b'x'": "'evil-4' noted 'x' = ",
        "l = []; l.append(l); ctx.notes['x'] = l": "'evil-5' noted 'x' = ",
        "ctx.note(x=[1] * 10**6)": "the notes of 'evil-6' take more than 256 KiB",
        "ctx.note(x='x' * 10**8)": "the notes of 'evil-7' take more than 256 KiB",
        "ctx.notes = None": "AttributeError",
        "ctx.log(x=float('nan'))": "'evil-9' diverged: its x was nan",
        "ctx.log(x=10**400)": "OverflowError",
        "ctx.curves['x'] = [(None, 1.0)]": "'evil-11' logged x at steps that are no whole numbers",
        "ctx.curves['x'] = [(1, 'x')]": "TypeError",
        "ctx.log(**{'\\ud800': 1.0})": "'evil-13' logged under 1 names, or under odd ones",
        "ctx.log(**{f'x{i}': 1.0 for i in range(1000)})": "'evil-14' logged under 1000 names, or under odd ones",
        "ctx.samples['x'] = np.array([None])": "'evil-15' kept something else than a few samples",
        "ctx.samples['\\x1b'] = np.zeros(2)": "'evil-16' kept under 1 names, or under odd ones",
        "ctx.samples['x'] = np.zeros(10**8)": "'evil-17' kept something else than a few samples",
        "ctx.note(**{'x' * 100: 1})": "'evil-18' noted under 1 names, or under odd ones",
        "ctx.note(**{'\\x1b': 1})": "'evil-19' noted under 1 names, or under odd ones",
        "ctx.note(**{'x' * 99: 1})": "",
        "raise type('E', (Exception,), {'__str__': lambda s: 1 / 0})()": "an error that can't be shown",
        "raise ValueError('\\x1b[2J\\ud800' * 10**6)": "ValueError: [2J?",
    }
    check(run_evil, expected, keep_samples=True)


def test_limits_strike_the_cell_that_takes_too_much(run_evil: RunEvil) -> None:
    expected = {
        "x = bytearray(1 << 31); x[::4096] = b'x' * len(x[::4096]); time.sleep(60)": (
            "'fit classifier' of 'evil-0' took more than 1.0 GiB of memory; use fewer --jobs, or raise --limit memory"
        ),
        "[os.fork() or time.sleep(600) for _ in range(300)]; time.sleep(600)": (
            "'fit classifier' of 'evil-1' took more than 50 processes and threads; raise --limit processes=NUMBER"
        ),
        "[print('x' * (1 << 20)) for _ in range(100)]": "",
        "open('/dev/shm/gzslbench-test', 'wb').truncate(1 << 31)": "OSError: [Errno 27] File too large",
    }
    check(run_evil, expected, limits=("memory=1G", "processes=50", "log=1M", "file=1G"))


@pytest.mark.skipif(landlock_version() < 2, reason="needs Landlock: Linux 5.19 or later")
def test_components_can_not_read_test_labels(
    run_evil: RunEvil, tiny_world: Path, tiny_cache: Path, tmp_path: Path
) -> None:
    stored = tmp_path / "results"
    places = {
        "answers": f"list(pathlib.Path({str(stored / 'answers')!r}).glob('*.npz'))[0]",
        "records": f"list(pathlib.Path({str(stored / 'records')!r}).rglob('*.npz'))[0]",
        "features": repr(str(tiny_world / "TINY" / "res101.mat")),
        "splits": repr(str(tiny_world / "TINY" / "att_splits.mat")),
        "cache": f"list(pathlib.Path({str(tiny_cache)!r}).rglob('labels.npy'))[0]",
        "bundled": f"next(each for each in pathlib.Path({str(BUNDLED)!r}).rglob('*') if each.is_file())",
    }
    bodies = {name: f"import pathlib; open({place}, 'rb').read()" for name, place in places.items()}
    told = run_evil("pass")
    assert told == {"pass": ""}
    told = run_evil(*bodies.values(), force=True)
    assert {name: "PermissionError: [Errno 13]" in told[body] for name, body in bodies.items()} == dict.fromkeys(
        bodies, True
    )
    assert all("GZSLBENCH_UNSHIELDED=1 shows them" in reason for reason in told.values())
