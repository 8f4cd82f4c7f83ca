"""The traps of the published files, on the files themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gzslbench.contract.dataset import DataSet, Split
from gzslbench.data.audit import audit
from gzslbench.data.catalogue import Catalogue
from gzslbench.data.known import KNOWN, known
from gzslbench.data.xlsa17 import read_splits

LEAKING = {
    "AWA1": (3404, 1554),
    "AWA2": (4031, 1851),
    "CUB": (1173, 591),
    "SUN": (2320, 260),
    "FLO": (1173, 230),
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    place = Path(__file__).parents[2].parent / "shared" / "data"
    if not place.is_dir():
        pytest.skip("needs real data sets: put them in ../shared/data")
    return Catalogue.find([place])


@pytest.fixture(scope="module")
def cub(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    return catalogue.open("CUB", tmp_path_factory.mktemp("cache"))


def sample_sets(path: Path) -> Split:
    sets = read_splits(path).locations
    return Split("s", sets["trainval_loc"], sets["test_seen_loc"], sets["test_unseen_loc"], [], [])


def test_what_is_there_and_what_is_missing(catalogue: Catalogue) -> None:
    assert {"CLINC150", "CUB", "CUB@sent", "FLO"} <= set(catalogue.names())
    lacking = {missing.name: missing.lacks for missing in catalogue.missing()}
    for name in ("AWA1", "AWA2", "SUN", "APY"):
        assert lacking[name].startswith("res101.mat")


def test_what_lies_in_one_space_is_declared_beside_the_files(
    catalogue: Catalogue, cub: DataSet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clinc150 = catalogue.open("CLINC150", tmp_path_factory.mktemp("cache"))
    assert (clinc150.shared_space, cub.shared_space) == (True, False)
    assert clinc150.description["backbone"] == "all-MiniLM-L6-v2"
    assert cub.description["title"] == "Caltech-UCSD Birds-200-2011"


def test_cub_is_as_published_but_for_its_features(cub: DataSet) -> None:
    assert cub.default_split == "v1"
    codes = [finding.code for finding in audit(cub, cub.split())]
    assert sorted(codes) == ["not-as-published", "train-loc-leaks", "val-loc-leaks"]
    messages = {finding.code: finding.message for finding in audit(cub, cub.split())}
    assert "1,173 test samples" in messages["train-loc-leaks"]
    assert "591 test samples" in messages["val-loc-leaks"]


def test_semantics_in_alphabetical_order_are_caught(cub: DataSet) -> None:
    """Trap 1: columns of att follow allclasses_names, which in CUB is not alphabetical."""
    order = np.argsort(cub.class_names)
    names = tuple(cub.class_names[row] for row in order)
    parts = (cub.features, cub.labels, cub.semantics[order], names, cub.splits)
    swapped = DataSet(cub.name, *parts, sample_names=cub.sample_names, fingerprint=cub.fingerprint)
    fatal = [finding.code for finding in audit(swapped, swapped.split()) if finding.level == "fatal"]
    assert fatal == ["class-order"]


@pytest.mark.parametrize(("name", "overlaps"), LEAKING.items())
def test_train_loc_and_val_loc_leak(shared_data: Path, name: str, overlaps: tuple[int, int]) -> None:
    """Trap 2."""
    sets = read_splits(shared_data / name / "att_splits.mat").locations
    for key, overlap in zip(("train_loc", "val_loc"), overlaps, strict=True):
        assert len(np.intersect1d(sets["test_seen_loc"], sets[key])) == overlap


@pytest.mark.parametrize("file", ["APY/att_splits.mat", "AWA2/att_splits_v2.mat"])
def test_version_2_does_not_leak(shared_data: Path, file: str) -> None:
    sets = read_splits(shared_data / file).locations
    zero_shot = np.union1d(sets["train_loc"], sets["val_loc"])
    assert zero_shot.tolist() == np.sort(sets["trainval_loc"]).tolist()


@pytest.mark.parametrize("name", ["APY", "AWA1", "AWA2", "CUB", "FLO", "SUN"])
def test_official_splits_have_their_sizes_and_are_recognised(shared_data: Path, name: str) -> None:
    published = known(name)
    assert published is not None
    split = sample_sets(shared_data / name / "att_splits.mat")
    counts = published.counts
    assert {name: len(indices) for name, indices in split.sample_sets.items()}.items() <= counts.items()
    assert published.official == split.sample_fingerprint
    assert read_splits(shared_data / name / "att_splits.mat").semantics.shape == (
        counts["seen"] + counts["unseen"],
        published.semantics_dims[""],
    )


def test_no_two_known_splits_are_alike() -> None:
    recorded = [each.official for each in KNOWN if each.official]
    assert len(set(recorded)) == len(recorded) > 0


def test_versions_of_awa2_share_their_samples(shared_data: Path) -> None:
    one, two = (sample_sets(shared_data / "AWA2" / file) for file in ("att_splits.mat", "att_splits_v2.mat"))
    assert one.sample_fingerprint == two.sample_fingerprint


def test_splits_of_awa2_are_told_apart_by_name(shared_data: Path, tmp_path: Path) -> None:
    """With stand-in features: labels that only tell training, validation and unseen classes apart."""
    import scipy.io

    folder = tmp_path / "data" / "AWA2"
    folder.mkdir(parents=True)
    for file in ("att_splits.mat", "att_splits_v2.mat", "binaryAtt_splits.mat"):
        (folder / file).symlink_to(shared_data / "AWA2" / file)
    sets = read_splits(folder / "att_splits.mat").locations
    labels = np.full((37322, 1), 3.0)
    labels[sets["train_loc"]] = 1
    labels[sets["val_loc"]] = 2
    scipy.io.savemat(folder / "res101.mat", {"features": np.zeros((1, 37322), np.float32), "labels": labels})
    catalogue = Catalogue.find([folder.parent])
    assert [name for name in catalogue.names() if name.startswith("AWA2")] == ["AWA2", "AWA2@binaryAtt"]
    assert list(catalogue.open("AWA2", tmp_path / "cache").splits) == ["v1", "v2"]
    assert list(catalogue.open("AWA2@binaryAtt", tmp_path / "cache").splits) == ["v1"]


def test_flo_has_no_class_names(catalogue: Catalogue, tmp_path: Path) -> None:
    flo = catalogue.open("FLO", tmp_path)
    assert (flo.class_names[0], flo.class_names[-1]) == ("class-001", "class-102")
    assert flo.default_split == "official"
    assert "duplicates" in {finding.code for finding in audit(flo, flo.split())}
