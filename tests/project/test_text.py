"""Text on its way to people."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.text import SafeStream, one_line, printable

HOSTILE = "\x1b]0;t\x07\x1b[2J\x1b[8m\0\b\r\x9b1m\u202e\u2066\u200b\ufeff\ud800"


def test_what_would_act_on_a_terminal_is_shown():
    assert printable("\x1b[31m\a") == "\\x1b[31m\\x07"
    assert printable("a\u202eb\ud800") == "a\\u202eb\\ud800"
    assert printable("rows\n\tstay ± ü 漢") == "rows\n\tstay ± ü 漢"
    assert one_line("two\nlines\u2028or\x85more") == "two lines or more"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252", "latin-1", "shift-jis"])
@given(text=st.text(alphabet=st.one_of(st.characters(), st.sampled_from(HOSTILE))))
def test_a_stream_takes_any_text_and_obeys_none(encoding, text):
    raw = io.BytesIO()
    stream = SafeStream(io.TextIOWrapper(raw, encoding=encoding, write_through=True, newline=""))
    stream.write(text)
    written = raw.getvalue().decode(encoding)
    assert all(each >= " " or each in "\t\n\x1b" for each in written)
    assert not any(each in written for each in "\x07\x9b\u202e\u2066\u200b")
    assert "\x1b]" not in written
    assert "\x1b[2J" not in written
    assert "\x1b[8m" not in written


def test_styles_and_what_stands_for_characters_that_are_lacking():
    raw = io.BytesIO()
    stream = SafeStream(io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    stream.write("\x1b[1m59.1 ± 0.3\x1b[0m … café")
    assert raw.getvalue() == b"\x1b[1m59.1 +- 0.3\x1b[0m ... caf\\xe9"
