"""Feeds one reader of foreign bytes damaged files for a while: only errors of ours may come out of it.

``python readers.py NAME SECONDS SEED FOLDER`` exits with 0 where nothing else did. A hang or a crash ends the process;
what it was reading then, or an error came from, is left in FOLDER.input.
"""

from __future__ import annotations

import atexit
import contextlib
import gzip
import io
import os
import resource
import shutil
import signal
import sys
import tarfile
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import hypothesis
import numpy as np
import scipy.io
from hypothesis import strategies as st
from mutations import damaged

from gzslbench.cli.main import main
from gzslbench.data.audit import require_sound
from gzslbench.data.catalogue import Catalogue
from gzslbench.data.fetching import unpack
from gzslbench.data.importing import Sources, import_data_set
from gzslbench.errors import GzslbenchError
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.arrays import npz
from gzslbench.records.predictions import Predictions
from gzslbench.records.provenance import MANIFEST
from gzslbench.records.record import Failure, Record
from gzslbench.records.store import Store
from gzslbench.registry.declarations import plugin_file, read_listing
from gzslbench.registry.declared_settings import declared_settings
from gzslbench.registry.recipes import read_recipe
from gzslbench.submission.bundle import write_bundle
from gzslbench.submission.manifest import Manifest, declarations
from gzslbench.submission.submit import Submission, submit

ROOT = Path(__file__).parents[2]
MEMORY_BYTES = 2 << 30
"""What a reader may take beyond what its process takes before."""
HANG_S = 30
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Reader:
    """Sound files by name, and what reads one of them, given a fresh folder, the file's name and its damaged bytes."""

    files: Callable[[], Files]
    read: Callable[[Path, str, bytes], object]


@cache
def matlab_5() -> Files:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 4)
    first = np.arange(20) % 4 == 0
    sets = {
        "trainval_loc": (labels < 3) & ~first,
        "test_seen_loc": (labels < 3) & first,
        "test_unseen_loc": labels >= 3,
    }
    names = np.empty((5, 1), dtype=object)
    names[:, 0] = [f"class {letter}" for letter in "abcde"]
    positions = {name: np.flatnonzero(rows)[:, None] + 1 for name, rows in sets.items()}
    features = {"features": rng.random((3, 20), dtype=np.float32), "labels": labels[:, None] + 1}
    splits = {"att": rng.random((2, 5)), "allclasses_names": names, **positions}
    return {"res101.mat": _mat(features), "att_splits.mat": _mat(splits), "compressed/res101.mat": _mat(features, True)}


def _mat(variables: dict[str, Any], compressed: bool = False) -> bytes:
    stream = io.BytesIO()
    scipy.io.savemat(stream, variables, do_compression=compressed)
    return stream.getvalue()


@cache
def matlab_7_3() -> Files:
    """The same in HDF5, which stores columns as rows, and names as references to arrays of characters."""
    made = {}
    for name, content in matlab_5().items():
        stream = io.BytesIO()
        with h5py.File(stream, "w", userblock_size=512) as file:
            for key, value in scipy.io.loadmat(io.BytesIO(content)).items():
                if key == "allclasses_names":
                    texts = [[[ord(letter)] for letter in text] for (text,) in value[:, 0]]
                    kept = [file.create_dataset(f"#refs#/{row}", data=text) for row, text in enumerate(texts)]
                    file.create_dataset(key, data=[[text.ref for text in kept]], dtype=h5py.ref_dtype)
                elif not key.startswith("__"):
                    file.create_dataset(key, data=value.T, compression="gzip" if "compressed" in name else None)
        header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM"
        made[name] = header.ljust(512, b"\0") + stream.getvalue()[512:]
    return made


def read_world(folder: Path, name: str, content: bytes) -> None:
    """Open and audit the data set."""
    for each, sound in (matlab_5() | {name: content}).items():
        path = folder / "W" / Path(each).name
        path.parent.mkdir(exist_ok=True)
        if "compressed" not in each or each == name:
            path.write_bytes(sound)
    data_set = Catalogue.find([folder], {}, folder / "cache").open("W", folder / "cache")
    require_sound(data_set, data_set.split())


@cache
def cached_world() -> Path:
    """A folder with the data set, which stays, and the cache that was filled when it was opened."""
    folder = Path(tempfile.mkdtemp(prefix="gzslbench-soak-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    read_world(folder, "att_splits.mat", matlab_5()["att_splits.mat"])
    return folder


def cached() -> Files:
    place = cached_world() / "cache"
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def read_cached(folder: Path, name: str, content: bytes) -> None:
    """Open the data set with a cache of which this is one of the files."""
    shutil.copytree(cached_world() / "cache", folder / "cache")
    (folder / "cache" / name).write_bytes(content)
    data_set = Catalogue.find([cached_world()], {}, folder / "cache").open("W", folder / "cache")
    require_sound(data_set, data_set.split())


@cache
def tables() -> Files:
    world = {}
    for content in matlab_5().values():
        world |= scipy.io.loadmat(io.BytesIO(content))
    features, labels, semantics = world["features"].T, world["labels"][:, 0], world["att"].T
    rows = [["name", *"xyz"], *([f"sample {row}", *values] for row, values in enumerate(features))]
    split = {name: world[name][:, 0] for name in ("trainval_loc", "test_seen_loc", "test_unseen_loc")}
    return {
        "features.npy": _npy(features),
        "features.npz": npz({"features": features}),
        "features.csv": "\n".join(",".join(map(str, row)) for row in rows).encode(),
        "features.mat": _mat({"features": features.T}),
        "semantics.csv": "\n".join(f"{c},{x},{y}" for c, (x, y) in zip("abcde", semantics, strict=True)).encode(),
        "labels.csv": "\n".join("abcde"[label - 1] for label in labels).encode(),
        "labels.npy": _npy(labels),
        "split.npz": npz(split),
    }


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def read_table(folder: Path, name: str, content: bytes) -> None:
    """Import a data set of which this is one of the files."""
    parts = {"features": "features.npy", "semantics": "semantics.csv", "labels": "labels.csv", "split": "split.npz"}
    parts[name.partition(".")[0]] = name
    for each in parts.values():
        (folder / each).write_bytes(content if each == name else tables()[each])
    import_data_set("W", folder / "data", Sources(**{part: folder / each for part, each in parts.items()}))


@cache
def stored() -> Files:
    """A cell of a running store, with what lies beside it."""
    root = ROOT / "tests" / "fixtures" / "records" / "v3"
    record = next(root.rglob("record.json"))
    (answers,) = root.glob("answers/*.npz")
    failure = Failure(Record.from_json(record.read_bytes(), "").key, "eszsl", "error", "fit gate", "because", "", "")
    return {
        "record.json": record.read_bytes(),
        "predictions.npz": (record.parent / "predictions.npz").read_bytes(),
        "answers.npz": answers.read_bytes(),
        "failure.json": failure.to_json().encode(),
    }


def read_stored(folder: Path, name: str, content: bytes) -> None:
    """Read the file; a record that is accepted must be shown by every command that shows records."""
    path = folder / name
    path.write_bytes(content)
    sound = stored()
    match name:
        case "predictions.npz":
            Predictions.load(path)
        case "answers.npz":
            AnswerKey.load(path)
        case "failure.json":
            Failure.from_json(content, name)
        case "record.json":
            record = Record.from_json(content, name)
            for each, original in sound.items():
                (folder / each).write_bytes(original)
            store = Store(folder / "results")
            store.write(record, Predictions.load(folder / "predictions.npz"))
            store.write_answer_key(record.key, AnswerKey.load(folder / "answers.npz"))
            show(folder / "results")


def show(results: Path) -> None:
    for arguments in (
        *(["leaderboard", "--format", each] for each in ("markdown", "csv", "json", "latex")),
        ["results", "list"],
        ["rescore", "--check"],
    ):
        command([*arguments, "--results", str(results)])


def command(arguments: list[str]) -> None:
    """Call the command line, which raises what is no error of ours, and turns those that are into exit codes."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            main(arguments)
        except SystemExit as ended:
            if ended.code not in (0, 1, 2, 3):
                raise RuntimeError(f"{arguments} gave the exit code {ended.code}") from None


COMPACT = ROOT / "tests" / "fixtures" / "records" / "compact-v3"


@cache
def compact() -> Files:
    files = {str(path.relative_to(COMPACT)): path.read_bytes() for path in COMPACT.rglob("*") if path.is_file()}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return files | {"results.zip": packed.getvalue()}


def read_compact(folder: Path, name: str, content: bytes) -> None:
    """Show the results in a folder, of a list, or of an archive."""
    if name == "results.zip":
        (folder / name).write_bytes(content)
        command(["results", "unpack", str(folder / name), "--into", str(folder / "unpacked")])
        return
    for each, sound in (compact() | {name: content}).items():
        path = folder / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sound)
    show(folder / "all.txt" if name == "all.txt" else folder)


def recipes() -> Files:
    return {path.parent.name + ".toml": path.read_bytes() for path in (ROOT / "plugins").glob("*/recipes.toml")}


def read_recipes(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    read_recipe(folder / name)


def source() -> Files:
    return {path.stem + ".py": path.read_bytes() for path in (ROOT / "tests" / "plugin_files").glob("*.py")}


def read_source(folder: Path, name: str, content: bytes) -> None:
    """Read what a plugin file declares without running it, as ``list`` does."""
    (folder / name).write_bytes(content)
    for listed in read_listing([plugin_file(folder / name)]):
        if listed.kind in ("gate", "classifier", "generator"):
            declared_settings(listed.plugin, listed.info.name)


def archives() -> Files:
    """The data set as it is published: below a folder of a zip archive, or of a tar archive."""
    world = {f"data/W/{name}": content for name, content in matlab_5().items() if "/" not in name}
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in world.items():
            archive.writestr(name, content)
    with tarfile.open(fileobj=tarred, mode="w") as tar:
        for name, content in world.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return {"W.zip": zipped.getvalue(), "W.tar": tarred.getvalue(), "W.tar.gz": gzip.compress(tarred.getvalue())}


def read_archived(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    (folder / "data").mkdir()
    unpack(folder / name, folder / "data", ("W",))
    outside = [path.name for path in folder.iterdir() if path.name not in (name, "data")]
    assert not outside, outside


def bundle() -> bytes:
    declared = declarations({"author": "A", "licence": "MIT", "chosen_on": "defaults", "external_data": "none"})
    results = ROOT / "leaderboards" / "records" / "leaderboard.txt"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bundle.zip"
        submit(Submission("eszsl", results, declared, protocols=("inductive",), data_sets=("glyphs",)), path)
        return path.read_bytes()


@cache
def bundled() -> Files:
    whole = bundle()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        return {"bundle.zip": whole, **{name: archive.read(name) for name in archive.namelist()}}


def read_bundled(folder: Path, name: str, content: bytes) -> None:
    """Verify a damaged bundle, or one whose forger made the manifest list the part that was changed."""
    path = folder / "bundle.zip"
    files = {each: sound for each, sound in bundled().items() if each != path.name}
    if name == path.name:
        path.write_bytes(content)
    elif name == MANIFEST:
        with zipfile.ZipFile(path, "w") as archive:
            for each, sound in (files | {name: content}).items():
                archive.writestr(each, sound)
    else:
        manifest = Manifest.from_json(files.pop(MANIFEST))
        write_bundle(path, manifest, files | {name: content})
    command(["verify", str(path), "--cache", str(folder / "cache")])


READERS = {
    "matlab 5": Reader(matlab_5, read_world),
    "matlab 7.3": Reader(matlab_7_3, read_world),
    "cached data": Reader(cached, read_cached),
    "tables": Reader(tables, read_table),
    "archives": Reader(archives, read_archived),
    "stored results": Reader(stored, read_stored),
    "compact results": Reader(compact, read_compact),
    "bundles": Reader(bundled, read_bundled),
    "recipes": Reader(recipes, read_recipes),
    "source": Reader(source, read_source),
}


SETTINGS = hypothesis.settings(
    max_examples=50,
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
    suppress_health_check=list(hypothesis.HealthCheck),
)


def read_once(reader: Reader, folder: Path, name: str, content: bytes) -> None:
    """Read a file in a fresh folder: errors of ours are what it may raise, and a hang ends this process."""
    signal.setitimer(signal.ITIMER_PROF, HANG_S)  # of the processor's time, which others may share
    try:
        reader.read(fresh(folder), name, content)
    except GzslbenchError as error:
        str(error).encode()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def soak(reader: Reader, seconds: float, first_seed: int, folder: Path) -> int:
    """Read damaged files for a while, and say how many they were."""
    files = reader.files()
    for name, content in files.items():
        reader.read(fresh(folder), name, content)
    limit_memory()
    ends, count = time.monotonic() + seconds, 0

    def attack(damage: tuple[str, bytes]) -> None:
        nonlocal count
        if time.monotonic() < ends:
            name, content = damage
            folder.with_suffix(".input").write_bytes(name.encode() + b"\n" + content)
            read_once(reader, folder, name, content)
            count += 1

    def damage_to(name: str) -> st.SearchStrategy[tuple[str, bytes]]:
        return st.tuples(st.just(name), damaged(name, files[name]))

    strategy = st.sampled_from(sorted(files)).flatmap(damage_to)
    while time.monotonic() < ends:
        hypothesis.seed(first_seed + count)(SETTINGS(hypothesis.given(strategy)(attack)))()
    return count


def limit_memory() -> None:
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    name, seconds, first_seed, place = sys.argv[1:]
    print(soak(READERS[name], float(seconds), int(first_seed), Path(place)))
