"""What passes between a worker and its supervisor, where the worker may say anything."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np
import pytest

from gzslbench.errors import ContractError
from gzslbench.processes import wire
from gzslbench.processes.wire import Frame, Listener, Teller
from gzslbench.runner.messages import AskTestSet, Begun, CellFailed, Ended, read, written

MOST_BYTES = 1000


@dataclass
class Ends:
    listener: Listener
    teller: Teller
    raw: Connection

    def send(self, header: bytes, payload: bytes = b"", lengths: tuple[int, int] | None = None) -> None:
        """Send a frame without the teller's care."""
        self.raw._send(struct.pack(">QQ", *(lengths or (len(header), len(payload)))) + header + payload)  # type: ignore[attr-defined]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        yield Ends(Listener(ours, MOST_BYTES), Teller(theirs), theirs)


def test_values_and_arrays_arrive_as_they_were_sent(ends: Ends) -> None:
    arrays = {"a": np.arange(6).reshape(2, 3), "none": np.zeros((0, 2), np.float32), "half": np.ones(3, np.float16)}
    ends.teller.tell(["kind", {"x": 1.5}], arrays)
    ends.teller.tell(None)
    frame = ends.listener.hear(5)
    assert frame is not None
    assert frame.value == ["kind", {"x": 1.5}]
    assert frame.arrays.keys() == arrays.keys()
    assert all(np.array_equal(frame.arrays[name], array) for name, array in arrays.items())
    assert all(frame.arrays[name].dtype == array.dtype for name, array in arrays.items())
    assert ends.listener.hear(5).value is None
    assert ends.listener.hear(0) is None


def test_answers_of_any_size_arrive(ends: Ends) -> None:
    answer = np.arange(10**6)
    sender = threading.Thread(target=ends.listener.answer, args=(answer,))
    sender.start()
    assert np.array_equal(ends.teller.hear(), answer)
    sender.join()


@pytest.mark.parametrize("value", [float("nan"), b"bytes", {1: 2}.keys(), np.float32(1)])
def test_what_json_can_not_hold_is_refused_before_it_is_sent(ends: Ends, value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        ends.teller.tell(value)
    assert ends.listener.hear(0) is None


class _Running:
    def __reduce__(self):
        return pytest.fail, ("it ran code",)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        pickle.dumps(_Running()),
        b"[" * 10_000,
        b"[1e999",
        b"[NaN,[]]",
        b'["\\ud800",[]]',
        b"[1]",
        b'{"value":1}',
        b'[1,[["a","|O",[1]]]]',
        b'[1,[["a","<f8",[-1]]]]',
        b'[1,[["a","<f8",[1.5]]]]',
        b'[1,[["a","<f3",[1]]]]',
        b'[1,[["a","i4,i4",[1]]]]',
        b'[1,[["a","<f8",[2147483648,2147483648,2147483648]]]]',
        json.dumps([1, [["a", "<f8", [0] * 9]]]).encode(),
    ],
)
def test_what_is_no_frame_is_refused(ends: Ends, header: bytes) -> None:
    ends.send(header)
    with pytest.raises(ContractError, match=r"something else than messages .*read its source"):
        ends.listener.hear(1)


@pytest.mark.parametrize("lengths", [(1 << 62, 0), (2, MOST_BYTES + 1), (0, 1 << 62)])
def test_what_is_too_large_is_refused_before_it_is_read(ends: Ends, lengths: tuple[int, int]) -> None:
    ends.send(b"", lengths=lengths)
    with pytest.raises(ContractError, match="it takes"):
        ends.listener.hear(1)


@pytest.mark.parametrize("payload", [b"", b"1234567", b"123456789"])
def test_arrays_of_another_length_than_was_said_are_refused(ends: Ends, payload: bytes) -> None:
    ends.send(b'[1,[["a","<f8",[1]]]]', payload)
    with pytest.raises(ContractError, match="bytes, not"):
        ends.listener.hear(1)


def test_half_a_message_holds_nobody_up_and_is_refused_in_the_end(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    ends.send(b"[1,", lengths=(100, 0))
    began = time.monotonic()
    assert ends.listener.hear(0.05) is None
    assert time.monotonic() - began < 2
    monkeypatch.setattr(wire, "FRAME_S", 0.0)
    with pytest.raises(ContractError, match="did not end"):
        ends.listener.hear(0.05)


def test_who_does_not_listen_can_not_hold_up_the_sender(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "FRAME_S", 0.2)
    with pytest.raises(TimeoutError):
        ends.listener.answer(b"x" * (1 << 24))


def test_a_sender_may_have_less_time_than_others(ends: Ends) -> None:
    with pytest.raises(TimeoutError):
        ends.listener.answer(b"x" * (1 << 24), within_s=0.2)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        ["Begun"],
        ["Begun", {"cell": 0}],
        ["Begun", {"cell": "first", "phase": "fit"}],
        ["Begun", {"cell": 0, "phase": "x" * 1000}],
        ["object", {}],
        [["Begun"], {}],
        ["CellDone", {"cell": 0}],
        ["_Asked", {"cell": 0}],
        ["_Reported", {"cell": 0, "timings": {}, "selection": {}, "notes": {}, "curves": {}}],
        ["CellFailed", {"cell": 0, "phase": "x", "cause": {"kind": "fun", "reason": "r"}}],
        ["CellFailed", {"cell": 0, "phase": "x", "cause": {"kind": "error", "reason": "r" * 10_000}}],
    ],
)
def test_what_is_no_message_is_refused(value: object) -> None:
    with pytest.raises(ContractError, match="something else than results"):
        read(Frame(value, {}))


def test_messages_are_read_as_they_were_written() -> None:
    from gzslbench.runner.failures import Cause

    for message in (AskTestSet(), Begun(3, "fit"), CellFailed(0, "fit", Cause("error", "r")), Ended()):
        assert read(Frame(*written(message))) == message
