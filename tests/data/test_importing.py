from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from gzslbench.data.catalogue import Catalogue
from gzslbench.data.importing import Imported, Sources, import_data_set
from gzslbench.errors import DataError, UsageError

NAMES = ("ant", "bee", "cat", "dog", "eel", "fox")
RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(60, 3)).astype(np.float32)
ROWS = RNG.permutation(np.repeat(np.arange(6), 10))
SEMANTICS = RNG.normal(size=(6, 4)).astype(np.float32)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The same data in every format that can be imported."""
    place = tmp_path / "mine"
    place.mkdir()
    np.save(place / "features.npy", FEATURES)
    np.save(place / "labels.npy", ROWS.astype(np.uint8))
    np.save(place / "semantics.npy", SEMANTICS)
    np.savez(place / "all.npz", features=FEATURES, labels=ROWS, semantics=SEMANTICS, class_names=NAMES)
    np.savetxt(place / "features.csv", FEATURES, delimiter=",", fmt="%.9g")
    np.savetxt(place / "with_header.csv", FEATURES, delimiter=",", fmt="%.9g", header="a,b,c", comments="")
    (place / "labels.csv").write_text("class\n" + "\n".join(NAMES[row] for row in ROWS) + "\n")
    (place / "bare_labels.csv").write_text("\n".join(NAMES[row] for row in ROWS) + "\n")
    (place / "numbers.csv").write_text("label\n" + "\n".join(str(row + 1) for row in ROWS) + "\n")
    lines = [",".join([name, *(f"{x:.9g}" for x in row)]) for name, row in zip(NAMES, SEMANTICS, strict=True)]
    (place / "semantics.csv").write_text("name,w,x,y,z\n" + "\n".join(lines) + "\n")
    variables = {"features": FEATURES.T, "labels": ROWS[:, None] + 1.0, "att": SEMANTICS.T}
    scipy.io.savemat(place / "all.mat", variables)
    return place


def run(files: Path, features: str, semantics: str, labels: str = "", **options: Any) -> Imported:
    sources = Sources(files / features, files / semantics, files / labels if labels else None, **options)
    return import_data_set("MINE", files.parent / "data", sources)


@pytest.mark.parametrize(
    ("features", "semantics", "labels"),
    [
        ("features.npy", "semantics.npy", "labels.npy"),
        ("all.npz", "all.npz", ""),
        ("features.csv", "semantics.csv", "labels.csv"),
        ("with_header.csv", "semantics.csv", "bare_labels.csv"),
        ("features.csv", "semantics.csv", "numbers.csv"),
        ("all.mat", "all.mat", ""),
        ("all.mat", "semantics.csv", "labels.csv"),
    ],
)
def test_every_format_becomes_the_same_data_set(files: Path, features: str, semantics: str, labels: str) -> None:
    imported = run(files, features, semantics, labels)
    assert sorted(path.name for path in imported.folder.iterdir()) == ["att_splits.mat", "dataset.toml", "features.mat"]
    data = Catalogue.find([files.parent / "data"]).open("MINE", files.parent / "cache")
    np.testing.assert_array_equal(data.features, FEATURES)
    np.testing.assert_array_equal(data.labels, ROWS)
    np.testing.assert_array_equal(data.semantics, SEMANTICS)
    assert data.default_split == "proposed"
    assert data.split().fingerprint == imported.split.fingerprint
    assert data.fingerprint == imported.dataset.fingerprint
    assert data.class_names in (NAMES, tuple(f"class-00{i}" for i in range(1, 7)))
    assert not set(data.split().seen_classes) & set(data.split().unseen_classes)


def test_a_given_split_is_kept(files: Path) -> None:
    sets = {
        "trainval_loc": np.flatnonzero(ROWS < 4)[5:] + 1,
        "test_seen_loc": np.flatnonzero(ROWS < 4)[:5] + 1,
        "test_unseen_loc": np.flatnonzero(ROWS >= 4) + 1,
    }
    np.savez(files / "split.npz", **sets)
    scipy.io.savemat(files / "split.mat", sets)
    for name in ("split.npz", "split.mat"):
        imported = run(files, "all.npz", "all.npz", split=files / name)
        assert imported.split.unseen_classes.tolist() == [4, 5]
        assert imported.split.test_seen.tolist() == np.flatnonzero(ROWS < 4)[:5].tolist()
        assert imported.split.name == "official"
        for file in imported.folder.iterdir():
            file.unlink()
        imported.folder.rmdir()


def test_where_numbers_start_is_told_or_asked(files: Path) -> None:
    np.save(files / "vague.npy", ROWS.clip(1, 4))
    with pytest.raises(DataError, match="labels run from 1 to 4 for 6 classes"):
        run(files, "features.npy", "semantics.csv", "vague.npy")
    imported = run(files, "features.npy", "semantics.csv", "vague.npy", first_label=1)
    np.testing.assert_array_equal(imported.dataset.labels, ROWS.clip(1, 4) - 1)


def write_bad(files: Path) -> None:
    np.save(files / "few.npy", ROWS[:-3])
    np.save(files / "nan.npy", np.where(np.arange(60)[:, None] == 7, np.nan, FEATURES))
    np.save(files / "flat.npy", FEATURES.ravel())
    np.save(files / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    (files / "unknown.csv").write_text("\n".join(["gnu"] * 60))
    (files / "words.csv").write_text("a,b\nc,d\n")
    (files / "names.csv").write_text("id,name\n" + "\n".join(f"{row},{name}" for row, name in enumerate(NAMES)) + "\n")
    (files / "cut.npz").write_bytes((files / "all.npz").read_bytes()[:200])
    (files / "features.xlsx").write_text("1 2 3")


@pytest.mark.parametrize(
    ("features", "semantics", "labels", "message"),
    [
        ("features.npy", "semantics.npy", "few.npy", "60 samples of 3 features, .*57 labels"),
        ("nan.npy", "semantics.npy", "labels.npy", "are NaN or infinite [^;]*; correct the data$"),
        ("flat.npy", "semantics.npy", "labels.npy", r"array of shape \(180,\)"),
        ("pickled.npy", "semantics.npy", "labels.npy", r"pickled\.npy can't be read"),
        ("features.npy", "semantics.csv", "unknown.csv", "'gnu' is not a class"),
        ("features.npy", "words.csv", "labels.npy", "first row may be a header; say by --header or --no-header"),
        ("cut.npz", "all.npz", "", r"cut\.npz can't be read"),
        ("features.xlsx", "all.npz", "labels.npy", "has a format that can't be imported"),
        ("features.npy", "names.csv", "labels.npy", "holds no numbers but names of rows"),
        ("absent.npy", "all.npz", "labels.npy", "does not exist"),
        ("features.npy", "all.npz", "", "features.npy holds no labels"),
    ],
)
def test_what_can_not_be_imported_is_named_and_nothing_written(
    files: Path, features: str, semantics: str, labels: str, message: str
) -> None:
    write_bad(files)
    with pytest.raises(DataError, match=message):
        run(files, features, semantics, labels)
    assert not list((files.parent / "data").glob("*")) if (files.parent / "data").exists() else True


def test_an_existing_folder_and_a_bad_name_are_refused(files: Path) -> None:
    run(files, "all.npz", "all.npz")
    with pytest.raises(UsageError, match="exists"):
        run(files, "all.npz", "all.npz")
    for name in ("", "CUB@sent", "../MINE", ".hidden", "split_1", "Thumbs.db", "~$x", "a\nb", "glyphs", "x" * 300):
        with pytest.raises(UsageError, match="can't name a data set"):
            import_data_set(name, files.parent / "data", Sources(files / "all.npz", files / "all.npz"))
