"""The bundled data set ``glyphs``: its files, its splits, its semantics, and that they belong together."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import loadmat

import gzslbench

FOLDER = Path(gzslbench.__file__).parent / "data" / "bundled" / "glyphs"
# ESZSL on the features as they are in the file, per-class top-1 of the unseen classes.
ESZSL_T1 = 0.72
SPLITS = ("trainval_loc", "train_loc", "val_loc", "test_seen_loc", "test_unseen_loc")
STROKE_BASES = {"đ": "d", "ħ": "h", "ł": "l", "ŧ": "t", "ø": "o"}
MARK_NAMES = {
    "COMBINING GRAVE ACCENT": "grave",
    "COMBINING ACUTE ACCENT": "acute",
    "COMBINING CIRCUMFLEX ACCENT": "circumflex",
    "COMBINING RING ABOVE": "ring",
}


@dataclass(frozen=True)
class Glyphs:
    """The two files, with positions that count from 0."""

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    characters: list[str]
    fonts: list[str]
    semantics: NDArray[np.float64]
    class_names: list[str]
    parts: dict[str, NDArray[np.int64]]

    def classes(self, part: str) -> set[int]:
        """The classes that a part has samples of."""
        return set(self.labels[self.parts[part]].tolist())

    def character_of_class(self) -> dict[int, str]:
        """The character of each class, read from the names of its pictures."""
        found = {
            label: {c for c, y in zip(self.characters, self.labels, strict=True) if y == label}
            for label in range(len(self.class_names))
        }
        assert all(len(characters) == 1 for characters in found.values())
        return {label: characters.pop() for label, characters in found.items()}


@pytest.fixture(scope="module")
def glyphs() -> Glyphs:
    """Read the files as any xlsa17 reader does."""
    res, splits = loadmat(FOLDER / "hog.mat"), loadmat(FOLDER / "att_splits.mat")
    images = [cell[0].item() for cell in res["image_files"]]
    code_points, fonts = zip(*(image.split("/") for image in images), strict=True)
    return Glyphs(
        features=res["features"].T,
        labels=res["labels"].ravel().astype(int) - 1,
        characters=[chr(int(code_point.removeprefix("U+"), 16)) for code_point in code_points],
        fonts=list(fonts),
        semantics=splits["att"].T.astype(float),
        class_names=[cell[0].item() for cell in splits["allclasses_names"]],
        parts={key: splits[key].ravel().astype(int) - 1 for key in SPLITS},
    )


def decompose(character: str) -> tuple[str, str, str, bool]:
    """Return base letter, mark, position and case of a character, from the Unicode database alone."""
    lower, upper = character.lower(), character != character.lower()
    if lower in STROKE_BASES:
        assert "WITH STROKE" in unicodedata.name(lower)
        return STROKE_BASES[lower], "stroke", "attached", upper
    base, *marks = unicodedata.normalize("NFD", lower)
    if not marks:
        return base, "", "", upper
    (mark,) = marks
    if lower in "ķļņŗ":
        mark = "\N{COMBINING COMMA BELOW}"
    name = unicodedata.name(mark)
    short = MARK_NAMES.get(name, name.removeprefix("COMBINING ").removesuffix(" ACCENT").lower().replace(" ", "_"))
    return base, short, {230: "above", 220: "below", 202: "attached"}[unicodedata.combining(mark)], upper


def per_class_accuracy(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Return the mean over classes of the share of correct predictions."""
    return float(np.mean([np.mean(predicted[truth == label] == label) for label in np.unique(truth)]))


def eszsl_scores(glyphs: Glyphs, semantics: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores of every sample for every class by ESZSL (gamma = lambda = 1), (n, 214)."""
    x, s = glyphs.features.astype(float), semantics[seen := sorted(glyphs.classes("trainval_loc"))]
    train = x[glyphs.parts["trainval_loc"]]
    y = np.equal.outer(glyphs.labels[glyphs.parts["trainval_loc"]], seen).astype(float)
    left = np.linalg.solve(train.T @ train + np.eye(x.shape[1]), train.T @ y @ s)
    return x @ left @ np.linalg.inv(s.T @ s + np.eye(s.shape[1])) @ semantics.T


def zero_shot_accuracy(glyphs: Glyphs, scores: NDArray[np.float64]) -> float:
    """Return T1: unseen samples, unseen classes only."""
    test, unseen = glyphs.parts["test_unseen_loc"], np.array(sorted(glyphs.classes("test_unseen_loc")))
    return per_class_accuracy(glyphs.labels[test], unseen[scores[test][:, unseen].argmax(axis=1)])


def test_files_match_their_checksums() -> None:
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert {"hog.mat", "att_splits.mat", "thumbnails.npz"} <= set(sums)
    assert sums == {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in sums}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 4_000_000


def test_counts(glyphs: Glyphs) -> None:
    assert glyphs.features.shape == (7680, 128)
    assert glyphs.semantics.shape == (214, 36)
    assert len(set(glyphs.class_names)) == 214
    sizes = {key: len(part) for key, part in glyphs.parts.items()}
    assert sizes == dict(zip(SPLITS, (5100, 4320, 780, 1700, 880), strict=True))
    assert {key: len(glyphs.classes(key)) for key in SPLITS} == dict(zip(SPLITS, (170, 144, 26, 170, 44), strict=True))


def test_features_are_finite_and_exact_in_float16(glyphs: Glyphs) -> None:
    assert glyphs.features.dtype == np.float32
    assert np.isfinite(glyphs.features).all()
    assert (glyphs.features == glyphs.features.astype(np.float16)).all()


def test_no_sample_is_in_two_sets(glyphs: Glyphs) -> None:
    disjoint = [glyphs.parts[key] for key in ("train_loc", "val_loc", "test_seen_loc", "test_unseen_loc")]
    assert sorted(np.concatenate(disjoint)) == list(range(7680))
    assert set(glyphs.parts["train_loc"]) | set(glyphs.parts["val_loc"]) == set(glyphs.parts["trainval_loc"])
    assert len(set(zip(glyphs.characters, glyphs.fonts, strict=True))) == 7680


def test_no_class_is_on_two_sides(glyphs: Glyphs) -> None:
    assert not glyphs.classes("trainval_loc") & glyphs.classes("test_unseen_loc")
    assert not glyphs.classes("train_loc") & glyphs.classes("val_loc")
    assert glyphs.classes("trainval_loc") == glyphs.classes("test_seen_loc")


def test_every_class_has_its_share_of_samples(glyphs: Glyphs) -> None:
    expected = {"trainval_loc": {30}, "test_seen_loc": {10}, "test_unseen_loc": {20}}
    for key, counts in expected.items():
        assert set(Counter(glyphs.labels[glyphs.parts[key]].tolist()).values()) == counts


def test_test_fonts_and_design_clusters_are_not_trained_on(glyphs: Glyphs) -> None:
    rows = [line.split(" | ") for line in (FOLDER / "FONTS.md").read_text().splitlines() if "| fonts-" in line]
    cluster = {style.strip(" |"): row[3] for row in rows for style in row[5].split(", ")}
    train = {glyphs.fonts[i] for i in glyphs.parts["trainval_loc"]}
    test = {glyphs.fonts[i] for key in ("test_seen_loc", "test_unseen_loc") for i in glyphs.parts[key]}
    assert not train & test
    assert train | test == set(cluster)
    assert not {cluster[font] for font in train} & {cluster[font] for font in test}


def test_letters_and_marks_of_held_out_classes_are_seen(glyphs: Glyphs) -> None:
    pair = {label: decompose(character)[:2] for label, character in glyphs.character_of_class().items()}
    unseen = {pair[label] for label in glyphs.classes("test_unseen_loc")}
    seen = {pair[label] for label in glyphs.classes("trainval_loc")}
    accented = {p for p in seen if p[1]}
    assert all((letter, "") in seen for letter, _ in unseen)
    assert min(Counter(letter for letter, _ in accented).values()) >= 2
    assert min(Counter(mark for _, mark in accented).values()) >= 2
    assert {letter for letter, _ in unseen} <= {letter for letter, _ in accented}
    assert {mark for _, mark in unseen} <= {mark for _, mark in accented}


@pytest.mark.parametrize("part", ["test_unseen_loc", "val_loc", "train_loc"])
def test_both_cases_are_on_one_side(glyphs: Glyphs, part: str) -> None:
    characters = glyphs.character_of_class()
    held = {characters[label] for label in glyphs.classes(part)}
    assert held == {character.swapcase() for character in held}


def test_semantics_follow_from_the_code_point(glyphs: Glyphs) -> None:
    names = (FOLDER / "attributes.txt").read_text().split()
    expected = np.zeros((214, len(names)))
    for label, character in glyphs.character_of_class().items():
        letter, mark, position, upper = decompose(character)
        present = [f"letter_{letter}"] + ["upper_case"] * upper + [f"mark_{mark}", f"position_{position}"] * bool(mark)
        expected[label, [names.index(name) for name in present]] = 1
        assert glyphs.class_names[label] == f"{letter}_{mark or 'plain'}_{'upper' if upper else 'lower'}"
    np.testing.assert_array_equal(glyphs.semantics, expected)
    assert len(np.unique(glyphs.semantics, axis=0)) == 214


def test_thumbnails_belong_to_the_samples(glyphs: Glyphs) -> None:
    pictures = np.load(FOLDER / "thumbnails.npz")["pictures"]
    assert pictures.shape == (7680, 32, 32)
    assert pictures.dtype == np.uint8
    assert pictures.reshape(7680, -1).max(axis=1).min() > 64
    # A letter taller than the plain one has ink higher up: the mean first row of ink tells É from E.
    first_row = (pictures > 64).any(axis=2).argmax(axis=1)
    plain, accented = (glyphs.labels == glyphs.class_names.index(f"e_{mark}_upper") for mark in ("plain", "acute"))
    assert first_row[accented].mean() + 3 < first_row[plain].mean()


def test_closed_form_baseline_learns(glyphs: Glyphs) -> None:
    scores = eszsl_scores(glyphs, glyphs.semantics)
    test = glyphs.parts["test_seen_loc"]
    assert zero_shot_accuracy(glyphs, scores) == pytest.approx(ESZSL_T1, abs=0.06)
    assert per_class_accuracy(glyphs.labels[test], scores[test].argmax(axis=1)) > 0.4


def test_shuffled_semantics_of_unseen_classes_fall_to_chance(glyphs: Glyphs) -> None:
    unseen = sorted(glyphs.classes("test_unseen_loc"))
    shuffled = glyphs.semantics.copy()
    shuffled[unseen] = glyphs.semantics[np.roll(unseen, 7)]
    assert zero_shot_accuracy(glyphs, eszsl_scores(glyphs, shuffled)) < 0.15
