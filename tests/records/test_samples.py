"""Samples kept for figures: written beside the record, read back, and refused where they are damaged."""

import numpy as np
import pytest
import torch

from gzslbench.contract.context import Context, on_host
from gzslbench.errors import RecordError
from gzslbench.records.samples import load_samples, save_samples


def test_numbers_take_two_bytes_and_integers_four():
    assert on_host(torch.ones(3, requires_grad=True)).dtype == np.float16
    assert on_host(torch.arange(3)).dtype == np.int32


def test_what_is_saved_comes_back(tmp_path):
    samples = {"gan.step 5": np.arange(6, dtype=np.float16).reshape(2, 3), "labels": np.arange(2, dtype=np.int32)}
    save_samples(samples, tmp_path / "samples.npz")
    loaded = load_samples(tmp_path / "samples.npz")
    assert loaded.keys() == samples.keys()
    assert all(np.array_equal(loaded[name], samples[name]) for name in samples)


def test_a_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(RecordError, match=r"no samples lie in .*--keep-samples --force"):
        load_samples(tmp_path / "samples.npz")


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "samples.npz"
    save_samples({"labels": np.arange(100)}, path)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(RecordError, match=str(path)):
        load_samples(path)


@pytest.mark.parametrize("keeps", [False, True])
def test_a_component_keeps_samples_only_where_it_was_asked_to(keeps):
    ctx = Context(torch.device("cpu"), 0, keeps_samples=keeps)
    ctx.keep(few=torch.zeros(2, 3))
    assert list(ctx.samples) == (["few"] if keeps else [])
