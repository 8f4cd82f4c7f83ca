"""Ways to damage a file: by its bytes, whatever it is, and by its structure, where its name tells what that is."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import PurePath

import numpy as np
from hypothesis import strategies as st

Damaged = st.SearchStrategy[bytes]

HOSTILE_TEXT = (
    "",
    " ",
    "..",
    "../../x",
    "/etc/passwd",
    "a|b\nc",
    "=cmd|' /C calc'!A0",
    "<script>",
    "\x1b[31m\x07",
    "\0",
    "\u202e\u200b\ufeff",
    "ａ𝐛ĸ",
    "%s{0}$\\",
    "n" * 300,
    "n" * 100_000,
)
NUMBERS = ("0", "-1", "-0.0", "1e308", "-1e308", "1e-320", "1e400", "NaN", "-Infinity", "18446744073709551616", "true")
LONG_NUMBERS = ("1" + "0" * 400, "9" * 10_000, "0." + "1" * 5_000)
NESTED = ("[" * 200 + "]" * 200, "[" * 100_000, '{"a":' * 5_000 + "1" + "}" * 5_000)
JSON_VALUES = (
    *(json.dumps(text) for text in HOSTILE_TEXT),
    *NUMBERS,
    *LONG_NUMBERS,
    *NESTED,
    r'"\ud800"',
    "[]",
    "{}",
    "null",
    "[1,2",
    '{"a":1,"a":2}',
)
TEXT_TOKENS = (
    *HOSTILE_TEXT,
    *NUMBERS,
    *LONG_NUMBERS,
    *NESTED,
    *("inf", "nan", "1979-05-27T07:32:00Z", '"""', "'", '"', "\\", "\r", "\t", ";", ",,,,", "#", "NA", "1,5", "[[x]]"),
    *("a." * 3_000 + "a = 1", "(" * 2_000, "not " * 5_000 + "x", "-" * 5_000 + "1", "class A(A, A): pass", "=" * 3),
    *("lambda: " * 500 + "0", "1" + "+1" * 20_000, "x" + ".x" * 5_000, "f'{" * 50, "\N{ZERO WIDTH SPACE}", "@" * 10),
)
SHAPES = (
    "()",
    "(-1,)",
    "(True, 2)",
    "(0,)",
    "(2**62, 2)",
    "(4294967296, 4294967296)",
    "(1e3,)",
    "('a',)",
    "(3,) * 40",
    "None",
)
DTYPES = (
    "'|O'",
    "'<f8'",
    "'|V0'",
    "'|S0'",
    "'<U2147483647'",
    "'<M8[ns]'",
    "[('a', '<f8')]",
    "'<c16'",
    "'>i2'",
    "'x'",
    "7",
)
NUMBERS_IN_BYTES = tuple(
    struct.pack(order + kind, value)
    for order in "<>"
    for kind, values in (
        ("I", (0, 1, 2**31 - 1, 2**32 - 1)),
        ("Q", (2**32, 2**63 - 1, 2**64 - 1)),
        ("H", (0, 2**16 - 1)),
    )
    for value in values
)


def damaged(name: str, content: bytes) -> Damaged:
    """Damage a file that was sound, in the ways that its name suggests."""
    by_suffix: dict[str, Callable[[bytes], Damaged]] = {
        ".json": json_values,
        ".jsonl": json_lines,
        ".npy": npy_headers,
        ".npz": zip_members,
        ".zip": zip_members,
        **dict.fromkeys((".toml", ".py", ".csv", ".txt"), text_tokens),
    }
    structural = by_suffix.get(PurePath(name).suffix)
    return bytes_edited(content) if structural is None else st.one_of(structural(content), bytes_edited(content))


@st.composite
def bytes_edited(draw: st.DrawFn, content: bytes) -> bytes:
    """Flip bits, cut, repeat and move pieces, and write extreme numbers; often near the ends, where headers are."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        last = max(0, len(data) - 1)
        near = st.integers(0, min(last, 256))
        start = draw(st.one_of(near, near.map(lambda n, last=last: last - n), st.integers(0, last)))
        length = draw(st.sampled_from([1, 2, 4, 8, 64, 1024, len(data)]))
        match draw(st.sampled_from(["flip", "number", "cut", "end", "repeat", "move", "insert"])):
            case "flip" if data:
                data[start] ^= 1 << draw(st.integers(0, 7))
            case "number":
                number = draw(st.sampled_from(NUMBERS_IN_BYTES))
                data[start : start + len(number)] = number
            case "cut":
                del data[start : start + length]
            case "end":
                del data[start:]
            case "repeat":
                data[start:start] = data[start : start + length]
            case "move":
                other = draw(st.integers(0, last))
                data[start : start + length] = data[other : other + length]
            case "insert":
                data[start:start] = draw(st.binary(max_size=16))
    return bytes(data)


@st.composite
def json_values(draw: st.DrawFn, content: bytes) -> bytes:
    """Put hostile values in the places of some, under hostile names now and then, or leave names out."""
    value, swapped = json.loads(content), []
    for _ in range(draw(st.integers(1, 2))):
        places = list(_places(value))
        if not places:  # the only one has been left out
            break
        parent, key = draw(st.sampled_from(places))
        swapped.append(draw(st.sampled_from(JSON_VALUES)))
        mark = f"\0{len(swapped) - 1}\0"
        match draw(st.sampled_from(["value", "value", "value", "name", "gone"])):
            case "name" if isinstance(parent, dict):
                parent[draw(st.sampled_from(HOSTILE_TEXT))] = parent.pop(key)
            case "gone":
                del parent[key]
            case _:
                parent[key] = mark
    text = json.dumps(value, separators=(",", ":"), sort_keys=True)
    return re.sub(r'"\\u0000(\d)\\u0000"', lambda found: swapped[int(found[1])], text).encode() + b"\n"


@st.composite
def json_lines(draw: st.DrawFn, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    place = draw(st.integers(0, len(lines) - 1))
    match draw(st.sampled_from(["value", "value", "twice", "gone", "moved"])):
        case "value":
            lines[place] = draw(json_values(lines[place]))
        case "twice":
            lines.insert(place, lines[place])
        case "gone":
            del lines[place]
        case "moved":
            lines.append(lines.pop(place))
    return b"".join(lines)


def _places(value: object) -> list[tuple[object, object]]:
    """All places in nested lists and objects: the one that holds it, and the index or name."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in items for place in [(value, key), *_places(inner)]]


@st.composite
def text_tokens(draw: st.DrawFn, content: bytes) -> bytes:
    """Put hostile words in the places of some, or beside them."""
    words = re.split(r"(\W+)", content.decode())
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(words) - 1))
        token = draw(st.sampled_from(TEXT_TOKENS))
        words[place] = draw(st.sampled_from([token, words[place] + token, f"{words[place]}\n{token}\n"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-16", "utf-8-sig"]))
    return "".join(words).encode(encoding, errors="surrogatepass")


@st.composite
def npy_headers(draw: st.DrawFn, content: bytes) -> bytes:
    """Give an array another header: hostile shapes and types, which need not fit its bytes."""
    sound = np.lib.format.read_array(io.BytesIO(content))
    shape = draw(st.sampled_from([*SHAPES, repr(sound.shape), repr(sound.shape[::-1])]))
    dtype = draw(st.sampled_from([*DTYPES, repr(sound.dtype.str)]))
    order = draw(st.sampled_from(["True", "False", "0", "'C'"]))
    rest = draw(st.sampled_from(["", "'more': 1, ", "'shape': (1,), ", "__import__('os'), ", "(" * 300]))
    header = f"{{'descr': {dtype}, 'fortran_order': {order}, {rest}'shape': {shape}}}\n".encode()
    length = draw(st.sampled_from([len(header), len(header), len(header), 0, 2**16 - 1]))
    return (
        b"\x93NUMPY"
        + bytes(draw(st.sampled_from([(1, 0), (2, 0), (3, 0), (9, 9)])))
        + struct.pack("<H", min(length, 2**16 - 1))
        + header
        + sound.tobytes()
    )


@st.composite
def zip_members(draw: st.DrawFn, content: bytes) -> bytes:
    """Damage a member, or give one another name, a link's mode, a second copy, or another way of compression."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    chosen = draw(st.sampled_from(sorted(files)))
    what = draw(st.sampled_from(["content", "content", "content", "name", "link", "twice", "gone", "zeros", "method"]))
    if what == "content":
        files[chosen] = draw(damaged(chosen, files[chosen]))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            match what if name == chosen else "":
                case "name":
                    info.filename = draw(st.sampled_from([*HOSTILE_TEXT[:-1], "a/" * 100 + "b", "x.npy", "con.npy"]))
                case "link":
                    info.external_attr = draw(st.sampled_from([0o120777, 0o020666, 0o040755])) << 16
                case "gone":
                    continue
                case "zeros":
                    data += bytes(50_000_000)
                case "method":
                    info.compress_type = draw(
                        st.sampled_from([zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED])
                    )
                case "twice":
                    archive.writestr(name, data)
            archive.writestr(info, data)
    return stream.getvalue()
