from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from gzslbench.data.cache import Cache
from gzslbench.data.entry import MAPPED_FROM_BYTES, Entry
from gzslbench.errors import DataError
from gzslbench.files import sha256_of

LARGE = MAPPED_FROM_BYTES // 4 + 1


def count_letters(path: Path) -> Entry:
    """Convert a text file; leave a mark for every call, so that calls can be counted from any process."""
    with path.with_suffix(".calls").open("a") as calls:
        calls.write("x")
    text = path.read_bytes()
    return Entry({"large": np.full(LARGE, len(text), dtype=np.float32), "none": np.empty((0, 2))}, {"size": len(text)})


def calls(source: Path) -> int:
    marks = source.with_suffix(".calls")
    return len(marks.read_text()) if marks.exists() else 0


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.txt"
    path.write_text("some text")
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def entries(cache: Cache) -> list[Path]:
    return list((cache.root / "entries").iterdir())


def test_a_file_is_converted_once_and_mapped(cache: Cache, source: Path) -> None:
    for _ in range(2):
        entry, digest = cache.of_file(source, "text", count_letters)
        assert entry.meta == {"size": 9}
        assert entry.arrays["large"].shape == (LARGE,)
        assert entry.arrays["large"][0] == 9
        assert entry.arrays["none"].shape == (0, 2)
        assert isinstance(entry.arrays["large"].base, np.memmap)
        assert len(digest) == 64
        with pytest.raises(ValueError, match="read-only"):
            entry.arrays["large"][0] = 1
    assert calls(source) == 1


def test_a_second_start_does_not_open_the_source(cache: Cache, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.of_file(source, "text", count_letters)
    opened: list[Path] = []
    plain_open = Path.open

    def watched(path: Path, *arguments: object, **options: object) -> object:
        opened.append(path)
        return plain_open(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", watched)
    cache.of_file(source, "text", count_letters)
    assert source not in opened


def test_entries_belong_to_content_not_to_paths(cache: Cache, source: Path) -> None:
    cache.of_file(source, "text", count_letters)
    twin = source.with_name("twin.txt")
    twin.write_bytes(source.read_bytes())
    cache.of_file(twin, "text", count_letters)
    assert calls(twin) == 0
    source.write_text("other text")
    entry, _ = cache.of_file(source, "text", count_letters)
    assert entry.meta["size"] == 10
    assert len(entries(cache)) == 2


def test_a_touched_file_is_hashed_again_but_not_converted(cache: Cache, source: Path) -> None:
    cache.of_file(source, "text", count_letters)
    os.utime(source, ns=(1, 1))
    cache.of_file(source, "text", count_letters)
    assert calls(source) == 1


def test_a_file_put_in_the_place_of_another_is_told_whatever_its_size_and_time(cache: Cache, source: Path) -> None:
    _, digest = cache.of_file(source, "text", count_letters)
    status = source.stat()
    for put_in_place in (source.write_text, lambda text: other(source, text).rename(source)):
        put_in_place("9 letters")
        os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert (source.stat().st_size, source.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
        assert cache.of_file(source, "text", count_letters)[1] != digest


def other(source: Path, text: str) -> Path:
    path = source.with_name("other.txt")
    path.write_text(text)
    return path


def test_a_recheck_believes_no_note(cache: Cache, source: Path) -> None:
    _, digest = cache.of_file(source, "text", count_letters)
    (note,) = (cache.root / "index").iterdir()
    note.write_text(note.read_text().replace(digest, "0" * 64))
    assert cache.fact(source, "sha256", sha256_of) == "0" * 64
    assert Cache(cache.root, recheck=True).of_file(source, "text", count_letters)[1] == digest
    assert cache.of_file(source, "text", count_letters)[1] == digest


def test_a_file_that_changes_while_it_is_read_is_refused(cache: Cache, source: Path) -> None:
    def change(path: Path) -> Entry:
        path.write_text("another text")
        return Entry({})

    with pytest.raises(DataError, match=r"source\.txt changed while it was read"):
        cache.of_file(source, "text", change)
    assert not (cache.root / "entries").exists()


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def overwrite_middle(file: Path) -> None:
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 50_000] = bytes(50_000)
    file.write_bytes(content)


def zero_one_number(file: Path) -> None:
    """Where no sample of blocks would look."""
    content = bytearray(file.read_bytes())
    content[200:204] = bytes(4)
    file.write_bytes(content)


def change_one_letter(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"2", b"3"))


@pytest.mark.parametrize("damage", [cut_off, overwrite_middle, zero_one_number, change_one_letter, Path.unlink])
@pytest.mark.parametrize("name", ["large.npy", "meta.json"])
def test_a_damaged_entry_is_made_again(cache: Cache, source: Path, damage: object, name: str) -> None:
    cache.of_file(source, "text", count_letters)
    if name == "meta.json" and damage is overwrite_middle:
        (entries(cache)[0] / name).write_text(json.dumps([1, 2]))
    else:
        damage(entries(cache)[0] / name)  # type: ignore[operator]
    entry, _ = cache.of_file(source, "text", count_letters)
    assert (entry.arrays["large"] == 9).all()
    assert calls(source) == 2
    cache.of_file(source, "text", count_letters)
    assert calls(source) == 2


def test_a_failed_conversion_leaves_nothing(cache: Cache, source: Path) -> None:
    def fail(path: Path) -> Entry:
        raise DataError("broken", "fix it")

    with pytest.raises(DataError, match="broken"):
        cache.of_file(source, "text", fail)
    assert not (cache.root / "entries").exists()


def open_in_process(root: Path, source: Path) -> int:
    entry, _ = Cache(root).of_file(source, "text", count_letters)
    return int(entry.arrays["large"].sum())


def test_processes_share_a_cache(cache: Cache, source: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        sums = pool.starmap(open_in_process, [(cache.root, source)] * 8)
    assert set(sums) == {9 * LARGE}
    assert len(entries(cache)) == 1  # and no temporary folders


def test_a_cache_that_can_not_be_written_is_named(tmp_path: Path, source: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="GZSLBENCH_CACHE"):
        Cache(tmp_path / "file").of_file(source, "text", count_letters)


def test_a_missing_source_is_named(cache: Cache, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.mat can't be read"):
        cache.of_file(tmp_path / "absent.mat", "text", count_letters)
