from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from gzslbench.contract.data_source import DataInfo, DataSource
from gzslbench.contract.dataset import DataSet, Split
from gzslbench.data.audit import audit, require_sound
from gzslbench.data.catalogue import Catalogue
from gzslbench.data.folders import BUNDLED
from gzslbench.data.known import KNOWN, known, split_version
from gzslbench.data.loading import LoadableSource
from gzslbench.data.splits import further_splits
from gzslbench.errors import DataError, UsageError

NO_FEATURES = {"features_name": ""}
NO_SPLITS = {"splits_name": ""}


def found(folder: Path) -> Catalogue:
    return Catalogue.find([folder.parent])


def names(catalogue: Catalogue) -> list[str]:
    """Names without the bundled ones."""
    return [name for name in catalogue.names() if not (BUNDLED / name).exists()]


def test_importing_it_is_cheap() -> None:
    heavy = ("numpy", "scipy", "h5py", "torch")
    code = f"import sys, gzslbench.data.catalogue; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_may_not_be_read_is_named(
    make_folder: Any, cache_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, closed = make_folder(), make_folder("CLOSED")
    (folder.parent / "lost+found").mkdir()
    refused = PermissionError(13, "Permission denied", "some/res101.mat")
    monkeypatch.setattr("gzslbench.data.cache.sha256_of", Mock(side_effect=refused))
    monkeypatch.setattr("os.access", lambda place, mode: place != closed)
    catalogue = found(folder)
    assert names(catalogue) == ["TINY"]
    assert set(caplog.messages) == {f"warning: the folder {closed} is left out: your user may not read it"}
    with pytest.raises(DataError, match=r"some/res101\.mat can't be read \(Permission denied\); check .* permissions"):
        catalogue.open("TINY", cache_dir)


def test_a_stray_splits_file_hides_nothing(make_folder: Any) -> None:
    folder = make_folder()
    place, stray = folder.parent, (folder / "att_splits.mat").read_bytes()
    (place / "split_3").mkdir()
    for path in (place / "old_splits.mat", place / "split_3" / "att_splits.mat"):
        path.write_bytes(stray)
    catalogue = Catalogue.find([place])
    assert names(catalogue) == ["TINY"]
    assert list(catalogue.incomplete) == [place.name]


def test_a_link_that_leads_back_is_not_followed(make_folder: Any) -> None:
    folder = make_folder()
    (folder.parent / "AGAIN").symlink_to(".")
    (folder.parent / "ALSO").mkdir()
    (folder.parent / "ALSO" / "there").symlink_to("../..")
    catalogue = found(folder)
    assert catalogue.folders["TINY"].path == folder
    assert not catalogue.stand_ins["TINY"]


def test_names_that_differ_in_case_alone_are_two(make_folder: Any, cache_dir: Path) -> None:
    make_folder("Tiny")
    catalogue = found(make_folder("TINY"))
    assert names(catalogue) == ["TINY", "Tiny"]
    assert [catalogue.open(name, cache_dir).name for name in names(catalogue)] == ["TINY", "Tiny"]


def test_a_folder_named_like_a_variant_is_told(make_folder: Any, caplog: pytest.LogCaptureFixture) -> None:
    folder = make_folder("MINE@old")
    assert names(found(folder)) == []
    assert caplog.messages == [f"warning: the folder {folder} is left out: '@' is for variants; rename it"]


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_a_pair_of_files_is_a_data_set(make_folder: Any, cache_dir: Path, version: str) -> None:
    catalogue = found(make_folder(version=version, features_name="resnet.mat"))
    assert names(catalogue) == ["TINY"]
    data = catalogue.open("TINY", cache_dir)
    assert (data.features.shape, data.semantics.shape, data.default_split) == ((60, 7), (6, 4), "official")
    split = data.split()
    assert split.seen_classes.tolist() == [0, 1, 3, 4]
    assert split.unseen_classes.tolist() == [2, 5]
    assert split.val_classes is not None
    assert split.val_classes.tolist() == [1]
    assert (len(split.trainval), len(split.test_seen), len(split.test_unseen)) == (32, 8, 20)
    assert set(data.provenance.files) == {"resnet.mat", "att_splits.mat"}


def test_both_formats_have_the_same_fingerprints(make_folder: Any, cache_dir: Path) -> None:
    plain, newer = make_folder("PLAIN"), make_folder("NEWER", version="7.3")
    catalogue = Catalogue.find([plain.parent, newer.parent])
    one, other = catalogue.open("PLAIN", cache_dir), catalogue.open("NEWER", cache_dir)
    assert one.fingerprint == other.fingerprint
    assert one.split().fingerprint == other.split().fingerprint


def test_a_second_start_reads_no_mat_file(make_folder: Any, cache_dir: Path) -> None:
    folder = make_folder(features_name="resnet.mat")
    first = Catalogue.find([folder.parent], cache_dir=cache_dir).open("TINY", cache_dir)
    code = (
        "import sys; from pathlib import Path; from gzslbench.data.catalogue import Catalogue\n"
        "cache = Path(sys.argv[2]); data = Catalogue.find([Path(sys.argv[1])], cache_dir=cache).open('TINY', cache)\n"
        "print(data.fingerprint['features'], 'scipy' in sys.modules, 'h5py' in sys.modules)"
    )
    arguments = [sys.executable, "-c", code, str(folder.parent), str(cache_dir)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [first.fingerprint["features"], "False", "False"]


def test_other_semantics_are_a_variant(make_folder: Any, cache_dir: Path) -> None:
    make_folder()
    folder = make_folder(features_name="", splits_name="sent_splits.mat", splits={"att": np.eye(6)})
    catalogue = found(folder)
    assert names(catalogue) == ["TINY", "TINY@sent"]
    plain, sentences = catalogue.open("TINY", cache_dir), catalogue.open("tiny@SENT", cache_dir)
    assert (sentences.name, sentences.base, sentences.variant) == ("TINY@sent", "TINY", "sent")
    assert sentences.semantics.shape == (6, 6)
    assert sentences.fingerprint["features"] == plain.fingerprint["features"]
    assert sentences.fingerprint["semantics"] != plain.fingerprint["semantics"]
    assert sentences.split().fingerprint == plain.split().fingerprint


def test_a_suffix_names_another_version_of_the_split(make_folder: Any, cache_dir: Path) -> None:
    make_folder()
    fewer = np.array([[1], [2], [3]], dtype=np.uint16)
    folder = make_folder(features_name="", splits_name="att_splits_v2.mat", splits={"trainval_loc": fewer})
    data = found(folder).open("TINY", cache_dir)
    assert list(data.splits) == ["official", "v2"]
    assert data.splits["v2"].trainval.tolist() == [0, 1, 2]


def test_split_folders_hold_many_splits(make_folder: Any, cache_dir: Path) -> None:
    for number in (1, 2, 10):
        own = {"test_unseen_loc": np.array([[number]], dtype=np.uint8)}
        folder = make_folder(
            "hmdb51", features_name="i3d.mat", splits_name=f"split_{number}/att_splits.mat", splits=own
        )
    catalogue = found(folder)
    assert names(catalogue) == ["HMDB51"]
    data = catalogue.open("HMDB51", cache_dir)
    assert list(data.splits) == ["split-1", "split-2", "split-10"]
    assert [split.test_unseen.tolist() for split in data.splits.values()] == [[0], [1], [9]]


def test_splits_with_other_semantics_under_one_name_are_refused(make_folder: Any, cache_dir: Path) -> None:
    make_folder()
    folder = make_folder(features_name="", splits_name="att_splits_v2.mat", splits={"att": np.eye(6)})
    with pytest.raises(DataError, match=r"att_splits_v2\.mat and .*att_splits\.mat differ in their semantics"):
        found(folder).open("TINY", cache_dir)


def test_res101_is_preferred_and_other_choices_are_refused(make_folder: Any, cache_dir: Path) -> None:
    make_folder(features_name="one.mat")
    folder = make_folder(features_name="two.mat")
    with pytest.raises(DataError, match=r"one\.mat, two\.mat"):
        found(folder).open("TINY", cache_dir)
    make_folder()
    assert "res101.mat" in found(folder).open("TINY", cache_dir).provenance.files


def test_a_mat_file_without_features_is_no_features_file(make_folder: Any) -> None:
    folder = make_folder(features_name="resnet.mat")
    make_folder(features_name="other.mat", splits_name="", features={"features": None, "notes": np.eye(2)})
    assert [path.name for path in found(folder).folders["TINY"].features] == ["resnet.mat"]


def test_what_is_missing_is_listed_with_how_to_get_it(make_folder: Any, cache_dir: Path) -> None:
    make_folder("AWA2", **NO_FEATURES)
    folder = make_folder("MINE", **NO_SPLITS)
    catalogue = found(folder)
    missing = {each.name: each for each in catalogue.missing()}
    assert set(missing) == {"MINE", *(each.name for each in KNOWN)}
    assert missing["AWA2"].lacks.startswith("res101.mat")
    assert "gzslbench data fetch AWA2" in missing["AWA2"].how_to_get
    assert "att_splits.mat" in missing["MINE"].lacks
    assert names(catalogue) == []
    with pytest.raises(DataError, match=r"'AWA2' lacks res101\.mat"):
        catalogue.open("AWA2", cache_dir)


def test_unknown_names_and_folders_are_named(make_folder: Any, cache_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'TINY'"):
        found(make_folder()).open("TYNI", cache_dir)
    with pytest.raises(UsageError, match="does not exist"):
        Catalogue.find([tmp_path / "absent"])


def test_the_first_of_two_folders_is_used(make_folder: Any, tmp_path: Path) -> None:
    folder = make_folder()
    second = tmp_path / "more"
    second.mkdir()
    (second / "TINY").symlink_to(folder)
    catalogue = Catalogue.find([second, folder.parent])
    assert catalogue.folders["TINY"].path == second / "TINY"


@pytest.mark.parametrize("junk", ["._res101.mat", ".DS_Store.mat", "~$res101.mat"])
def test_what_archivers_leave_behind_is_no_data(make_folder: Any, cache_dir: Path, tmp_path: Path, junk: str) -> None:
    folder = make_folder(features_name="clip.mat")
    for name in (junk, "._clip.mat", "._att_splits.mat", ".~lock_splits.mat"):
        (folder / name).write_bytes(b"\x00\x05\x16\x07Mac OS X")
    for hidden in ("__MACOSX", ".ipynb_checkpoints", "@eaDir", "split_1/.AppleDouble"):
        (tmp_path / "data" / hidden / "OTHER").mkdir(parents=True)
        for name in ("clip.mat", "att_splits.mat"):
            (tmp_path / "data" / hidden / "OTHER" / name).write_bytes((folder / name).read_bytes())
    catalogue = found(folder)
    assert names(catalogue) == ["TINY"]
    assert set(catalogue.open("TINY", cache_dir).provenance.files) == {"clip.mat", "att_splits.mat"}


def test_a_data_folder_may_itself_be_hidden(make_folder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folder()
    (tmp_path / "data").rename(tmp_path / ".data")
    assert "TINY" in Catalogue.find([tmp_path / ".data"]).names()
    (tmp_path / ".data" / "inner").mkdir()
    monkeypatch.chdir(tmp_path / ".data" / "inner")
    assert "TINY" in Catalogue.find([Path("..")]).names()
    monkeypatch.chdir(tmp_path / ".data" / "TINY")
    assert "TINY" in Catalogue.find([Path()]).names()


def test_names_of_files_may_be_in_upper_case(make_folder: Any, cache_dir: Path) -> None:
    folder = make_folder()
    for path in list(folder.iterdir()):
        path.rename(path.with_name(path.name.upper()))
    catalogue = found(folder)
    assert names(catalogue) == ["TINY"]
    assert catalogue.open("TINY", cache_dir).features.shape == (60, 7)


@pytest.mark.parametrize("damage", [b"", b"<html>404</html>", None])
def test_a_broken_folder_never_wins_over_a_sound_one(
    make_folder: Any, cache_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: bytes | None
) -> None:
    folder = make_folder()
    broken = tmp_path / "broken" / "TINY"
    broken.mkdir(parents=True)
    for name in ("res101.mat", "att_splits.mat"):
        content = (folder / name).read_bytes()
        (broken / name).write_bytes(content[:900] if damage is None else damage)
    for places in ([broken.parent, folder.parent], [folder.parent, broken.parent]):
        assert Catalogue.find(places).open("TINY", cache_dir).provenance.location == str(folder)
    assert f"left out for {folder}: {broken}" in capsys.readouterr().err
    with pytest.raises(DataError, match=str(broken)):
        Catalogue.find([broken.parent]).open("TINY", cache_dir)


def test_a_link_is_called_as_the_user_called_it_and_is_no_second_data_set(
    make_folder: Any, cache_dir: Path, tmp_path: Path
) -> None:
    folder = make_folder()
    (folder.parent / "Linked").symlink_to(folder)
    catalogue = found(folder)
    assert names(catalogue) == ["TINY"]
    assert catalogue.open("linked", cache_dir).name == "TINY"
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "Mine").symlink_to(folder)
    assert names(Catalogue.find([tmp_path / "links"])) == ["Mine"]


def test_the_same_split_in_two_files_has_two_names_and_counts_once(make_folder: Any, cache_dir: Path) -> None:
    folder = make_folder()
    make_folder(features_name="", splits_name="att_splits_copy.mat")
    data = found(folder).open("TINY", cache_dir)
    assert list(data.splits) == ["official", "copy"]
    assert [split.name for split in further_splits(data)][:2] == ["random-1", "random-2"]
    other = {"test_unseen_loc": np.array([[3]], dtype=np.uint8)}
    make_folder(features_name="", splits_name="att_splits_other.mat", splits=other)
    make_folder(features_name="", splits_name="att_splits_other2.mat", splits=other)
    assert [split.name for split in further_splits(found(folder).open("TINY", cache_dir))] == ["other"]


def test_data_sets_are_found_in_deeper_folders(make_folder: Any, tmp_path: Path) -> None:
    make_folder()
    assert "TINY" in Catalogue.find([tmp_path]).names()


@pytest.mark.parametrize(
    ("features", "splits", "message"),
    [
        ({"labels": np.full((60, 1), 7.0)}, {}, "att has 6 columns, but labels go up to 7"),
        (
            {},
            {"test_unseen_loc": np.array([[61]], dtype=np.uint8)},
            "test_unseen_loc goes up to 61, but there are 60 samples",
        ),
        ({}, {"val_loc": np.array([[65535]], dtype=np.uint16)}, "wrapped around"),
    ],
)
def test_files_that_do_not_fit_each_other_are_refused(
    make_folder: Any, cache_dir: Path, features: dict[str, Any], splits: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        found(make_folder(features=features, splits=splits)).open("TINY", cache_dir)
    assert "att_splits.mat" in str(caught.value)


def test_classes_may_have_no_samples(make_folder: Any, cache_dir: Path) -> None:
    wider = {"att": np.random.default_rng(0).normal(size=(4, 9)), "allclasses_names": None}
    data = found(make_folder(splits=wider)).open("TINY", cache_dir)
    assert len(data.class_names) == 9
    (finding,) = audit(data, data.split())
    assert (finding.level, finding.code) == ("warning", "no-samples")
    assert "3 classes (class-007, class-008, class-009) without samples" in finding.message


@pytest.mark.parametrize("attributes", [4, 9])
def test_semantics_stored_the_other_way_round_are_found(make_folder: Any, cache_dir: Path, attributes: int) -> None:
    turned = np.random.default_rng(0).normal(size=(6, attributes))
    named = make_folder(splits={"att": turned})
    with pytest.raises(DataError, match=f"6 names for {attributes} columns of att: classes lie in rows"):
        found(named).open("TINY", cache_dir)
    folder = make_folder(splits={"att": turned, "allclasses_names": None})
    if attributes < 6:
        with pytest.raises(DataError, match="att has 4 columns, but labels go up to 6: classes lie in its rows"):
            found(folder).open("TINY", cache_dir)
        return
    data = found(folder).open("TINY", cache_dir)
    with pytest.raises(DataError, match="9 classes and 6 dimensions, but 6 classes have samples: they were stored"):
        require_sound(data, data.split())


def test_a_truncated_features_file_is_found_and_named(make_folder: Any, cache_dir: Path) -> None:
    folder = make_folder(features_name="resnet.mat")
    (folder / "resnet.mat").write_bytes((folder / "resnet.mat").read_bytes()[:150])
    with pytest.raises(DataError, match=r"resnet\.mat can't be read"):
        found(folder).open("TINY", cache_dir)


def test_val_loc_that_is_no_class_split_gives_no_validation_classes(make_folder: Any, cache_dir: Path) -> None:
    one_each = np.arange(1, 9, dtype=np.uint8)[:, None]
    data = found(make_folder(splits={"val_loc": one_each})).open("TINY", cache_dir)
    assert data.split().val_classes is None


class Made(DataSource):
    info = DataInfo("made")
    loads = 0

    def load(self) -> DataSet:
        type(self).loads += 1
        split = Split("mine", [0, 1], [2], [3], [0], [1], val_classes=None, val_loc=[1])
        said = {"shared_space": True, "description": {"title": "Made"}}
        return DataSet("any", np.eye(4), [0, 0, 0, 1], np.eye(2, 4), ("a", "b"), {"mine": split}, **said)


def test_a_plugin_is_asked_once(cache_dir: Path) -> None:
    catalogue = Catalogue.find([], {"made": LoadableSource.of(Made)})
    assert "made" in catalogue.names()
    for _ in range(2):
        data = catalogue.open("made", cache_dir)
        assert (data.name, data.default_split, data.class_names) == ("made", "mine", ("a", "b"))
        np.testing.assert_array_equal(data.features, np.eye(4))
        assert (data.shared_space, data.description) == (True, {"title": "Made"})
        assert data.split().val_loc is not None
        assert data.split().val_classes is None
    assert Made.loads == 1


def test_versions_are_told_by_what_leaks() -> None:
    cub = known("cub@sent")
    assert cub is not None
    sizes = (7057, 1764, 2967)
    assert split_version("CUB", cub.official, True, sizes) == "v1"
    assert split_version("CUB", cub.official, False, sizes) == "v2"
    assert split_version("CUB", "0" * 16, False, sizes) == "v2"
    assert split_version("CUB", "0" * 16, True, sizes) == "custom"
    assert split_version("CUB", "0" * 16, False, (1, 2, 3)) == "custom"
    assert split_version("MINE", "0" * 16, False, (1, 2, 3)) == "official"


def test_published_counts_add_up() -> None:
    for each in KNOWN:
        parts = [each.counts[name] for name in ("trainval", "test_seen", "test_unseen") if name in each.counts]
        assert not parts or (len(parts) == 3 and sum(parts) == each.counts["samples"])
