import io
import os
import random
import shutil
import signal
import stat
import time
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from gzslbench.errors import GzslbenchError, RecordError, UsageError
from gzslbench.records.compact import CompactResults
from gzslbench.records.differences import change_text
from gzslbench.records.exchange import pack as packing
from gzslbench.records.exchange.compare import compare
from gzslbench.records.exchange.merge import merge
from gzslbench.records.exchange.opening import open_results, opened
from gzslbench.records.exchange.pack import Wanted, pack
from gzslbench.records.record import Record
from gzslbench.records.results import read_cell, summaries
from gzslbench.records.store import PREDICTIONS, RECORD, SAMPLES, Store

EVERYTHING = Wanted()
LATER = "2099-01-01T00:00:00+00:00"


@pytest.fixture(params=["packed.zip", "packed"])
def out(request, tmp_path):
    return tmp_path / "sent" / request.param


def rewrite(store, record, **changes):
    """Put a record in place of another one of the same cell."""
    record = replace(record, **changes)
    (store.folder(record.key) / RECORD).write_text(record.to_json())
    return record


def worse(record):
    return replace(record.metrics, h=record.metrics.h / 2)


def folders(store):
    return [store.folder(record.key) for record in store.records()]


def visible(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


class TestPack:
    def test_everything_travels_together(self, store, out, tmp_path):
        packed = pack([store.root], out, EVERYTHING)
        assert (len(packed.cells), len(packed.answer_keys), packed.damaged, packed.kept) == (3, 1, [], [])
        merged = merge([out], tmp_path / "there")
        assert (merged.added, merged.answer_keys, merged.refused, merged.damaged) == (3, 1, [], [])
        there = Store(tmp_path / "there")
        for ours, theirs in zip(store.records(), there.records(), strict=True):
            assert replace(ours, curves={}) == replace(theirs, curves={})
            assert all(len(curve.steps) <= 50 for curve in theirs.curves.values())
        record = next(store.records())
        assert there.samples(record.key)["early-gan.proxies"].dtype == np.float16
        assert there.answer_key(record.key).h(there.predictions(record.key)) == record.metrics.h

    def test_what_was_sent_is_the_same_at_home(self, store, out, tmp_path):
        """Merging takes neither the thinner curves nor the coarser margins for a difference."""
        pack([store.root], out, EVERYTHING)
        merged = merge([out], store.root)
        assert (merged.same, merged.added, merged.refused) == (3, 0, [])
        merge([out], tmp_path / "there")
        assert merge([store.root], tmp_path / "there").same == 3

    @pytest.mark.parametrize("same", [True, False])
    def test_samples_of_another_run_are_added_where_it_predicts_the_same(self, store, other, out, same):
        """The record stays that of the first run."""
        record = next(store.records())
        (store.folder(record.key) / SAMPLES).unlink()
        later = replace(record, created=LATER)
        (other.folder(record.key) / RECORD).write_text(later.to_json())
        if not same:
            path = other.folder(record.key) / PREDICTIONS
            with np.load(path) as archive:
                np.savez(path, **{**archive, "predicted": archive["predicted"][::-1]})
        packed = pack([store.root, other.root], out, EVERYTHING)
        assert packed.kept == [later]
        with opened(out) as sent:
            assert sent.record(record.key).created == record.created
            assert bool(sent.samples(record.key)) is same

    def test_equal_results_give_equal_files(self, store, other, tmp_path):
        for each in (store, other):
            pack([each.root], tmp_path / f"{each.root.name}.zip", EVERYTHING)
        assert (tmp_path / "results.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()

    @pytest.mark.parametrize(
        ("wanted", "count"),
        [
            (Wanted(methods=["eszsl"]), 1),
            (Wanted(methods=["none+none+eszsl"]), 1),
            (Wanted(protocols=["strict", "validated"]), 2),
            (Wanted(data_sets=["glyphs"], protocols=["inductive"]), 1),
        ],
    )
    def test_some_of_it(self, store, out, wanted, count):
        assert len(pack([store.root], out, wanted).cells) == count
        with opened(out) as sent:
            records = list(sent.records())
            assert len(records) == count
            assert sent.answer_key(records[0].key) is not None

    def test_what_is_not_there_is_named(self, store, out):
        with pytest.raises(UsageError, match="there is no record of method 'ezsl'; did you mean"):
            pack([store.root], out, Wanted(methods=["ezsl"]))
        assert not out.exists()

    def test_an_archive_is_not_overwritten(self, store, tmp_path):
        pack([store.root], tmp_path / "packed.zip", EVERYTHING)
        with pytest.raises(UsageError, match="exists already"):
            pack([store.root], tmp_path / "packed.zip", EVERYTHING)

    @pytest.mark.parametrize("place", ["results", "other/records", "file"])
    def test_another_folder_is_not_written_over(self, store, other, tmp_path, place):
        (tmp_path / "file").write_text("mine")
        before = visible(tmp_path)
        with pytest.raises(UsageError, match="is not a folder of the compact form"):
            pack([store.root], tmp_path / place, EVERYTHING)
        assert visible(tmp_path) == before

    def test_an_empty_folder_is_taken(self, store, tmp_path):
        (tmp_path / "packed").mkdir()
        assert len(pack([store.root], tmp_path / "packed", EVERYTHING).cells) == 3

    def test_the_folder_may_be_the_current_one_or_behind_a_link(self, store, tmp_path, monkeypatch):
        (tmp_path / "packed").mkdir()
        (tmp_path / "link").symlink_to("packed")
        monkeypatch.chdir(tmp_path / "packed")
        pack([store.root], tmp_path / "link", EVERYTHING)
        assert (tmp_path / "link").is_symlink()
        assert len(list(open_results(tmp_path / "packed").records())) == 3
        monkeypatch.chdir(tmp_path / "packed")
        os.chdir(tmp_path / "packed")
        pack([store.root], packing.Path(), EVERYTHING)
        assert len(list(open_results(tmp_path / "packed").records())) == 3
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []

    @pytest.mark.parametrize("name", [RECORD, PREDICTIONS, SAMPLES])
    def test_a_damaged_cell_is_named_and_left_out(self, store, out, name):
        path = folders(store)[0] / name
        path.write_bytes(path.read_bytes()[:-100])
        packed = pack([store.root], out, EVERYTHING)
        assert len(packed.cells) == 2
        assert [str(path) in str(error) for error in packed.damaged] == [True]

    def test_without_a_sound_answer_key_there_is_nothing_to_pack(self, store, out):
        (path,) = (store.root / "answers").iterdir()
        path.write_bytes(b"PK")
        packed = pack([store.root], out, EVERYTHING)
        assert packed.cells == {}
        assert all(str(path) in str(error) for error in packed.damaged)
        assert not out.exists()
        path.unlink()
        packed = pack([store.root], out, EVERYTHING)
        assert len(packed.damaged) == 3
        assert "has no answer key; run: gzslbench rescore" in str(packed.damaged[0])

    def test_arrays_of_other_lengths_than_the_answer_key_cost_their_cell(self, store, out):
        path = folders(store)[0] / PREDICTIONS
        with np.load(path) as archive:
            np.savez(path, **{name: array[1:] for name, array in archive.items()})
        packed = pack([store.root], out, EVERYTHING)
        assert len(packed.cells) == 2
        assert "do not match the" in str(packed.damaged[0])

    @pytest.mark.parametrize("step", ["pathlib.Path.write_bytes", "zipfile.ZipFile.writestr", "pathlib.Path.rename"])
    def test_a_full_disk_leaves_nothing(self, store, tmp_path, monkeypatch, step):
        def refuse(*_, **__):
            raise OSError(28, "No space left on device")

        out = tmp_path / "sent" / ("packed.zip" if "zip" in step else "packed")
        with monkeypatch.context() as patch:
            patch.setattr(step, refuse)
            with pytest.raises(RecordError, match="No space left on device"):
                pack([store.root], out, EVERYTHING)
        assert visible(out.parent) == []

    @pytest.mark.parametrize("call", range(3))
    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
    def test_an_error_while_a_folder_is_replaced_keeps_it(self, store, tmp_path, monkeypatch, call, error):
        out = tmp_path / "packed"
        pack([store.root], out, Wanted(protocols=["strict"]))
        before = {name: (out / name).read_bytes() for name in visible(out)}
        calls = []

        def rename(self, target):
            calls.append(target)
            if len(calls) == call + 1:
                raise error
            return original(self, target)

        original = packing.Path.rename
        with monkeypatch.context() as patch:
            patch.setattr("pathlib.Path.rename", rename)
            if call < 2:
                with pytest.raises((RecordError, KeyboardInterrupt)):
                    pack([store.root], out, EVERYTHING)
                assert {name: (out / name).read_bytes() for name in visible(out)} == before
            else:
                pack([store.root], out, EVERYTHING)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["packed", "results"]

    def test_too_much_for_one_file_is_refused(self, store, tmp_path, monkeypatch):
        monkeypatch.setattr(packing, "ARCHIVE", replace(packing.ARCHIVE, members=3))
        with pytest.raises(UsageError, match="too much for one archive; pack into a folder"):
            pack([store.root], tmp_path / "packed.zip", EVERYTHING)
        assert not list(tmp_path.glob("*.zip*"))
        pack([store.root], tmp_path / "packed", EVERYTHING)

    def test_archives_and_lists_can_be_packed_again(self, store, tmp_path):
        pack([store.root], tmp_path / "all.zip", EVERYTHING)
        pack([tmp_path / "all.zip"], tmp_path / "packed", Wanted(protocols=["strict"]), "page")
        pack([tmp_path / "packed" / "page.txt"], tmp_path / "page", EVERYTHING)
        assert len(list(open_results(tmp_path / "page").records())) == 1

    def test_a_place_without_results_is_named(self, store, tmp_path):
        with pytest.raises(UsageError, match=r"there are no results in .*absent"):
            pack([store.root, tmp_path / "absent"], tmp_path / "packed", EVERYTHING)
        assert not (tmp_path / "packed").exists()


class TestMerge:
    def test_what_is_there_already_is_skipped(self, store, other):
        before = {path: path.stat().st_mtime_ns for path in folders(store)}
        merged = merge([other.root], store.root)
        assert (merged.same, merged.added, merged.replaced, merged.answer_keys) == (3, 0, 0, 0)
        assert {path: path.stat().st_mtime_ns for path in folders(store)} == before

    @pytest.mark.parametrize(
        ("prefer", "theirs_is", "taken"),
        [
            (None, LATER, None),
            ("newer", LATER, True),
            ("newer", "2000-01-01", False),
            ("older", LATER, False),
            ("older", "2000-01-01", True),
            ("theirs", "2000-01-01", True),
            ("ours", LATER, False),
        ],
    )
    def test_a_cell_that_differs(self, store, other, prefer, theirs_is, taken):
        ours = next(store.records())
        theirs = rewrite(other, ours, metrics=worse(ours), created=theirs_is)
        merged = merge([other.root], store.root, prefer)
        assert store.read(store.folder(ours.key)) == (theirs if taken else ours)
        assert (merged.replaced, merged.kept, len(merged.refused)) == (taken is True, taken is False, taken is None)
        assert merged.same == 2
        if taken is None:
            assert ours.digest in merged.refused[0]
            assert f"theirs at {LATER}; H {100 * ours.metrics.h:.2f} -> " in merged.refused[0]

    @pytest.mark.parametrize("prefer", ["newer", "older"])
    def test_of_two_made_at_the_same_time_neither_is_newer(self, store, other, prefer):
        ours = next(store.records())
        rewrite(other, ours, metrics=worse(ours))
        merged = merge([other.root], store.root, prefer)
        assert "both were made at" in merged.refused[0]
        assert store.read(store.folder(ours.key)) == ours

    def test_other_predictions_or_samples_are_a_difference(self, store, other):
        first, second, _ = folders(other)
        (first / SAMPLES).unlink()
        with np.load(second / PREDICTIONS) as archive:
            changed = {**archive, "margin": archive["margin"] + 1}
        np.savez_compressed(second / PREDICTIONS, **changed)
        refused = merge([other.root], store.root).refused
        assert [line.endswith("; their metrics are the same") for line in refused] == [True, True]

    def test_another_compression_is_none(self, store, other):
        for folder in folders(other):
            with np.load(folder / PREDICTIONS) as archive:
                arrays = dict(archive)
            np.savez(folder / PREDICTIONS, **arrays)
        assert merge([other.root], store.root).same == 3

    def test_several_sources_that_differ_among_themselves(self, store, other, tmp_path):
        ours = next(store.records())
        theirs = rewrite(other, ours, metrics=worse(ours), created=LATER)
        assert len(merge([store.root, other.root], tmp_path / "a").refused) == 1
        merged = merge([store.root, other.root], tmp_path / "b", "newer")
        assert (merged.added, merged.replaced, merged.same) == (3, 1, 2)
        assert Store(tmp_path / "b").read(Store(tmp_path / "b").folder(ours.key)) == theirs

    @pytest.mark.parametrize("name", [RECORD, PREDICTIONS])
    def test_damaged_ones_are_named_and_left_out(self, store, tmp_path, name):
        path = folders(store)[0] / name
        path.write_bytes(path.read_bytes()[:100])
        merged = merge([store.root], tmp_path / "there")
        assert (merged.added, len(merged.damaged)) == (2, 1)
        assert str(path) in str(merged.damaged[0])
        assert len(list(Store(tmp_path / "there").records())) == 2

    def test_a_sound_one_takes_the_place_of_a_damaged_one(self, store, other, hold_the_same):
        (folders(store)[0] / PREDICTIONS).write_bytes(b"")
        assert merge([other.root], store.root).added == 1
        assert all(hold_the_same(store, other, record) for record in store.records())

    def test_another_answer_key_is_refused(self, store, other):
        (path,) = (other.root / "answers").iterdir()
        with np.load(path) as archive:
            forged = {**archive, "labels": archive["labels"][::-1]}
        np.savez(path, **forged)
        before = [each.read_bytes() for each in (store.root / "answers").iterdir()]
        (refused,) = merge([other.root], store.root).refused
        assert refused == "answer key of glyphs, split 'official': the labels differ from ours"
        assert [each.read_bytes() for each in (store.root / "answers").iterdir()] == before

    def test_a_damaged_answer_key_is_named(self, store, tmp_path):
        (path,) = (store.root / "answers").iterdir()
        with np.load(path) as archive:
            np.savez(path, **{**archive, "samples": archive["samples"][1:]})
        merged = merge([store.root], tmp_path / "there")
        assert (merged.added, merged.answer_keys) == (3, 0)
        assert "its labels don't fit its samples" in str(merged.damaged[0])

    def test_into_itself_is_refused(self, store, tmp_path):
        with pytest.raises(UsageError, match="into itself"):
            merge([tmp_path / "." / "results"], store.root)

    def test_into_the_compact_form_is_refused(self, store, tmp_path):
        pack([store.root], tmp_path / "packed", EVERYTHING)
        before = visible(tmp_path / "packed")
        with pytest.raises(UsageError, match="is a folder of the compact form; add to it with gzslbench results pack"):
            merge([store.root], tmp_path / "packed")
        assert visible(tmp_path / "packed") == before

    @pytest.mark.parametrize("name", ["absent", "empty"])
    def test_where_no_results_are_nothing_is_made(self, tmp_path, name):
        (tmp_path / "empty").mkdir()
        with pytest.raises(UsageError, match=name):
            merge([tmp_path / name], tmp_path / "there")
        assert not (tmp_path / "there").exists()

    def test_while_another_writer_is_at_work_it_is_refused(self, store, other):
        with store.writing(), pytest.raises(UsageError, match="is writing to"):
            merge([other.root], store.root)

    def test_the_leaderboard_is_that_of_all_folders_together(self, store, other, tmp_path):
        for folder in folders(store)[1:]:
            shutil.rmtree(folder)
        rewrite(other, next(other.records()), metrics=worse(next(other.records())), created=LATER)
        merge([store.root, other.root], tmp_path / "there", "newer")
        assert summaries(Store(tmp_path / "there")) == summaries(other)

    def test_a_kill_leaves_complete_cells_and_the_same_command_continues(self, hold_the_same, store, tmp_path):
        delays, there = random.Random(0), tmp_path / "there"
        record = next(store.records())
        for seed in range(1, 10):
            key = replace(record.key, seed=seed)
            shutil.copytree(store.folder(record.key), store.folder(key))
            rewrite(store, record, key=key)
        for _ in range(4):
            began = len(list(Store(there).records()))
            child = os.fork()
            if child == 0:
                merge([store.root], there)
                os._exit(0)
            while len(list(Store(there).records())) == began:
                time.sleep(0.002)
            time.sleep(delays.uniform(0.0, 0.03))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            for each in Store(there).records():
                assert isinstance(each, Record)
                read_cell(Store(there), each)
        merge([store.root], there)
        assert all(hold_the_same(store, Store(there), record) for record in store.records())


class TestDiff:
    def test_equal(self, store, other, out):
        pack([other.root], out, EVERYTHING)
        assert compare(store.root, out).equal
        assert compare(store.root, out).same == 3

    def test_what_only_one_has_and_what_differs(self, store, other):
        first, second, third = store.records()
        rewrite(other, second, metrics=replace(second.metrics, h=second.metrics.h + 0.01))
        shutil.rmtree(other.folder(first.key))
        shutil.rmtree(store.folder(third.key))
        difference = compare(store.root, other.root)
        assert [first.digest in name for name in difference.only_first] == [True]
        assert [third.digest in name for name in difference.only_second] == [True]
        (changes,) = difference.changed.values()
        assert changes == {"h": (second.metrics.h, second.metrics.h + 0.01)}
        assert not difference.equal

    def test_times_and_notes_do_not_matter(self, store, other):
        rewrite(other, next(other.records()), created=LATER, notes={"a": 1})
        assert compare(store.root, other.root).equal

    def test_a_damaged_record_is_named(self, store, other):
        path = folders(other)[0] / RECORD
        path.write_text("{}")
        difference = compare(store.root, other.root)
        assert not difference.equal
        assert str(path) in str(difference.damaged[0])


def test_changes_in_words():
    changes = {"routing_seen.either": (0, 1), "h": (0.591, 0.592), "t1": (0.5, 0.4), "gate_auroc": (None, 0.9)}
    assert change_text(changes) == (
        "T1 50.00 -> 40.00 (-10), H 59.10 -> 59.20 (+0.1), gate AUROC none -> 90.00, "
        "routing_seen.either 0.00 -> 100.00 (+1e+02)"
    )


def npz(**files):
    """An ``.npz`` of raw members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


def npy(array, **options):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **options)
    return stream.getvalue()


def lying_npy(shape):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return stream.getvalue() + b"\0" * 64


class Bang:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was read",))


NOT_ARRAYS = pytest.mark.parametrize(
    "content",
    [
        npz(samples=npy(np.array([Bang()]), allow_pickle=True)),
        npz(samples=lying_npy((1 << 40,))),
        npz(samples=lying_npy((-1,))),
        npz(samples=b"\x93NUMPY\x01\x00\xff\xff"),
        npz(**{"../samples": npy(np.arange(3)), "samples": b""}),
        npz(samples=npy(np.zeros(1 << 24))),
        b"\x80\x04K\x01.",
        b"",
    ],
    ids=["pickle", "too long", "negative", "cut header", "not an array", "bomb", "bare pickle", "empty"],
)


class TestHostile:
    """Results of strangers."""

    def send(self, tmp_path, *entries):
        path = tmp_path / "hostile.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in entries:
                archive.writestr(name, content)
        return path

    def refused(self, path, there, why):
        with pytest.raises(GzslbenchError, match=why):
            merge([path], there)
        assert not there.exists()

    @pytest.mark.parametrize(
        "name",
        ["../evil", "/etc/evil", "CUB/../../evil.npz", "C:/evil.npz", "CUB\\..\\evil.npz", "CUB/a\n.npz", "CUB//a.npz"],
    )
    def test_path_traversal(self, tmp_path, name):
        path = self.send(tmp_path, (name, b"x"))
        self.refused(path, tmp_path / "there", "hostile.zip: ")
        assert visible(tmp_path) == ["hostile.zip"]

    @pytest.mark.parametrize("name", ["CUB/strict.jsonl", "answers/a-b.npz"])
    def test_a_link(self, tmp_path, name):
        link = zipfile.ZipInfo(name)
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        self.refused(self.send(tmp_path, (link, "/etc/passwd")), tmp_path / "there", "is a symbolic link")

    def test_a_bomb(self, tmp_path):
        path = self.send(tmp_path, ("CUB/strict.jsonl", b"\0" * (40 << 20)))
        self.refused(path, tmp_path / "there", "unpacks to more than is allowed")

    @pytest.mark.parametrize("content", [b"", b"PK", b"not a zip" * 99])
    def test_not_an_archive(self, tmp_path, content):
        (tmp_path / "hostile.zip").write_bytes(content)
        self.refused(tmp_path / "hostile.zip", tmp_path / "there", "is not a complete zip archive")

    def test_a_file_where_a_folder_must_be(self, tmp_path):
        path = self.send(tmp_path, ("a/b.jsonl", b""), ("a/b.jsonl/c.npz", b""))
        self.refused(path, tmp_path / "there", "as a file and as a folder")

    def test_what_does_not_belong_to_results_is_not_unpacked(self, store, tmp_path):
        pack([store.root], tmp_path / "good.zip", EVERYTHING)
        with zipfile.ZipFile(tmp_path / "good.zip", "a") as archive:
            for name in ("glyphs/evil.py", "plugins/evil.py", "evil.jsonl", "evil.txt", "a/b/c/evil.npz"):
                archive.writestr(name, "x")
        with opened(tmp_path / "good.zip") as sent:
            assert not list(sent.root.rglob("evil*"))
        assert merge([tmp_path / "good.zip"], tmp_path / "there").added == 3

    @NOT_ARRAYS
    @pytest.mark.parametrize("name", [PREDICTIONS, SAMPLES])
    def test_arrays_of_a_store(self, store, tmp_path, name, content):
        """A folder is no safer than an archive."""
        (folders(store)[0] / name).write_bytes(content)
        merged = merge([store.root], tmp_path / "there")
        assert (merged.added, len(merged.damaged)) == (2, 1)
        assert name in str(merged.damaged[0])

    @NOT_ARRAYS
    @pytest.mark.parametrize("name", ["predictions", "answers"])
    def test_arrays_of_an_archive(self, store, tmp_path, name, content):
        pack([store.root], tmp_path / "packed", EVERYTHING)
        pattern = "answers/*.npz" if name == "answers" else "*/strict/*.npz"
        (path,) = (tmp_path / "packed").glob(pattern)
        path.write_bytes(content)
        entries = [(file, (tmp_path / "packed" / file).read_bytes()) for file in visible(tmp_path / "packed")]
        merged = merge([self.send(tmp_path, *entries)], tmp_path / "there")
        assert merged.added == (0 if name == "answers" else 2)
        assert merged.damaged
        assert all(path.name in str(error) for error in merged.damaged)

    def test_a_record_of_another_cell(self, store, tmp_path):
        first, second, _ = folders(store)
        shutil.copy(first / RECORD, second / RECORD)
        merged = merge([store.root], tmp_path / "there")
        assert f"{second / RECORD} belongs into {first}" in str(merged.damaged[0])
        assert len(merged.damaged) == 1

    @pytest.mark.parametrize(
        "damage", ['"notes": {"a": NaN}', '"notes": {"a": 1e999}', '"later": 1', '"schema_version": 6']
    )
    def test_what_is_not_a_record(self, store, tmp_path, damage):
        path = folders(store)[0] / RECORD
        path.write_text(f"{path.read_text().rstrip().removesuffix('}')}, {damage}}}")
        merged = merge([store.root], tmp_path / "there")
        assert (merged.added, len(merged.damaged)) == (2, 1)

    def test_labels_of_a_stranger_do_not_replace_ours(self, store, other, tmp_path):
        (path,) = (other.root / "answers").iterdir()
        with np.load(path) as archive:
            np.savez(path, **{**archive, "labels": archive["labels"][::-1]})
        packed = pack([store.root, other.root], tmp_path / "packed", EVERYTHING)
        assert (len(packed.cells), len(packed.damaged)) == (3, 3)
        assert all("labels" in str(error) for error in packed.damaged)
        for record in CompactResults(tmp_path / "packed").records():
            assert CompactResults(tmp_path / "packed").answer_key(record.key).same(store.answer_key(record.key))


def test_cells_of_one_name_that_differ_say_why(tmp_path, make_record, write_judged):
    marks = np.arange(60) < 30
    for place, config in (("one", {"gamma": 1.0}), ("other", {"gamma": 2.0})):
        for seed in (1, 0):
            write_judged(tmp_path / place, marks, seed=seed, config=config)
    found = compare(tmp_path / "one", tmp_path / "other").only_first
    assert [name.split(" seed ")[1][0] for name in found] == ["0", "1"]
    assert all(name.endswith(" (there generator.config.gamma: 1.0 -> 2.0)") for name in found)
