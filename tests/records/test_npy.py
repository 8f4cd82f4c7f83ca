from __future__ import annotations

import io
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gzslbench.records.untrusted.archive import BundleError
from gzslbench.records.untrusted.arrays import read_npy

TYPES = st.one_of(
    arrays.integer_dtypes(endianness="?"), arrays.floating_dtypes(endianness="?"), arrays.unicode_string_dtypes()
)


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def claiming(shape: tuple[int, ...], content: bytes, descr: str = "<i4") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue() + content


@given(arrays.arrays(TYPES, arrays.array_shapes(min_dims=0, min_side=0)))
def test_an_array_comes_back(array):
    read = read_npy(saved(array), "x")
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@example(b"", 10, 0)  # numpy lets out a TokenError,
@example(b"", 21, 44)  # a SyntaxError,
@example(b"", 26, 66)  # and a TypeError
@given(st.binary(max_size=300), st.integers(0, 200), st.integers(0, 255))
def test_any_bytes_give_an_array_or_one_error(noise, place, byte):
    sound = bytearray(saved(np.arange(12)))
    sound[place % len(sound)] = byte
    for content in (noise, bytes(sound), bytes(sound[: -1 - place % 12])):
        with suppress(BundleError):
            assert read_npy(content, "x").nbytes <= len(content)


@pytest.mark.parametrize(
    ("shape", "content", "descr"),
    [
        ((2**40,), b"", "<i4"),
        ((2**40, 0), b"", "<i4"),
        ((2**70, 0), b"", "<i4"),
        ((-1, -2), bytes(8), "<i4"),
        ((3,), bytes(13), "<i4"),
        ((2**40,), b"", "<U0"),
        ((True, 3), bytes(12), "<i4"),
    ],
)
def test_a_shape_that_does_not_fit(shape, content, descr):
    with pytest.raises(BundleError, match=r"x has .* bytes, which its shape .* does not fit"):
        read_npy(claiming(shape, content, descr), "x")


@pytest.mark.parametrize(
    ("array", "line"),
    [
        (np.array([None]), "x holds Python objects, which only a pickle can give"),
        (np.array([1j]), "x is of type complex128; integers or floats or text are expected"),
        (np.array([b"text"]), "x is of type |S4; integers or floats or text are expected"),
    ],
)
def test_what_is_no_kind_of_ours(array, line):
    with pytest.raises(BundleError) as caught:
        read_npy(saved(array), "x")
    assert line in str(caught.value)


def test_kinds_may_be_fewer():
    with pytest.raises(BundleError, match="x is of type float64; integers are expected"):
        read_npy(saved(np.zeros(2)), "x", "i")
