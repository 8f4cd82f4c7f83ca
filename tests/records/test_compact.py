"""The compact form: what goes in comes out, and a damaged line or file costs its cells and no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.errors import RecordError
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.compact import CompactResults, _merged, read_list
from gzslbench.records.curves import LossCurve
from gzslbench.records.exchange.compact_files import _common, _halved, _without, compact_files
from gzslbench.records.exchange.pack import Wanted, pack
from gzslbench.records.places import answer_file
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import Record, canonical_json
from gzslbench.records.results import Cell, read_cell, summaries
from gzslbench.records.store import Store

EVERYTHING = Wanted()
CLASSES = 8
NAMES = tuple(f"class {row}" for row in range(CLASSES))
DISCRETE = ("samples", "predicted", "predicted_unseen", "best_seen", "best_unseen")

MakeCell = Callable[..., Cell]


def answers_of(count: int, split: int = 0) -> AnswerKey:
    rng = np.random.default_rng(split)
    labels = rng.permutation(np.arange(count) % CLASSES)
    samples = np.sort(rng.choice(10 * count, count, replace=False))
    return AnswerKey(samples, labels, np.arange(5), np.arange(5, CLASSES), NAMES)


def random_predictions(answers: AnswerKey, seed: int, **changes: Any) -> Predictions:
    rng = np.random.default_rng(seed)
    count, labels = len(answers.samples), answers.labels
    right = rng.random(count) < 0.7
    best_seen = np.where((labels < 5) & right, labels, rng.integers(0, 5, count))
    best_unseen = np.where((labels >= 5) & right, labels, rng.integers(5, CLASSES, count))
    margin = rng.normal(size=count) + np.where(labels < 5, 1, -1)
    prior = np.log(rng.dirichlet([1, 1], count))
    arrays = {
        "samples": answers.samples,
        "predicted": np.where(margin > 0, best_seen, best_unseen),
        "predicted_unseen": best_unseen,
        "best_seen": best_seen,
        "best_unseen": best_unseen,
        "margin": margin.astype(np.float32),
        "log_prior": prior.astype(np.float32),
        "gate_score": (rng.normal(size=count) - margin).astype(np.float32),
    }
    return Predictions(**(arrays | changes))


@pytest.fixture
def make_cell(make_record: Callable[..., Record]) -> MakeCell:
    """Make a cell whose record has the metrics of its predictions; an answer key for each split."""

    def make(
        count: int = 400,
        seed: int = 0,
        split: int = 0,
        samples: dict[str, Any] | None = None,
        arrays: dict[str, Any] | None = None,
        **described: Any,
    ) -> Cell:
        answers = answers_of(count, split)
        predictions = random_predictions(answers, 100 * split + seed, **(arrays or {}))
        curves = {"gan.loss": LossCurve.of([(step, 1 / (step + 1 + seed)) for step in range(40)])}
        described = {"curves": curves, "split": f"split-{split}", "seed": seed} | described
        record = make_record(metrics=answers.score(predictions), **described)
        return Cell(record, predictions, samples or {})

    return make


def write(folder: Path, cells: list[Cell], count: int = 400) -> Store:
    store = Store(folder)
    for cell in cells:
        split = int(cell.record.key.split.removeprefix("split-"))
        store.write(cell.record, cell.predictions, cell.samples)
        store.write_answer_key(cell.record.key, answers_of(count, split))
    return store


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_kept(cells: list[Cell], folder: Path) -> None:
    """All records but for thinner curves, all decisions, and all metrics, within what is promised."""
    results = CompactResults(folder)
    assert {record.digest for record in results.records()} == {cell.record.digest for cell in cells}
    for cell in cells:
        key = cell.record.key
        assert results.has(key)
        read = read_cell(results, results.record(key))
        assert canonical_json(json.loads(read.record.to_json())) == canonical_json(
            json.loads(replace(cell.record, curves=read.record.curves).to_json())
        )
        for name in DISCRETE:
            np.testing.assert_array_equal(getattr(read.predictions, name), getattr(cell.predictions, name))
        assert (read.predictions.gate_score is None) == (cell.predictions.gate_score is None)
        np.testing.assert_array_equal(np.isneginf(read.predictions.log_prior), np.isneginf(cell.predictions.log_prior))
        assert read.samples.keys() == cell.samples.keys()
        assert all(np.array_equal(read.samples[name], cell.samples[name]) for name in cell.samples)
        answers = results.answer_key(key)
        assert answers is not None
        metrics = answers.score(read.predictions)
        for name in ("t1", "u", "s", "h", "routing_seen", "routing_unseen"):
            assert getattr(metrics, name) == getattr(cell.record.metrics, name), name
        for name, moved in (("ausuc", 1e-5), ("gate_auroc", 1e-4), ("gate_fpr95", 5e-3)):
            before, after = getattr(cell.record.metrics, name), getattr(metrics, name)
            assert before == after or abs(after - before) <= moved, name


def magnitudes(count: int, spread: float) -> Any:
    rng = np.random.default_rng(1)
    return (rng.normal(size=count) * np.exp(spread * rng.normal(size=count))).astype(np.float32)


ties = np.repeat([-1.0, -0.0, 0.0, 2.5], 100).astype(np.float32)
hard = np.where(np.arange(400)[:, None] % 2 == [0, 1], 0, -np.inf).astype(np.float32)
ARRAYS = {
    "as they come": {},
    "many magnitudes": {"margin": magnitudes(400, 3), "gate_score": magnitudes(400, 3)},
    "all magnitudes": {"margin": magnitudes(400, 12), "gate_score": magnitudes(400, 12)},
    "an outlier": {"margin": np.concatenate([[1e30], magnitudes(399, 1)]).astype(np.float32)},
    "close together": {"margin": (1 + np.arange(400) * 2.0**-20).astype(np.float32)},
    "tiny": {"margin": (magnitudes(400, 1) * np.float32(1e-42)).astype(np.float32)},
    "huge": {"margin": np.clip(magnitudes(400, 1), -3, 3) * np.float32(1e38)},
    "ties and negative zeros": {"margin": ties, "gate_score": ties[::-1].copy()},
    "all alike": {"margin": np.zeros(400, dtype=np.float32), "gate_score": np.zeros(400, dtype=np.float32)},
    "hard gate": {"log_prior": hard, "gate_score": None},
    "infinite": {"margin": np.where(np.arange(400) % 3, ties, np.inf).astype(np.float32)},
    "soft gate without a score": {"gate_score": None},
    "other predictions among unseen classes": {"predicted_unseen": np.full(400, 6)},
    "scores of all classes": {"joint": np.zeros((400, CLASSES), dtype=np.float32)},
}


@pytest.mark.parametrize("arrays", ARRAYS.values(), ids=ARRAYS)
def test_what_is_packed_is_read(tmp_path, make_cell, arrays):
    cells = [make_cell(seed=seed, arrays=arrays) for seed in range(2)]
    store = write(tmp_path / "results", cells)
    packed = pack([store.root], tmp_path / "packed", EVERYTHING)
    assert (packed.damaged, packed.kept) == ([], [])
    assert_kept(cells, tmp_path / "packed")
    pack([tmp_path / "packed"], tmp_path / "again", EVERYTHING)
    assert contents(tmp_path / "again") == contents(tmp_path / "packed")


@pytest.mark.parametrize("count", [CLASSES, 60, 5000])
def test_small_test_sets_keep_their_area_too(tmp_path, make_cell, count):
    """Two margins that become a tie weigh more, the fewer there are."""
    cells = [make_cell(count=count, seed=seed) for seed in range(20 if count < 1000 else 2)]
    write(tmp_path / "results", cells, count)
    pack([tmp_path / "results"], tmp_path / "packed", EVERYTHING)
    assert_kept(cells, tmp_path / "packed")


def test_a_single_cell(tmp_path, make_cell):
    cells = [make_cell(samples={"gan.X": np.arange(3, dtype=np.int32), "gan.x": np.zeros((2, 2), dtype=np.float16)})]
    write(tmp_path / "results", cells)
    pack([tmp_path / "results"], tmp_path / "packed", EVERYTHING)
    assert_kept(cells, tmp_path / "packed")
    assert len(contents(tmp_path / "packed")) == 3


def test_many_splits_of_one_configuration(tmp_path, make_cell):
    cells = [make_cell(seed=seed, split=split, protocol="splits") for split in range(4) for seed in range(split + 1)]
    write(tmp_path / "results", cells)
    pack([tmp_path / "results"], tmp_path / "packed", EVERYTHING)
    assert_kept(cells, tmp_path / "packed")
    assert len(list((tmp_path / "packed").glob("*/*/*.npz"))) == 1


def test_one_split_may_have_two_names(tmp_path, make_cell):
    cells = [make_cell(seed=seed, split_hash="5" * 16) for seed in range(2)]
    cells += [
        replace(cell, record=replace(cell.record, key=replace(cell.record.key, split="split-00"))) for cell in cells
    ]
    write(tmp_path / "results", cells)
    for order in (cells, cells[::-1]):
        write(tmp_path / f"results-{len(list(tmp_path.iterdir()))}", order)
    pack([tmp_path / "results"], tmp_path / "packed", EVERYTHING)
    assert_kept(cells, tmp_path / "packed")


def test_cells_with_and_without_a_gate_s_score_lie_together(tmp_path, make_cell):
    """As where some seeds were run before gates' scores were kept."""
    cells = [make_cell(seed=seed, arrays={"gate_score": None} if seed in (0, 2) else {}) for seed in range(4)]
    write(tmp_path / "results", cells)
    assert pack([tmp_path / "results"], tmp_path / "packed", EVERYTHING).damaged == []
    assert_kept(cells, tmp_path / "packed")


@pytest.mark.parametrize(
    "values", [(1, True), (1, 1.0), (0.0, -0.0), ({"a": 1}, {"a": True}), (None, {}), ([1], [1.0])]
)
def test_values_that_only_compare_equal_stay_apart(tmp_path, make_cell, values):
    cells = [make_cell(seed=seed, notes={"value": value}) for seed, value in enumerate(values)]
    write(tmp_path / "results", cells)
    pack([tmp_path / "results"], tmp_path / "packed", EVERYTHING)
    assert_kept(cells, tmp_path / "packed")


def test_curves_are_thinned_and_keep_their_ends(tmp_path, make_cell):
    long = LossCurve.of([(step, step / 3) for step in range(200)])
    write(
        tmp_path / "results",
        [make_cell(curves={"loss": long, "short": LossCurve((1,), (2.0,)), "none": LossCurve((), ())})],
    )
    pack([tmp_path / "results"], tmp_path / "packed", EVERYTHING)
    (record,) = CompactResults(tmp_path / "packed").records()
    assert isinstance(record, Record)
    thin = record.curves["loss"]
    assert (len(thin.steps), thin.steps[0], thin.steps[-1]) == (50, 0, 199)
    assert all(
        long.values[long.steps.index(step)] == value for step, value in zip(thin.steps, thin.values, strict=True)
    )
    assert record.curves["short"] == LossCurve((1,), (2.0,))
    assert record.curves["none"] == LossCurve((), ())


def test_equal_cells_give_equal_bytes_in_any_order(make_cell):
    cells = [
        make_cell(seed=seed, split=split, protocol=name) for seed in range(3) for split in range(2) for name in "ab"
    ]
    answers = {answer_file(cell.record.key): answers_of(400, int(cell.record.key.split[-1])) for cell in cells}
    assert compact_files(cells, answers) == compact_files(cells[::-1], answers)


def test_summaries_are_those_of_the_store(tmp_path, make_cell):
    store = write(
        tmp_path / "results", [make_cell(seed=seed, protocol=name) for seed in range(2) for name in ("strict", "paper")]
    )
    pack([store.root], tmp_path / "packed", EVERYTHING)
    assert summaries(CompactResults(tmp_path / "packed")) == summaries(store)


class TestAdding:
    """Cells that come to a folder of the compact form."""

    def test_no_other_file_changes(self, tmp_path, make_cell):
        mine = [
            make_cell(seed=seed, arrays=arrays, method=f"m{i}")
            for i, arrays in enumerate(ARRAYS.values())
            for seed in (0, 1)
        ]
        more = [make_cell(seed=0, method="later"), make_cell(seed=5, method="m0")]
        write(tmp_path / "results", mine)
        write(tmp_path / "more", more)
        out = tmp_path / "packed"
        pack([tmp_path / "results"], out, EVERYTHING, "mine")
        (out / "README.md").write_text("what this is")
        (out / "README.txt").write_text("not a list")
        (out / ".git").mkdir()
        (out / ".git" / "HEAD").write_text("ref")
        before = contents(out)
        packed = pack([tmp_path / "more"], out, EVERYTHING, "more")
        after = contents(out)
        changed = {name for name in before if after.get(name) != before[name]}
        assert {name.split("+")[0] for name in changed} == {"CUB/inductive.jsonl", "CUB/inductive/m0"}
        assert {name.split("+")[0] for name in after.keys() - before.keys()} == {"CUB/inductive/later", "more.txt"}
        assert (packed.kept, packed.damaged) == ([], [])
        assert_kept([*mine, *more], out)

    def test_packing_twice_changes_nothing(self, tmp_path, make_cell):
        write(tmp_path / "results", [make_cell(seed=seed) for seed in range(3)])
        out = tmp_path / "packed"
        pack([tmp_path / "results"], out, EVERYTHING, "page")
        before = contents(out)
        packed = pack([tmp_path / "results"], out, EVERYTHING, "page")
        assert contents(out) == before
        assert packed.kept == []

    def test_a_cell_of_two_places_is_kept_as_it_came_first_and_named(self, tmp_path, make_cell):
        cell = make_cell()
        later = replace(cell, record=replace(cell.record, created="2027-01-01T00:00:00Z"))
        write(tmp_path / "first", [cell])
        write(tmp_path / "second", [later, make_cell(seed=1)])
        packed = pack([tmp_path / "first", tmp_path / "second"], tmp_path / "packed", EVERYTHING)
        assert packed.kept == [later.record]
        assert CompactResults(tmp_path / "packed").record(cell.record.key).created == cell.record.created
        packed = pack([tmp_path / "second"], tmp_path / "packed", EVERYTHING)
        assert [record.digest for record in packed.kept] == [later.record.digest]
        assert CompactResults(tmp_path / "packed").record(cell.record.key).created == cell.record.created

    def test_a_damaged_cell_that_is_there_is_named_and_goes(self, tmp_path, make_cell):
        write(tmp_path / "results", [make_cell(seed=0, method="a"), make_cell(seed=0, method="b")])
        write(tmp_path / "more", [make_cell(seed=0, method="c")])
        out = tmp_path / "packed"
        pack([tmp_path / "results"], out, EVERYTHING)
        (damaged,) = out.glob("*/*/a+*.npz")
        damaged.write_bytes(b"")
        packed = pack([tmp_path / "more"], out, EVERYTHING)
        assert [str(damaged) in str(error) for error in packed.damaged] == [True]
        assert not damaged.exists()
        assert_kept([make_cell(seed=0, method="b"), make_cell(seed=0, method="c")], out)


class TestLists:
    """A list stands for its cells."""

    @pytest.fixture
    def packed(self, tmp_path, make_cell):
        cells = [make_cell(seed=seed, method=method) for method in "ab" for seed in range(2)]
        store = write(tmp_path / "results", cells)
        pack([store.root], tmp_path / "packed", EVERYTHING)
        pack([store.root], tmp_path / "packed", Wanted(methods=["a"]), "page")
        return tmp_path / "packed"

    def test_it_stands_for_its_cells(self, packed):
        results, everything = CompactResults(packed / "page.txt"), CompactResults(packed)
        assert {record.method for record in results.records()} == {"a"}
        assert len(list(everything.records())) == 4
        for record in everything.records():
            assert results.has(record.key) == (record.method == "a")
        assert read_list(packed / "page.txt") == sorted(record.digest for record in results.records())
        assert (packed / "page.txt").read_text().splitlines()[0].endswith(("a inductive seed 0", "a inductive seed 1"))

    def test_cells_that_it_names_in_vain_are_told(self, packed):
        with (packed / "page.txt").open("a") as file:
            file.write("0123456789abcdef  CUB a inductive seed 7\n\n")
        *records, error = CompactResults(packed / "page.txt").records()
        assert len(records) == 2
        assert "lacks the cell 0123456789abcdef" in str(error)

    @pytest.mark.parametrize("content", [b"\xff\xfe", None])
    def test_one_that_can_not_be_read_is_named(self, packed, content):
        (packed / "page.txt").unlink()
        if content is not None:
            (packed / "page.txt").write_bytes(content)
        with pytest.raises(RecordError, match=r"can't read the list .*page\.txt"):
            CompactResults(packed / "page.txt")

    def test_it_grows(self, packed, tmp_path):
        pack([tmp_path / "results"], packed, Wanted(methods=["b"]), "page")
        assert len(list(CompactResults(packed / "page.txt").records())) == 4


JUNK = [
    b"",
    b"{",
    b"\xff",
    b"[]",
    b"3",
    b'"shared"',
    b'["shared"]',
    b"{}",
    b'{"row": 0}',
    b'{"own": []}',
    b'{"own": {}, "row": 0}',
    b'{"own": {"key": []}, "row": 0}',
    b'{"own": {"metrics": {"h": NaN}}, "row": 0}',
    b"[" * 100_000,
    b'{"own":' * 100_000,
    b'{"a": ' * 150 + b"1" + b"}" * 150,
]


class TestDamage:
    """Every damage is named, and costs what it hits."""

    @pytest.fixture
    def cells(self, make_cell):
        return [make_cell(seed=seed, method=method) for method in "ab" for seed in range(2)]

    @pytest.fixture
    def packed(self, tmp_path, cells):
        pack([write(tmp_path / "results", cells).root], tmp_path / "packed", EVERYTHING)
        return tmp_path / "packed"

    def table(self, packed: Path) -> Path:
        (path,) = packed.glob("*/*.jsonl")
        return path

    def change(self, packed: Path, number: int, change: Callable[[bytes], bytes]) -> None:
        lines = self.table(packed).read_bytes().splitlines()
        lines[number] = change(lines[number])
        self.table(packed).write_bytes(b"\n".join(lines) + b"\n")

    def expect(self, packed: Path, cells: list[Cell], named: list[str], repaired: Path) -> None:
        """These cells are sound, whatever reads them; the others are named."""
        results = CompactResults(packed)
        found = list(results.records())
        errors = [each for each in found if isinstance(each, RecordError)]
        assert [each.digest for each in found if isinstance(each, Record)] == [cell.record.digest for cell in cells]
        assert len(errors) == len(named), errors
        assert all(name in str(error) for name, error in zip(named, errors, strict=True)), errors
        assert list(map(str, pack([packed], repaired, EVERYTHING).damaged)) == list(map(str, errors))
        assert_kept(cells, repaired)

    @pytest.mark.parametrize("junk", JUNK, ids=lambda junk: repr(junk[:30]))
    def test_a_line_that_is_not_a_record(self, packed, cells, tmp_path, junk):
        self.change(packed, 1, lambda _: junk)
        found = list(CompactResults(packed).records())
        assert [each.digest for each in found if isinstance(each, Record)][-2:] == [c.record.digest for c in cells[2:]]
        assert "line 2" in str(next(each for each in found if isinstance(each, RecordError)))
        assert all("line 2" in str(each) or "line 3" in str(each) for each in found if isinstance(each, RecordError))
        pack([packed], tmp_path / "repaired", EVERYTHING)

    def test_an_own_line_that_is_cut_costs_one_cell(self, packed, cells, tmp_path):
        self.change(packed, 1, lambda line: line[:-20])
        self.expect(packed, cells[1:], ["line 2"], tmp_path / "repaired")

    @pytest.mark.parametrize(
        "shared", [b'{"shared": []}', b'{"shared": 3}', b'{"shared": {}}', b'{"shared": {"key', b""]
    )
    def test_a_shared_line_costs_its_configuration(self, packed, cells, tmp_path, shared):
        self.change(packed, 3, lambda _: shared)
        named = ["line 5", "line 6"] if shared == b'{"shared": {}}' else ["line 4", "line 5", "line 6"]
        self.expect(packed, cells[:2], named, tmp_path / "repaired")

    def test_a_shared_line_that_is_lost_gives_no_cell_of_the_one_before(self, packed, cells, tmp_path):
        lines = self.table(packed).read_bytes().splitlines(keepends=True)
        self.table(packed).write_bytes(b"".join(lines[:3] + lines[4:]))
        found = list(CompactResults(packed).records())
        assert [each.digest for each in found if isinstance(each, Record)] == [cell.record.digest for cell in cells[:2]]
        assert ["that it names" in str(each) for each in found[2:]] == [True, True]

    def test_a_cell_twice_is_named(self, packed, cells, tmp_path):
        lines = self.table(packed).read_bytes().splitlines(keepends=True)
        self.table(packed).write_bytes(b"".join([*lines[:3], lines[2], *lines[3:]]))
        found = list(CompactResults(packed).records())
        assert "line 4" in str(found[2])
        assert "a second time" in str(found[2])
        assert len(found) == 5

    @pytest.mark.parametrize("row", [b"-1", b"0.0", b"true", b'"0"', b"null", b"[]", b"1e999"])
    def test_a_row_that_is_none(self, packed, cells, tmp_path, row):
        self.change(packed, 1, lambda line: line.replace(b'"row":0', b'"row":' + row))
        self.expect(packed, cells[1:], ["has no row among the arrays"], tmp_path / "repaired")

    def test_a_row_of_another_cell(self, packed, cells, tmp_path):
        self.change(packed, 2, lambda line: line.replace(b'"row":1', b'"row":0'))
        self.expect(packed, [cells[0], *cells[2:]], ["has the arrays of another cell"], tmp_path / "repaired")

    @pytest.mark.parametrize("row", [2, 10**30])
    def test_a_row_that_is_not_there(self, packed, cells, tmp_path, row):
        self.change(packed, 1, lambda line: line.replace(b'"row":0', b'"row":%d' % row))
        damaged = pack([packed], tmp_path / "repaired", EVERYTHING).damaged
        assert ["does not hold the predictions of" in str(error) for error in damaged] == [True]
        assert_kept(cells[1:], tmp_path / "repaired")

    def test_a_line_of_another_table(self, packed, cells):
        (packed / "SUN").mkdir()
        self.table(packed).rename(packed / "SUN" / "strict.jsonl")
        found = list(CompactResults(packed).records())
        assert len(found) == 4
        assert all("belongs into" in str(each) and "CUB/inductive.jsonl" in str(each) for each in found)

    def test_a_table_that_is_a_folder(self, packed, cells):
        (packed / "CUB" / "strict.jsonl").mkdir()
        found = list(CompactResults(packed).records())
        assert "strict.jsonl: Is a directory" in str(found[-1])
        assert len(found) == 5

    def test_a_list_with_a_damaged_line(self, packed, cells, tmp_path):
        pack([tmp_path / "results"], packed, EVERYTHING, "page")
        self.change(packed, 1, lambda line: line[:-20])
        found = list(CompactResults(packed / "page.txt").records())
        assert [
            "line 2" in str(each) or cells[0].record.digest in str(each)
            for each in found
            if isinstance(each, RecordError)
        ] == [True, True]
        assert sum(isinstance(each, Record) for each in found) == 3

    @pytest.mark.parametrize(
        ("name", "damage"),
        [
            ("predicted", lambda stack: stack[:, 1:]),
            ("predicted", lambda stack: stack[0]),
            ("predicted", lambda stack: stack.astype(np.float32)),
            ("predicted", lambda stack: stack.astype(int) - 100),
            ("predicted", lambda stack: np.array(3)),
            ("predicted", None),
            ("margin", lambda stack: stack.astype("U9")),
            ("margin", lambda stack: stack[:, :, None]),
            ("margin_scale", lambda scale: scale.astype("U9")),
            ("margin_scale", lambda scale: scale[:0]),
            ("gate_score", lambda stack: stack.astype("U9")),
            ("log_prior", lambda stack: stack[:, :, :1]),
            ("samples", lambda _: np.zeros((2, 400), dtype=int)),
            ("later", lambda _: np.zeros((2, 400))),
        ],
    )
    def test_arrays_that_do_not_fit_cost_their_configuration(self, packed, cells, tmp_path, name, damage):
        (path,) = packed.glob("*/*/a+*.npz")
        name = f"{cells[0].record.key.split_hash}.{name}"
        with np.load(path) as archive:
            arrays = dict(archive)
        if damage is None:
            del arrays[name]
        else:
            arrays[name] = damage(arrays.get(name, np.zeros((2, 400))))
        np.savez(path, **arrays)
        packed_again = pack([packed], tmp_path / "repaired", EVERYTHING)
        assert len(packed_again.damaged) == 2
        assert all(path.name in str(e) or "is damaged" in str(e) for e in packed_again.damaged)
        assert_kept(cells[2:], tmp_path / "repaired")

    @pytest.mark.parametrize("content", [b"", b"PK", None])
    def test_a_file_of_arrays_costs_its_configuration(self, packed, cells, tmp_path, content):
        (path,) = packed.glob("*/*/a+*.npz")
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        damaged = pack([packed], tmp_path / "repaired", EVERYTHING).damaged
        assert [str(path) in str(error) for error in damaged] == [True, True]
        assert_kept(cells[2:], tmp_path / "repaired")

    def test_an_answer_key_that_is_lost(self, packed, cells):
        for path in (packed / "answers").iterdir():
            path.unlink()
        results = CompactResults(packed)
        assert results.answer_key(cells[0].record.key) is None
        with pytest.raises(RecordError, match="lacks the answer key"):
            results.predictions(cells[0].record.key)

    def test_a_cell_that_is_not_there(self, packed, cells):
        key = replace(cells[0].record.key, seed=99)
        results = CompactResults(packed)
        assert not results.has(key)
        for read in (results.record, results.predictions, results.samples):
            with pytest.raises(RecordError, match=f"lacks the cell {key.digest()}"):
                read(key)


numbers = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, -0.0, 1.0, 0.5]) | st.sampled_from("ab")
)
values = st.recursive(
    numbers, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner), max_leaves=8
)
mappings = st.dictionaries(st.sampled_from("abcd"), values)


@given(st.lists(mappings, min_size=1, max_size=4))
def test_what_is_shared_and_what_is_left_make_the_whole(alike):
    shared = _common(alike)
    for whole in alike:
        assert canonical_json(_merged(shared, _without(whole, shared))) == canonical_json(whole)


@given(mappings)
def test_mappings_that_are_alike_have_nothing_of_their_own(whole):
    assert _without(whole, _common([whole, whole])) == {}


@given(st.lists(st.lists(st.floats(width=32, allow_nan=False), min_size=6, max_size=6), min_size=1, max_size=3))
def test_halving_twice_is_halving_once(rows):
    stacked = np.array(rows, dtype=np.float32)
    halves, scale = _halved(stacked)
    back = halves.astype(np.float32) * scale[:, None]
    again, scale_again = _halved(back)
    np.testing.assert_array_equal(scale, scale_again)
    np.testing.assert_array_equal(halves, again)
    np.testing.assert_array_equal(np.signbit(halves), np.signbit(stacked))
    np.testing.assert_array_equal(np.isinf(back), np.isinf(stacked))
    finite = np.isfinite(stacked)
    largest = np.where(finite, np.abs(stacked), 0).max(axis=1, keepdims=True)
    error = np.abs(back[finite].astype(float) - stacked[finite])
    bound = np.maximum(np.abs(stacked) * 2.0**-11, largest * 2.0**-38 + 2.0**-149)[finite]
    assert (error <= bound).all()
