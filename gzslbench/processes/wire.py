"""Frames of JSON and arrays over a pipe, from a process that may say anything.

Reading one runs no code, waits no longer than asked for, and takes no more memory than has been sent.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter
from pydantic_core import from_json

from gzslbench.errors import ContractError

FRAME_S = 120.0
"""How long a frame may be on its way."""
MOST_HEADER_BYTES = 8 << 20
_LENGTHS = struct.Struct(">QQ")
_ARRAY_TYPE = r"[<|][iuf][1248]"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class Frame:
    """A JSON value, and arrays by name."""

    value: Any
    arrays: dict[str, NDArray[Any]]


class Teller:
    """The end of the process that may say anything; what it is told are pickles, which it may trust."""

    def __init__(self, pipe: Connection | socket.socket) -> None:
        self._line = _socket_of(pipe)
        self._told = self._line.makefile("rb")

    def tell(self, value: Any, arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        """Send a frame; raises :class:`ValueError` or :class:`TypeError` where JSON can't hold the value."""
        pieces = {name: np.ascontiguousarray(array) for name, array in (arrays or {}).items()}
        listing = [[name, piece.dtype.str, piece.shape] for name, piece in pieces.items()]
        header = json.dumps([value, listing], allow_nan=False).encode()
        lengths = _LENGTHS.pack(len(header), sum(piece.nbytes for piece in pieces.values()))
        self._line.sendall(lengths + header + b"".join(piece.tobytes() for piece in pieces.values()))

    def hear(self) -> Any:
        """Wait for what :meth:`Listener.answer` sends."""
        return pickle.load(self._told)


class Listener:
    """The other end; ``most_bytes`` is what the arrays of a frame may take."""

    def __init__(self, pipe: Connection | socket.socket, most_bytes: int = 0) -> None:
        self._line, self._most_bytes = _socket_of(pipe), most_bytes
        self._taken, self._begun = bytearray(), 0.0

    def hear(self, wait_s: float) -> Frame | None:
        """Give the next frame, None where it is not there in full after ``wait_s`` seconds.

        Raises :class:`ContractError` where something else was sent, and :class:`EOFError` where the other end is gone.
        """
        until = time.monotonic() + wait_s
        while missing := self._missing():
            self._line.settimeout(max(until - time.monotonic(), 1e-3))
            try:
                piece = self._line.recv(min(missing, _CHUNK_BYTES))
            except TimeoutError:
                if self._taken and time.monotonic() > self._begun + FRAME_S:
                    raise _not_a_frame("it did not end") from None
                return None
            if not piece:
                raise EOFError
            self._begun = self._begun if self._taken else time.monotonic()
            self._taken += piece
        frame, self._taken = bytes(self._taken), bytearray()
        header_bytes, _ = _LENGTHS.unpack_from(frame)
        start = _LENGTHS.size + header_bytes
        return _frame(frame[_LENGTHS.size : start], memoryview(frame)[start:])

    def answer(self, value: object, within_s: float | None = None) -> None:
        """Send a value; raises :class:`OSError` where the other end is gone or does not take it."""
        self._line.settimeout(FRAME_S if within_s is None else within_s)
        self._line.sendall(pickle.dumps(value, protocol=5))

    def close(self) -> None:
        self._line.close()

    def _missing(self) -> int:
        """Say how many bytes are still missing, as far as that is known."""
        if len(self._taken) < _LENGTHS.size:
            return _LENGTHS.size - len(self._taken)
        header_bytes, payload_bytes = _LENGTHS.unpack_from(self._taken)
        if header_bytes > MOST_HEADER_BYTES or payload_bytes > self._most_bytes:
            raise _not_a_frame(f"it takes {header_bytes:,} and {payload_bytes:,} bytes")
        return int(_LENGTHS.size + header_bytes + payload_bytes - len(self._taken))


def _frame(header: bytes, payload: memoryview) -> Frame:
    try:
        value, listing = _header().validate_python(from_json(header, allow_inf_nan=False))
        sizes = [math.prod(shape) * np.dtype(kind).itemsize for _, kind, shape in listing]
        if sum(sizes) != len(payload):
            raise ValueError(f"its arrays take {sum(sizes):,} bytes, not {len(payload):,}")
        arrays, at = {}, 0
        for (name, kind, shape), size in zip(listing, sizes, strict=True):
            arrays[name] = np.frombuffer(payload[at : at + size], kind).reshape(shape)
            at += size
    except ValueError as error:
        raise _not_a_frame(str(error).splitlines()[0]) from None
    return Frame(value, arrays)


@cache
def _header() -> TypeAdapter[tuple[Any, list[tuple[str, str, list[int]]]]]:
    length = Annotated[int, Field(ge=0, le=2**31)]
    kind = Annotated[str, Field(pattern=f"^{_ARRAY_TYPE}$")]
    return TypeAdapter(tuple[Any, list[tuple[str, kind, Annotated[list[length], Field(max_length=8)]]]])


def _not_a_frame(why: str) -> ContractError:
    return ContractError(
        f"a component wrote something else than messages to the process that watches it ({why})", "read its source"
    )


def _socket_of(pipe: Connection | socket.socket) -> socket.socket:
    return socket.socket(fileno=os.dup(pipe.fileno()))
