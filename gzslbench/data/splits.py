"""Splits cut from a data set: for validation, and at random or adversarially chosen classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gzslbench.contract.dataset import DataSet, Indices, Split
from gzslbench.contract.splitting import cut, draw_validation_classes
from gzslbench.errors import DataError

RANDOM_SPLITS = 5
"""How many random splits are made of a data set that brings only one."""
VALIDATION_SHARE = 0.2
"""Share of each training class's trainval samples that play test_seen in validation."""
MOST_PAIRED, ROWS_AT_ONCE = 4096, 512
"""Up to how many classes the distances of all pairs are in memory; beyond, those of so many classes to all others."""


def validation_split(dataset: DataSet, split: Split, seed: int) -> Split:
    """Cut a GZSL problem out of trainval, in which no test sample takes part.

    Trainval samples of ``val_classes`` play test_unseen; a fifth of each other class's plays test_seen, drawn with
    ``seed``; the rest is trained on. Where a split names no validation classes, a share of the seen classes is drawn,
    as large as the share of unseen classes in the whole. Raises :class:`DataError` where too few samples are there.
    """
    rng = np.random.default_rng([seed, 0])
    held_out = draw_validation_classes(split, rng) if split.val_classes is None else split.val_classes
    made = cut(dataset.labels, f"{split.name}-validation", split.trainval, held_out, VALIDATION_SHARE, rng)
    if not all(map(len, made.sample_sets.values())):
        raise DataError(
            f"no validation classes can be cut from split '{split.name}' of '{dataset.name}': it takes 2 seen classes, "
            "one of them with 2 training samples",
            "use a protocol that does not select on validation classes",
        )
    return made


def no_fold(dataset: DataSet, split: Split) -> str:
    """Say why no validation classes can be cut from a split; empty where they can."""
    try:
        validation_split(dataset, split, seed=0)
    except DataError as error:
        return error.what
    return ""


def further_splits(dataset: DataSet) -> list[Split]:
    """Give the other splits of a data set or, where it brings only one, random ones and an adversarial one.

    The same split under two names is one.
    """
    distinct: dict[str, Split] = {}
    for split in dataset.splits.values():
        distinct.setdefault(split.fingerprint, split)
    first, *others = distinct.values()
    return others or [*random_splits(dataset, RANDOM_SPLITS, 0, first), adversarial_split(dataset, first)]


def split_of_hash(dataset: DataSet, fingerprint: str) -> Split:
    """Find the split that a record names: one that the data set brings, or one that is made for many splits.

    Raises :class:`DataError` where none has this fingerprint.
    """
    for split in (*dataset.splits.values(), *further_splits(dataset)):
        if split.fingerprint == fingerprint:
            return split
    raise DataError(
        f"'{dataset.name}' in {dataset.provenance.location} has no split with the hash {fingerprint}",
        "name the folder of the data that the record was made of by --data-dir",
    )


def random_splits(dataset: DataSet, count: int, seed: int, official: Split | None = None) -> list[Split]:
    """Draw ``count`` splits ``random-1``, ``random-2``, ... with as many unseen classes as the official split.

    Each keeps the official share of test samples in every seen class. ``official`` is the default split where not
    given. A split depends on the seed and its number, not on how many are drawn.
    """
    model = official or dataset.split()
    classes = np.union1d(model.seen_classes, model.unseen_classes)
    splits = []
    for number in range(1, count + 1):
        rng = np.random.default_rng([seed, number])
        unseen = rng.choice(classes, size=len(model.unseen_classes), replace=False)
        splits.append(cut(dataset.labels, f"random-{number}", _samples(model), unseen, _test_share(model), rng))
    return splits


def adversarial_split(dataset: DataSet, official: Split | None = None) -> Split:
    """Make the split ``adversarial``, whose unseen classes are far from every seen one in their semantics.

    Classes are moved to the unseen side one by one: each time the seen class that is farthest, by the cosine of centred
    semantics, from its nearest fellow that is still seen.
    """
    model = official or dataset.split()
    classes = np.union1d(model.seen_classes, model.unseen_classes)
    unseen = _isolated(dataset.semantics[classes], len(model.unseen_classes))
    rng = np.random.default_rng(0)
    return cut(dataset.labels, "adversarial", _samples(model), classes[unseen], _test_share(model), rng)


def _samples(split: Split) -> Indices:
    return np.unique(np.concatenate([*split.sample_sets.values()]))


def _test_share(split: Split) -> float:
    return len(split.test_seen) / (len(split.test_seen) + len(split.trainval))


def _isolated(semantics: NDArray[np.float32], count: int) -> list[int]:
    """Take ``count`` classes away, each time the one that is farthest from its nearest fellow among those that stay.

    Of very many classes only the distances to the nearest fellows are kept: those of all pairs would take gigabytes.
    """
    centred = semantics.astype(np.float64) - semantics.mean(axis=0, dtype=np.float64)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    pairs = unit @ unit.T if len(unit) <= MOST_PAIRED else None
    stays = np.ones(len(unit), dtype=bool)
    nearest, fellow = np.full(len(unit), -np.inf), np.zeros(len(unit), dtype=np.int64)

    def look(rows: NDArray[np.integer]) -> None:
        for some in np.split(rows, range(ROWS_AT_ONCE, len(rows), ROWS_AT_ONCE)):
            # Rounded, since two classes that are nearest to each other tie, whichever rows a product has.
            distances = 1.0 - ((unit[some] @ unit.T).round(12) if pairs is None else pairs[some])
            distances[:, ~stays] = np.inf
            distances[np.arange(len(some)), some] = np.inf
            fellow[some] = distances.argmin(axis=1)
            nearest[some] = distances[np.arange(len(some)), fellow[some]]

    look(np.arange(len(unit)))
    taken: list[int] = []
    for _ in range(count):
        farthest = int(np.argmax(nearest))
        taken.append(farthest)
        stays[farthest], nearest[farthest] = False, -np.inf
        look(np.flatnonzero(stays & (fellow == farthest)))
    return taken
