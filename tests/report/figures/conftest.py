"""Records of the small data set TINY, with predictions and samples made by hand."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest

from gzslbench.data.catalogue import Catalogue
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import PartKey
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.catalogue import FIGURES
from gzslbench.report.figures.request import Request

matplotlib.use("agg")


@pytest.fixture
def tiny(tiny_world, tiny_cache):
    """The data set TINY: classes 2, 5 and 7 of 8 are unseen."""
    return Catalogue.find([tiny_world], {}, tiny_cache).open("TINY", tiny_cache)


@pytest.fixture
def predict(tiny):
    """Make predictions of TINY's test samples: right, but for what ``changes`` says by class, and other fields."""

    def make(wrong=None, **fields):
        split = tiny.split()
        samples = np.concatenate([split.test_seen, split.test_unseen])
        labels = tiny.labels[samples]
        predicted = np.array([(wrong or {}).get(int(label), label) for label in labels])
        zeros = np.zeros(len(samples), dtype=np.float32)
        best = {"best_seen": np.where(np.isin(labels, split.seen_classes), labels, split.seen_classes[0])}
        best["best_unseen"] = np.where(np.isin(labels, split.unseen_classes), labels, split.unseen_classes[0])
        given = {"margin": zeros, "log_prior": np.zeros((len(samples), 2), np.float32)}
        return Predictions(samples, predicted, predicted, **{**best, **given, **fields})

    return make


@pytest.fixture
def add(store, tiny, make_record, predict):
    """Store a record on TINY; ``config`` are settings of the generator, ``gate`` a gate or settings of 'entropy'."""

    def put(
        method="gsmflow", *, generator="gsmflow", predictions=None, samples=None, gate=None, config=None, **described
    ):
        split = tiny.split()
        parts = {"generator": PartKey(generator, config or {}, "c0de" * 4) if generator else None}
        gate = PartKey("entropy", gate, "c0de" * 4) if isinstance(gate, dict) else gate
        parts |= {"gate": gate} if gate else {}
        data = {**tiny.fingerprint, "split_hash": split.fingerprint, "split": split.name, "data_set": "TINY"}
        record = make_record(method=method, **{**data, **parts, **described})
        store.write(record, predictions or predict(), samples)
        return record

    return put


@pytest.fixture
def ask(store, tiny_world, tiny_cache):
    """Make the request for a figure."""

    def make(name, *methods, setting="", data_set="", protocol=""):
        return Request(FIGURES[name], (store.root,), tiny_cache, (tiny_world,), methods, data_set, protocol, setting)

    return make


@pytest.fixture
def draw(ask):
    """Draw a figure without writing it."""
    import importlib

    from gzslbench.report.figures.style import styled

    def make(name, *methods, **options):
        request = ask(name, *methods, **options)
        with styled():
            return importlib.import_module(f"gzslbench.report.figures.{request.figure.module}").draw(Archive(request))

    return make
