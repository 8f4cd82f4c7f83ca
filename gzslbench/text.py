"""Text on its way to people: nothing in it acts on their terminal, and no terminal is asked for what it lacks."""

from __future__ import annotations

import codecs
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_ACTING = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, but tabs and ends of lines
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # what turns the direction of text around, or is not seen
    "\ud800-\udfff"  # halves of characters, which no encoding takes
)
_UNSAFE = re.compile(f"[{_ACTING}]")
_UNSAFE_BUT_STYLE = re.compile(f"\x1b\\[(?:[0-2]?(?:;?3[1-7])?)m|[{_ACTING}]")
"""As above, but for bold, dim and the colours that this program writes itself."""
_IN_ASCII = {
    "±": "+-",
    "−": "-",
    "–": "-",
    "—": "-",
    "…": "...",
    "‡": "++",
    "¶": "(*)",
    "’": "'",
    "×": "x",
    "→": "->",
    "─": "-",
    "━": "-",
}


def printable(text: str) -> str:
    """Write what would act on a terminal, or not be seen, as Python's escapes; ends of lines stay."""
    return _UNSAFE.sub(_escape, text)


def one_line(text: str) -> str:
    """Write text printably, on one line."""
    return printable(" ".join(text.split()))


def _escape(match: re.Match[str]) -> str:
    return match[0] if len(match[0]) > 1 else match[0].encode("unicode_escape").decode("ascii")


def _lacking(error: UnicodeError) -> tuple[str, int]:
    """Stand in for characters that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_IN_ASCII.get(each) or each.encode("unicode_escape").decode() for each in lacking), error.end


codecs.register_error("gzslbench", _lacking)


class SafeStream:
    """A stream of text that shows whatever is written to it, and obeys none of it but bold and colours."""

    def __init__(self, stream: Any) -> None:
        self.raw_stream = stream

    encoding = "utf-8"
    """It takes all characters."""

    def write(self, text: str) -> int:
        """Write text, in characters that the stream has."""
        encoding = self.raw_stream.encoding or "utf-8"
        shown = _UNSAFE_BUT_STYLE.sub(_escape, text).encode(encoding, "gzslbench").decode(encoding)
        self.raw_stream.write(shown)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw_stream, name)


def unfiltered(stream: Any) -> Any:
    """Give what a live display writes to, which moves the cursor; its text must be printable itself."""
    return getattr(stream, "raw_stream", stream)


@contextmanager
def safe_streams() -> Iterator[None]:
    """Let all that is printed in the body be shown and not obeyed; streams that were closed swallow it."""
    with suppress(OSError):
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:  # no file of ours may take a closed stream's place
            os.set_inheritable(descriptor, True)
        os.close(descriptor)
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (SafeStream(stream) if stream else open(os.devnull, "w") for stream in streams)  # noqa: PTH123, SIM115
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
        for stream in filter(None, streams):
            try:
                stream.flush()
            except OSError:  # nobody reads any more: nor shall the interpreter try at its end
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
