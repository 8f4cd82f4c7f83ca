import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.contract.random_streams import GlobalStreams, stream


def _draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_streams_differ_by_every_name():
    names = ("gsmflow", "fit", "CUB", "official")
    seeds = {stream(0, *names), stream(1, *names)}
    for position in range(len(names)):
        seeds.add(stream(0, *names[:position], "other", *names[position + 1 :]))
    seeds |= {stream(0, *names[:-1]), stream(0, *names, ""), stream(0, *reversed(names))}
    assert len(seeds) == 9


def test_the_border_between_names_counts():
    assert stream(0, "ab", "c") != stream(0, "a", "bc")
    assert stream(1, "2") != stream(12)


def test_a_stream_never_changes():
    assert stream(0, "gsmflow", "fit", "CUB", "official") == 1493216141260769493


@given(st.integers(0), st.lists(st.text()))
def test_streams_are_seeds_that_torch_takes(seed, names):
    assert 0 <= stream(seed, *names) < 2**63


def test_global_streams_seed_all_generators_alike():
    with GlobalStreams(7):
        first = _draw()
    with GlobalStreams(7):
        again = _draw()
    with GlobalStreams(8):
        other = _draw()
    assert first == again
    assert all(a != b for a, b in zip(first, other, strict=True))


def test_global_streams_put_back_what_was_there():
    for seed_one in (random.seed, np.random.seed, torch.manual_seed):
        seed_one(3)
    expected = [_draw(), _draw()]
    for seed_one in (random.seed, np.random.seed, torch.manual_seed):
        seed_one(3)
    before = _draw()
    with pytest.raises(ZeroDivisionError), GlobalStreams(7):
        _ = _draw()[0] / 0
    assert [before, _draw()] == expected


def test_global_streams_go_on_where_they_were_left():
    streams, other = GlobalStreams(7), GlobalStreams(8)
    with streams:
        first = _draw()
    with other:
        _draw()
    with streams:
        second = _draw()
    with GlobalStreams(7):
        assert (first, second) == (_draw(), _draw())
