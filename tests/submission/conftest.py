"""Bundles made of the records that the leaderboards were made of, and tools to forge them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gzslbench.data.catalogue import Catalogue
from gzslbench.errors import UsageError
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.provenance import MANIFEST
from gzslbench.records.record import Record
from gzslbench.submission.bundle import folder_of as bundle_folder
from gzslbench.submission.bundle import write_bundle
from gzslbench.submission.confined.confinement import Bubblewrap, bubblewrap
from gzslbench.submission.manifest import Manifest, declarations
from gzslbench.submission.submit import Submission, submit
from gzslbench.submission.verify import Verification, Verifier

RESULTS = Path(__file__).parents[2] / "leaderboards" / "records" / "leaderboard.txt"
DECLARED = declarations({"author": "A. N. Author", "licence": "MIT", "chosen_on": "defaults", "external_data": "none"})
Files = dict[str, bytes]
Verify = Callable[..., Verification]


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Bundles of a deterministic and of a stochastic method on the bundled data set."""
    folder = tmp_path_factory.mktemp("bundles")
    paths = {name: folder / f"{name}.zip" for name in ("eszsl", "f-clswgan")}
    for name, path in paths.items():
        submit(Submission(name, RESULTS, DECLARED, protocols=("inductive",), data_sets=("glyphs",)), path)
    return paths


@pytest.fixture(scope="session")
def bwrap() -> Bubblewrap:
    """The means of confinement, where it is installed and works."""
    try:
        return bubblewrap()
    except UsageError as error:
        return pytest.skip(f"needs bubblewrap: apt install bubblewrap ({error.what})")


@pytest.fixture
def files(bundles: dict[str, Path]) -> Files:
    """The files of the stochastic method's bundle, to be forged."""
    return read_files(bundles["f-clswgan"])


@pytest.fixture
def verify(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Verify:
    """Verify a bundle, or files that are zipped as they are."""
    cache = tmp_path_factory.getbasetemp() / "cache"

    def call(bundle: Path | Files, **options: Any) -> Verification:
        path = bundle if isinstance(bundle, Path) else zipped(bundle, tmp_path / "bundle.zip")
        return Verifier((), cache, **options).verify(path)

    return call


def refusals(verification: Verification) -> dict[str, str]:
    """The checks that refuse or doubt a bundle, with what they say."""
    return {line.check: line.text for line in verification.lines if line.outcome in ("refused", "doubtful")}


def read_files(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Files, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def rehashed(files: Files, path: Path, **changes: Any) -> Path:
    """Write a bundle whose manifest lists the files as they are now: what a careful forger does."""
    manifest = replace(Manifest.from_json(files[MANIFEST]), **changes)
    write_bundle(path, manifest, {name: content for name, content in files.items() if name != MANIFEST})
    return path


def folder_of(files: Files, seed: int) -> str:
    return next(name.rpartition("/")[0] for name in files if f"/seed-{seed}-" in name)


def record_in(files: Files, seed: int) -> Record:
    return Record.from_json(files[f"{folder_of(files, seed)}/record.json"])


def put_record(files: Files, record: Record, predictions: bytes | None = None, seed: int | None = None) -> None:
    """Put a changed record in the place that its key gives, in place of that of its seed or another one."""
    old = folder_of(files, record.key.seed if seed is None else seed)
    kept = files.pop(f"{old}/predictions.npz")
    del files[f"{old}/record.json"]
    folder = bundle_folder(record.key)
    files[f"{folder}/record.json"] = record.to_json().encode()
    files[f"{folder}/predictions.npz"] = predictions or kept


def put_keys(files: Files, seeds: Iterable[int] = range(5), **changes: Any) -> None:
    """Put records with changed keys in place of those of some seeds."""
    for seed in seeds:
        record = record_in(files, seed)
        put_record(files, replace(record, key=replace(record.key, **changes)), seed=seed)


def arrays_in(files: Files, seed: int) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(files[f"{folder_of(files, seed)}/predictions.npz"])) as archive:
        return {name: archive[name] for name in archive.files}


def npz(arrays: dict[str, np.ndarray], **options: Any) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays, **options)
    return stream.getvalue()


def as_json(value: Any) -> bytes:
    """Write JSON as records are written, but NaN and infinity as well."""
    return (json.dumps(value, separators=(",", ":"), sort_keys=True) + "\n").encode()


@pytest.fixture
def glyphs_answers(tmp_path_factory: pytest.TempPathFactory) -> AnswerKey:
    """The labels of the bundled data set's test samples."""
    cache = tmp_path_factory.getbasetemp() / "cache"
    data = Catalogue.find((), cache_dir=cache).open("glyphs", cache)
    return AnswerKey.of(data, data.split())
