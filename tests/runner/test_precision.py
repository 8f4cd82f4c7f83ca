"""Which format matrix products are computed in."""

import pytest
import torch

from gzslbench.runner.machine import has_bfloat16, precision_named


@pytest.mark.parametrize(
    ("asked", "hardware", "chosen", "said"),
    [
        ("auto", True, "bfloat16", "which the processor has"),
        ("auto", False, "float32", ""),
        ("float32", True, "float32", ""),
        ("bfloat16", True, "bfloat16", ""),
        ("bfloat16", False, "bfloat16", "emulated here"),
    ],
)
def test_the_format_is_chosen_aloud(asked, hardware, chosen, said, capsys):
    assert precision_named(asked, hardware) == chosen
    told = capsys.readouterr().err
    assert said in told
    assert bool(said) == bool(told)


@pytest.mark.parametrize(("flags", "expected"), [((), False), (("avx512_bf16",), True), (("amx_bf16",), True)])
def test_the_processor_says_what_it_has(flags, expected, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(flags, True), raising=False)
    assert has_bfloat16("cpu") is expected


def test_an_old_torch_that_can_not_tell_has_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert has_bfloat16("cpu") is False
