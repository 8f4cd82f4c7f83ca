import errno
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gzslbench.records import index
from gzslbench.records.record import CellKey, PartKey
from gzslbench.records.store import RECORD, Store
from gzslbench.records.summary import RecordSummary, summary_of


@pytest.fixture(autouse=True)
def every_file_settled(monkeypatch):
    """Take every file for settled: the time of its last change can't be set back."""
    monkeypatch.setattr(index, "SETTLED_NS", -(10**12))


@pytest.fixture
def store(tmp_path, make_record):
    """A store of six records, with an index."""
    store = Store(tmp_path / "results")
    for seed in range(3):
        for method in ("eszsl", "sae"):
            put(store, make_record(method=method, seed=seed, h=0.1 * seed))
    assert len(store.results()) == 6
    return store


@pytest.fixture
def reads(monkeypatch):
    """The folders whose records are read, as they are."""
    read_folders = []
    read = Store.read
    monkeypatch.setattr(Store, "read", lambda self, folder: (read_folders.append(folder), read(self, folder))[1])
    return read_folders


def put(store, record):
    """Lay a record down as a user would copy it in; the store takes no notice."""
    folder = store.folder(record.key)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).write_text(record.to_json())
    return folder


def index_of(store):
    return store.root / ".index"


def truth(store):
    """The results as the records alone tell them."""
    return sorted(map(summary_of, store.records()), key=repr)


def told(store):
    return sorted(store.results(), key=repr)


def test_with_the_index_no_record_is_read(store, reads):
    expected = truth(store)
    reads.clear()
    assert told(store) == expected
    assert reads == []


def test_without_the_index_all_are_read_and_it_is_made_again(store, reads):
    expected = told(store)
    index_of(store).unlink()
    assert told(store) == expected
    assert len(reads) == 6
    assert told(store) == expected
    assert len(reads) == 6


def test_only_what_is_new_or_changed_is_read(store, make_record, reads):
    new = put(store, make_record(seed=9))
    changed = put(store, make_record(method="sae", seed=1, h=0.9))
    expected = truth(store)
    reads.clear()
    assert told(store) == expected
    assert sorted(reads) == sorted([new, changed])


def test_a_change_that_keeps_size_and_time_of_modification_is_seen(store, make_record):
    path = store.folder(make_record(seed=1).key) / RECORD
    before = path.stat()
    path.write_text(path.read_text().replace('"h": 0.1', '"h": 0.7'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert 0.7 in [result.h for result in store.results()]


def test_a_replaced_folder_is_seen(store, make_record, tmp_path):
    other = Store(tmp_path / "other")
    foreign = put(other, make_record(seed=1, h=0.8))
    mine = store.folder(make_record(seed=1).key)
    shutil.rmtree(mine)
    foreign.rename(mine)
    assert 0.8 in [result.h for result in store.results()]


def test_what_is_deleted_is_gone(store, make_record):
    shutil.rmtree(store.folder(make_record(seed=1).key))
    assert len(store.results()) == 5
    shutil.rmtree(store.root / "records" / "CUB" / "sae+none+none")
    assert told(store) == truth(store)
    assert len(store.results()) == 2
    shutil.rmtree(store.root / "records")
    assert store.results() == []
    assert index.load(index_of(store)) == {}


def test_an_index_of_other_results_says_nothing(store, make_record, tmp_path):
    other = Store(tmp_path / "other")
    for seed in range(3):
        put(other, make_record(seed=seed, h=0.9))
    shutil.copy(index_of(store), index_of(other))
    assert {result.h for result in other.results()} == {0.9}
    shutil.copytree(store.root, tmp_path / "copy")
    assert told(Store(tmp_path / "copy")) == told(store)


def test_a_file_that_just_changed_is_read_again(store, make_record, reads, monkeypatch):
    monkeypatch.setattr(index, "SETTLED_NS", 10**12)
    folder = put(store, make_record(seed=9))
    for _ in range(2):
        assert len(store.results()) == 7
    assert reads.count(folder) == 2


def test_a_damaged_record_is_named_every_time(store, make_record, caplog):
    folder = put(store, make_record(seed=1))
    (folder / RECORD).write_text("{}")
    (store.folder(make_record(seed=2).key) / RECORD).unlink()
    for _ in range(2):
        caplog.clear()
        assert len(store.results()) == 4
        assert str(folder / RECORD) in caplog.text
        assert len(caplog.records) == 2


@pytest.mark.parametrize("place", [0, 7, 8, 9, 200, -1000, -200, -8, -1])
def test_a_flipped_bit_is_noticed(store, place):
    expected, content = told(store), bytearray(index_of(store).read_bytes())
    content[place] ^= 1
    index_of(store).write_bytes(content)
    assert index.load(index_of(store)) == {}
    assert told(store) == expected
    assert index.load(index_of(store)) != {}


@pytest.mark.parametrize("content", [b"", b"0", b"00000000", b"d202ef8d\x00", b"not an index at all\n" * 99])
def test_what_is_no_index_is_dropped(store, content):
    expected = told(store)
    index_of(store).write_bytes(content)
    assert told(store) == expected
    assert index.load(index_of(store)) != {}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_cut_index_is_dropped(store, share):
    os.truncate(index_of(store), int(index_of(store).stat().st_size * share))
    assert index.load(index_of(store)) == {}
    assert told(store) == truth(store)


def test_an_index_of_another_version_is_dropped(store, monkeypatch, reads):
    monkeypatch.setattr(index, "_KIND", ["another"])
    assert len(store.results()) == 6
    assert len(reads) == 6


def test_a_folder_in_its_place_does_no_harm(store):
    expected = told(store)
    index_of(store).unlink()
    index_of(store).mkdir()
    assert told(store) == expected
    assert not list((store.root / ".incomplete").glob("*"))


@pytest.mark.parametrize("step", ["os.mkdir", "pathlib.Path.write_bytes", "pathlib.Path.replace"])
@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_where_it_can_not_be_written_the_results_are_the_same(store, make_record, monkeypatch, step, code):
    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    put(store, make_record(seed=9))
    before = index_of(store).read_bytes()
    monkeypatch.setattr(step, refuse)
    assert told(store) == truth(store)
    assert len(store.results()) == 7
    assert index_of(store).read_bytes() == before
    assert not list((store.root / ".incomplete").glob("*"))


def test_results_that_are_not_there_are_not_made(tmp_path):
    assert Store(tmp_path / "none").results() == []
    assert not (tmp_path / "none").exists()


def test_a_killed_writer_leaves_a_whole_index(store):
    delays, whole = random.Random(0), index.load(index_of(store))
    for _ in range(15):
        child = os.fork()
        if child == 0:  # writes until it is killed
            while True:
                store._write_index(whole)
        time.sleep(delays.uniform(0.001, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert index.load(index_of(store)) == whole
    with store.writing():
        assert not list((store.root / ".incomplete").glob("*"))


def test_processes_share_a_store(store, make_record):
    """Three processes read and write the index, one lays down records and one clears up behind killed writers."""
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            counts = [len(Store(store.root).results()) for _ in range(30)]
            os._exit(0 if counts == sorted(counts) and counts[0] >= 6 else 1)
        children.append(child)
    for seed in range(10, 40):
        record = make_record(seed=seed)
        draft = store.root / "draft"
        draft.mkdir()
        (draft / RECORD).write_text(record.to_json())
        draft.rename(store.folder(record.key))
        with store.writing():
            pass
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert told(store) == truth(store)
    assert len(store.results()) == 36


texts = st.text(max_size=8)
floats = st.floats(allow_nan=False, allow_infinity=False)
configs = st.dictionaries(texts, st.none() | st.booleans() | st.integers() | floats | texts, max_size=2)
parts = st.builds(PartKey, texts, configs, texts)


@st.composite
def keys(draw):
    values = [draw(texts) for _ in range(4)]
    roles = draw(st.none() | parts), draw(parts), draw(parts)
    candidates = tuple(draw(st.lists(configs, max_size=2)))
    return CellKey(*values, "", "", "inductive", 1, *roles, seed=0, candidates=candidates)


@st.composite
def results(draw):
    key = draw(keys())
    common = {"key": key, "configuration": key.digest()}
    optional = ("gate_auroc", "predict_per_s", "peak_device_mib")
    numbers = {"seed": st.integers(0, 2**64), "test_reads": st.integers(0), "jobs": st.integers(1, 9)}
    numbers["seeds_together"] = st.integers(1, 9)
    numbers |= dict.fromkeys(("t1", "u", "s", "h", "ausuc", "fit_s", "peak_memory_mib"), floats)
    drawn = {name: draw(values) for name, values in numbers.items()}
    drawn |= {name: draw(st.none() | floats) for name in optional}
    drawn |= {name: draw(st.booleans()) for name in ("unseen_semantics", "generative")}
    drawn |= {name: draw(texts) for name in ("split", "split_hash", "method", "budget", "created", "machine_class")}
    return RecordSummary(**common, **drawn)


stamps = st.tuples(st.integers(0), st.integers(), st.integers(), st.integers(0, 2**64 - 1))
rows = st.lists(st.tuples(texts.filter(lambda name: name and "/" not in name), stamps, results()), max_size=4)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(texts, rows.filter(bool), max_size=2))
def test_what_is_written_is_read(tmp_path_factory, folders):
    path = tmp_path_factory.mktemp("index") / "index"
    written = {parent: index.folder_of(mine) for parent, mine in folders.items()}
    path.write_bytes(index.dump(written))
    assert repr(index.load(path)) == repr(written)


def test_git_leaves_out_that_of_the_committed_results():
    assert "/leaderboards/**/.index" in (Path(__file__).parents[2] / ".gitignore").read_text().splitlines()
