"""One damaged file among results costs itself alone: every verb that reads results names it and shows the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gzslbench.records.store import Store

DAMAGES = {
    "truncated": lambda content: content[: len(content) // 2 + 7],
    "zeroed": lambda content: b"\0" * len(content),
    "zeroed in the middle": lambda content: content[:40] + b"\0" * (len(content) - 80) + content[-40:],
    "empty": lambda content: b"",
    "of another kind": lambda content: b"[1, 2]",
    "absent": None,
}
READERS = {
    "leaderboard": ["leaderboard", "--results", "{}"],
    "a page": ["leaderboard", "--results", "{}", "--format", "html"],
    "pages": ["leaderboard", "--results", "{}", "--write", "{out}"],
    "csv": ["leaderboard", "--results", "{}", "--format", "csv"],
    "comparison": ["compare", "--results", "{}", "eszsl", "sae"],
    "packing": ["results", "pack", "{out}", "--results", "{}"],
    "merging": ["results", "merge", "{}", "--into", "{out}"],
    "difference": ["results", "diff", "{}", "{}"],
    "scoring": ["rescore", "--check", "--results", "{}"],
    "MLflow": ["track", "sync", "--results", "{}"],
}
READS_RECORDS_ALONE = {"difference", "MLflow"}
SHOWS_METHODS = {"leaderboard", "a page", "csv", "comparison"}


@pytest.fixture
def results(tmp_path, write_judged) -> Path:
    """Results of two methods with three seeds each."""
    for seed in range(3):
        for method, right in (("eszsl", 0.6), ("sae", 0.4)):
            marks = np.random.default_rng(seed).random(60) < right
            write_judged(tmp_path / "results", marks, method=method, seed=seed, generative=False)
    return tmp_path / "results"


@pytest.fixture
def packed(results, gzslbench, tmp_path) -> Path:
    assert gzslbench("results", "pack", tmp_path / "packed", "--results", results).code == 0
    return tmp_path / "packed"


def _damaged(path: Path, how: str) -> None:
    if change := DAMAGES[how]:
        path.write_bytes(change(path.read_bytes()))
    else:
        path.unlink()


def _read(gzslbench, reader, place, out):
    words = [word.format(place, out=out) for word in READERS[reader]]
    ended = gzslbench(*words)
    assert "Traceback" not in ended.err
    return ended


def _record_of(root: Path) -> Path:
    return next(folder for folder in Store(root).folders() if "sae" in str(folder) and "seed-1-" in str(folder))


@pytest.mark.parametrize(
    ("reader", "how"), [(reader, how) for reader in READERS for how in DAMAGES if how == "truncated" or reader == "csv"]
)
@pytest.mark.parametrize("file", ["record.json", "predictions.npz"])
def test_a_damaged_record_is_left_out(gzslbench, results, reader, file, how, tmp_path):
    _damaged(_record_of(results) / file, how)
    ended = _read(gzslbench, reader, results, tmp_path / "out")
    unread = file == "predictions.npz" and reader in READS_RECORDS_ALONE
    assert ended.code == (0 if unread else 1), ended.err
    lines = [line for line in ended.err.splitlines() if file in line]
    assert len(set(lines)) == len(lines) == (0 if unread else 1), ended.err
    if reader in SHOWS_METHODS:
        assert "eszsl" in ended.out
        assert "sae" in ended.out


@pytest.mark.parametrize("reader", ["leaderboard", "comparison", "packing", "merging", "scoring"])
def test_a_damaged_answer_key_is_named(gzslbench, results, reader, tmp_path):
    (answers,) = (results / "answers").iterdir()
    _damaged(answers, "truncated")
    ended = _read(gzslbench, reader, results, tmp_path / "out")
    assert ended.code == 1
    assert answers.name in ended.err
    if reader in SHOWS_METHODS:
        assert "eszsl" in ended.out


@pytest.mark.parametrize("file", ["CUB/inductive.jsonl", "CUB/inductive/*sae*.npz"])
@pytest.mark.parametrize("reader", ["leaderboard", "csv", "packing", "merging", "scoring"])
def test_what_is_damaged_of_packed_results_is_left_out(gzslbench, packed, reader, file, tmp_path):
    (path,) = packed.glob(file)
    _damaged(path, "truncated")
    ended = _read(gzslbench, reader, packed, tmp_path / "out")
    assert ended.code == 1
    assert path.name in ended.err
    if reader in SHOWS_METHODS:
        assert "eszsl" in ended.out


@pytest.mark.parametrize("content", ["{", '{"provenance": "gospel"}', ""])
def test_of_several_places_one_that_does_not_say_what_was_verified_is_left_out(gzslbench, results, packed, content):
    (results / "provenance.json").write_text(content)
    ended = gzslbench("leaderboard", "--results", results, "--results", packed)
    assert ended.code == 1
    assert "eszsl" in ended.out
    assert ended.err.count("provenance.json") == 1
