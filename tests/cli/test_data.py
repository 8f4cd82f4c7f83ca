from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from gzslbench.cli.data import data
from gzslbench.errors import DataError, UsageError

ROWS = np.repeat(np.arange(6), 10)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with files to import, a data folder and a cache."""
    rng = np.random.default_rng(0)
    names = ["ant", "bee", "cat", "dog", "eel", "fox"]
    arrays = {"features": rng.normal(size=(60, 3)), "labels": ROWS, "semantics": rng.normal(size=(6, 4))}
    np.savez(tmp_path / "mine.npz", class_names=names, **arrays)
    (tmp_path / "data").mkdir()
    return tmp_path


def call(place: Path, *arguments: str, **environment: str) -> Result:
    variables = {"GZSLBENCH_DATA": str(place / "data"), "GZSLBENCH_CACHE": str(place / "cache")} | environment
    return CliRunner().invoke(data, arguments, env=variables, catch_exceptions=True)


def import_mine(place: Path, name: str = "MINE", *options: str) -> Result:
    mine = str(place / "mine.npz")
    return call(place, "import", name, "--features", mine, "--semantics", mine, *options)


def test_import_list_and_check_go_together(place: Path) -> None:
    imported = import_mine(place)
    assert imported.exit_code == 0, imported.output
    assert "mine.npz: 6 classes of 4 attributes, 0 of them without samples" in imported.output
    assert "60 samples of 3 dimensions, 6 classes, 4-d semantics" in imported.output
    listed = call(place, "list")
    assert any(line.startswith("MINE ") for line in listed.output.splitlines())
    checked = call(place, "check", "mine")
    assert checked.exit_code == 0, checked.output
    assert "split proposed" in checked.output
    assert "nothing wrong was found" in checked.output


def test_a_shared_space_is_declared_by_an_option_and_shown(place: Path) -> None:
    arrays = dict(np.load(place / "mine.npz"))
    refused = import_mine(place, "MINE", "--shared-space")
    assert "features and semantics of 3 and 4 dimensions can't share one space" in str(refused.exception)
    np.savez(place / "mine.npz", **arrays | {"semantics": arrays["semantics"][:, :3]})
    shown = import_mine(place, "MINE", "--shared-space").output, call(place, "check", "MINE").output
    for output in shown:
        assert {"source: import of mine.npz", "features and semantics share one space"} < set(output.splitlines())


def test_list_says_what_is_missing_and_how_to_get_it(place: Path) -> None:
    lines = call(place, "list").output.splitlines()
    missing = [line for line in lines[lines.index("missing:") :] if line.startswith("CUB ")]
    assert len(missing) == 1
    assert "gzslbench data fetch CUB" in missing[0]


def test_data_folders_come_from_options_or_the_environment(place: Path) -> None:
    import_mine(place)
    other = place / "other"
    other.mkdir()
    both = os.pathsep.join([str(other), str(place / "data")])
    assert "MINE" in call(place, "list", GZSLBENCH_DATA=both).output
    assert "MINE" in call(place, "list", "--data-dir", str(other), "--data-dir", str(place / "data")).output
    assert "MINE" not in call(place, "list", "--data-dir", str(other)).output


def test_check_shows_all_findings_and_stops_on_a_fatal_one(place: Path) -> None:
    import scipy.io

    import_mine(place)
    path = place / "data" / "MINE" / "att_splits.mat"
    content = {key: value for key, value in scipy.io.loadmat(path).items() if not key.startswith("__")}
    content["test_seen_loc"] = np.vstack([content["test_seen_loc"], content["trainval_loc"][:1]])
    content["val_loc"] = content["test_seen_loc"]
    scipy.io.savemat(path, content)
    checked = call(place, "check", "MINE")
    assert isinstance(checked.exception, DataError)
    assert checked.exception.exit_code == 3
    assert "fatal: 1 sample both in trainval and in test_seen" in checked.output
    assert "warning: val_loc contains" in checked.output


def test_errors_are_ours(place: Path) -> None:
    assert isinstance(call(place, "check", "ABSENT").exception, UsageError)
    import_mine(place)
    assert isinstance(import_mine(place).exception, UsageError)
    assert isinstance(call(place, "fetch", "HMDB51").exception, UsageError)
    nowhere = call(place, "fetch", "CUB", GZSLBENCH_DATA="")
    assert isinstance(nowhere.exception, UsageError)
    assert "--data-dir" in str(nowhere.exception)
    assert call(place, "import", "MORE", "--features", "absent.npy", "--semantics", "absent.npy").exit_code == 2


def test_help_is_light() -> None:
    code = (
        "import sys; from gzslbench.cli.data import data\n"
        "data(['--help'], standalone_mode=False)\n"
        "print([m for m in ('numpy', 'scipy', 'h5py', 'torch', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_images_become_a_data_set_with_its_provenance(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    from gzslbench.data import extracting
    from gzslbench.data.backbones import Backbone

    names = ["ant", "bee", "cat", "dog", "eel", "fox"]
    for number, name in enumerate(names):
        (place / "photos" / name).mkdir(parents=True)
        for shade in range(8):
            Image.new("RGB", (4, 4), (40 * number, shade, 0)).save(place / "photos" / name / f"{shade}.png")
    (place / "classes.csv").write_text(
        "name,a,b\n" + "".join(f"{name},{len(name)},{n}\n" for n, name in enumerate(names))
    )
    encoded = lambda items: np.array([np.asarray(Image.open(item)).mean((0, 1)) for item in items], np.float32)  # noqa: E731
    monkeypatch.setattr(extracting, "load_backbone", lambda name, *_: Backbone(name, f"{name}, weights 1", encoded))
    options = ("--semantics", str(place / "classes.csv"), "--device", "cpu")
    refused = call(place, "extract", str(place / "photos"), *options)
    assert "take it as a number by --keep-column semantics:3" in str(refused.exception)
    options += ("--keep-column", "semantics:3")
    made = call(place, "extract", str(place / "photos"), *options)
    assert made.exit_code == 0, made.exception
    assert {"source: images of photos, classes of classes.csv", "backbone: torchvision:resnet101, weights 1"} < set(
        made.output.splitlines()
    )
    assert call(place, "check", "photos").exit_code == 0
    assert [path.name for path in (place / "data").iterdir()] == ["photos"]  # nothing of the work is left
    again = call(place, "extract", str(place / "photos"), *options)
    assert isinstance(again.exception, UsageError)
