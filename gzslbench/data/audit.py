"""The audit: what is wrong with a data set and a split, one line each.

Fatal findings make every result meaningless and stop a run; warnings stay in its record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gzslbench.contract.dataset import OPTIONAL_LOCATIONS, DataSet, Indices, Split
from gzslbench.data.known import known
from gzslbench.data.told_classes import told_classes
from gzslbench.data.xlsa17 import numbered
from gzslbench.errors import DataError, counted

CHUNK_ROWS = 1024
TELLING_SHARE = 0.5
"""File names judge the order of the classes only where at least this share of the samples names its class."""
CONSTANT_SHARE = 0.5
"""Some constant columns do no harm; from this share on something is wrong."""
SWAPPED_SHARE = 0.5
"""With more than this share of samples under another class than their file names say, the order is wrong."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: ``code`` for programs, ``message`` for people."""

    level: Literal["fatal", "warning"]
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.level}: {self.message}"


def audit(dataset: DataSet, split: Split) -> list[Finding]:
    """Check a data set under one of its splits, fatal findings first."""
    found = [*_ranges(dataset, split)]
    if not found:  # what follows looks samples up
        found = [*_classes(dataset, split), *_overlaps(split), *_values(dataset, split), *_duplicates(dataset, split)]
        found += [*_validation(split), *_class_order(dataset), *_semantics(dataset), *_published(dataset, split)]
        found += [*_orientation(dataset), *_columns(dataset)]
    return sorted(found, key=lambda finding: finding.level)


def require_sound(dataset: DataSet, split: Split) -> list[Finding]:
    """Give the warnings of the audit; raises :class:`DataError` with all that is fatal."""
    findings = audit(dataset, split)
    fatal = [finding.message for finding in findings if finding.level == "fatal"]
    if fatal:
        raise DataError(
            f"data set '{dataset.name}', split '{split.name}' ({dataset.provenance.location}): {'; '.join(fatal)}",
            "correct the data",
        )
    return findings


def _ranges(dataset: DataSet, split: Split) -> Iterator[Finding]:
    """Find empty sets, and what lies outside of the data, as a wrapped-around small integer leaves it."""
    classes, count = len(dataset.semantics), len(dataset.labels)
    if outside := int(np.count_nonzero((dataset.labels < 0) | (dataset.labels >= classes))):
        yield Finding("fatal", "labels-range", f"{counted(outside, 'label')} outside of the {classes} classes")
    for name, indices in split.sample_sets.items():
        if not len(indices):
            yield Finding("fatal", "empty", f"{name} has no samples")
        elif indices[0] < 0 or indices[-1] >= count:
            worst = indices[0] if indices[0] < 0 else indices[-1]
            message = f"{name} points at sample {worst} of {count:,}: its integer type may have wrapped around"
            yield Finding("fatal", "indices-range", message)


def _overlaps(split: Split) -> Iterator[Finding]:
    for name, indices in split.sample_sets.items():
        if repeated := len(indices) - len(np.unique(indices)):
            message = (
                f"{name} lists {counted(repeated, 'sample')} more than once: its integer type may have wrapped around"
            )
            yield Finding("warning", "indices-repeated", message)
    for (one, indices), (other, others) in combinations(split.sample_sets.items(), 2):
        if shared := len(np.intersect1d(indices, others)):
            code = "train-in-test" if one == "trainval" else "test-in-test"
            yield Finding("fatal", code, f"{counted(shared, 'sample')} both in {one} and in {other}")


def _classes(dataset: DataSet, split: Split) -> Iterator[Finding]:
    names = Counter(dataset.class_names)
    rows = [row for row, name in enumerate(dataset.class_names) if names[name] > 1]
    if rows:
        yield Finding("warning", "names-alike", f"{_listed(dataset, np.array(rows))} with the name of another class")
    both = np.intersect1d(split.seen_classes, split.unseen_classes)
    if len(both):
        yield Finding("fatal", "seen-and-unseen", f"{_listed(dataset, both)} both seen and unseen")
    trained = np.unique(dataset.labels[split.trainval])
    untrained = np.setdiff1d(np.unique(dataset.labels[split.test_seen]), trained)
    if len(untrained):
        yield Finding("fatal", "untrained", f"{_listed(dataset, untrained)} in test_seen but not in trainval")
    for kind, declared, indices in (
        ("seen", split.seen_classes, split.trainval),
        ("unseen", split.unseen_classes, split.test_unseen),
    ):
        if not np.array_equal(declared, np.unique(dataset.labels[indices])):
            yield Finding("fatal", "classes-differ", f"the {kind} classes are not those of the split's samples")
    untested = np.setdiff1d(trained, np.unique(dataset.labels[split.test_seen]))
    if len(untested):
        yield Finding("warning", "untested", f"{_listed(dataset, untested)} trained but absent from test_seen")


def _values(dataset: DataSet, split: Split) -> Iterator[Finding]:
    used = np.unique(np.concatenate([*split.sample_sets.values()]))
    broken = [index for start in range(0, len(dataset.features), CHUNK_ROWS) for index in _not_finite(dataset, start)]
    bad = np.intersect1d(used, np.array(broken, dtype=np.int64))
    if len(bad):
        message = f"features of {counted(len(bad), 'sample')} are NaN or infinite (first: {bad[0]})"
        yield Finding("fatal", "features-nan", message)
    elif broken:
        message = f"features of {counted(len(broken), 'sample')} outside of the split are NaN or infinite"
        yield Finding("warning", "features-nan-unused", message)
    if not np.isfinite(dataset.semantics).all():
        rows = np.flatnonzero(~np.isfinite(dataset.semantics).all(axis=1))
        yield Finding("fatal", "semantics-nan", f"semantics of {_listed(dataset, rows)} are NaN or infinite")


def _not_finite(dataset: DataSet, start: int) -> list[int]:
    rows = dataset.features[start : start + CHUNK_ROWS]
    with np.errstate(invalid="ignore"):  # infinities of both signs
        total = rows.sum(dtype=np.float64)
    if np.isfinite(total):  # one pass over what is almost always sound
        return []
    return (start + np.flatnonzero(~np.isfinite(rows).all(axis=1))).tolist()


def _duplicates(dataset: DataSet, split: Split) -> Iterator[Finding]:
    features, hashes, pool = dataset.features, row_hashes(dataset.features), split.trainval

    def has_twin(index: int) -> bool:
        same = pool[hashes[pool] == hashes[index]]
        return any(np.array_equal(features[index], features[other]) for other in same.tolist())

    test = np.concatenate([split.test_seen, split.test_unseen])
    alike = [index for index in test[np.isin(hashes[test], hashes[pool])].tolist() if has_twin(index)]
    if alike:
        message = (
            f"{counted(len(alike), 'test sample')} with exactly the features of a training sample (first: {alike[0]})"
        )
        yield Finding("warning", "duplicates", message)


def row_hashes(matrix: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Hash each row of a matrix by its bits: equal rows have equal hashes, others almost never."""
    width = matrix.shape[1]
    factors = np.random.default_rng(0).integers(0, 2**64, size=width, dtype=np.uint64) | np.uint64(1)
    hashes = np.empty(len(matrix), dtype=np.uint64)
    for start in range(0, len(matrix), CHUNK_ROWS):
        bits = np.ascontiguousarray(matrix[start : start + CHUNK_ROWS]).view(np.uint32)
        hashes[start : start + CHUNK_ROWS] = bits.astype(np.uint64) @ factors
    return hashes


def _validation(split: Split) -> Iterator[Finding]:
    test = np.concatenate([split.test_seen, split.test_unseen])
    for name in OPTIONAL_LOCATIONS:
        if inside := len(np.intersect1d(split.arrays.get(name, []), test)):
            message = (
                f"{name} contains {counted(inside, 'test sample')}; it is not used, validation is cut inside trainval"
            )
            yield Finding("warning", f"{name.removesuffix('_loc')}-loc-leaks", message)


def _class_order(dataset: DataSet) -> Iterator[Finding]:
    """Compare labels with the classes that the samples' file names tell, where they do."""
    if dataset.sample_names is None:
        return
    told = told_classes(dataset)
    telling = told >= 0
    if telling.mean() < TELLING_SHARE:
        return
    wrong = int(np.count_nonzero(told[telling] != dataset.labels[telling]))
    share = wrong / np.count_nonzero(telling)
    if share > SWAPPED_SHARE:
        message = f"the order of the semantics is not that of the labels: {share:.0%} of file names tell another class"
        yield Finding("fatal", "class-order", message)
    elif wrong:
        yield Finding(
            "warning", "class-names", f"{counted(wrong, 'file name')} of another class than the sample's label"
        )


def _semantics(dataset: DataSet) -> Iterator[Finding]:
    _, first = np.unique(dataset.semantics, axis=0, return_index=True)
    if len(alike := np.setdiff1d(np.arange(len(dataset.semantics)), first)):
        message = f"{_listed(dataset, alike)} with the semantics of another class: they can't be told apart"
        yield Finding("warning", "semantics-alike", message)


def _orientation(dataset: DataSet) -> Iterator[Finding]:
    """Find classes without samples, and semantics that were stored the other way round."""
    classes, dimensions = dataset.semantics.shape
    empty = np.setdiff1d(np.arange(classes), dataset.labels)
    labelled = classes - len(empty)
    if len(empty) and dimensions == labelled and dataset.class_names == numbered(classes):
        message = (
            f"semantics are of {classes} classes and {dimensions} dimensions, but {labelled} classes have samples: "
            "they were stored the other way round (att is attribute x class), or lack class names that say otherwise"
        )
        yield Finding("fatal", "orientation", message)
    elif len(empty):
        yield Finding("warning", "no-samples", f"{_listed(dataset, empty)} without samples")


def _columns(dataset: DataSet) -> Iterator[Finding]:
    """Find columns that are no features or attributes: constant ones, running numbers, and the labels themselves."""
    for name, matrix in (("features", dataset.features), ("semantics", dataset.semantics)):
        constant = np.ones(matrix.shape[1], dtype=bool)
        for start in range(0, len(matrix), CHUNK_ROWS):
            constant &= (matrix[start : start + CHUNK_ROWS] == matrix[0]).all(axis=0)
        if constant.mean() >= CONSTANT_SHARE:
            message = f"the {name} are constant in {constant.sum():,} of {matrix.shape[1]:,} columns"
            yield Finding("warning", f"{name}-constant", message)
        with np.errstate(invalid="ignore"):  # of infinities
            starts = np.flatnonzero((np.diff(matrix[:3], axis=0) == 1).all(axis=0)) if len(matrix) > 2 else ()
        for column in starts:
            if (np.diff(matrix[:, column]) == 1).all():
                message = f"column {column + 1} of the {name} counts its rows: it is an index, not a measurement"
                yield Finding("warning", f"{name}-count", message)
    leaking = _telling_columns(dataset.features, dataset.labels)
    if len(leaking):
        message = f"column {leaking[0] + 1} of the features tells the class of every sample, as labels do"
        more = f" ({counted(len(leaking), 'such column')})" if len(leaking) > 1 else ""
        yield Finding("warning", "features-tell-labels", message + more)


def _telling_columns(features: NDArray[np.float32], labels: Indices) -> Indices:
    """Find columns that have one value in each class, and another in each other one."""
    order = np.argsort(labels, kind="stable")
    classes, first, count = np.unique(labels[order], return_index=True, return_counts=True)
    if len(classes) < 2 or count.min() < 2:
        return np.array([], dtype=np.int64)
    one, other = features[order[first]], features[order[first + 1]]
    candidates = np.flatnonzero((one == other).all(axis=0))
    rows = np.searchsorted(classes, labels)
    return np.array(
        [
            column
            for column in candidates.tolist()
            if len(np.unique(one[:, column])) == len(classes) and (features[:, column] == one[rows, column]).all()
        ],
        dtype=np.int64,
    )


def _published(dataset: DataSet, split: Split) -> Iterator[Finding]:
    """Compare a data set of the literature, and a split that came with it, with the published sizes."""
    published = known(dataset.base)
    if published is None:
        return
    rows = [
        ("samples", len(dataset.labels), published.counts["samples"]),
        ("dimensions of semantics", dataset.semantics.shape[1], published.semantics_dims.get(dataset.variant)),
        ("dimensions of features", dataset.features.shape[1], published.features_dim),
    ]
    if split.name in dataset.splits:
        classes = {"seen": split.seen_classes, "unseen": split.unseen_classes}
        rows += [(f"{kind} classes", len(declared), published.counts[kind]) for kind, declared in classes.items()]
        sets = split.sample_sets.items()
        rows += [(f"{name} samples", len(indices), published.counts.get(name)) for name, indices in sets]
    differing = [
        f"{found:,} {what} instead of {number:,}" for what, found, number in rows if number not in (None, found)
    ]
    if differing:
        yield Finding("warning", "not-as-published", f"not the published {published.name}: {', '.join(differing)}")


def _listed(dataset: DataSet, rows: NDArray[Any]) -> str:
    names = ", ".join(
        dataset.class_names[row] if row < len(dataset.class_names) else str(row) for row in rows[:3].tolist()
    )
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    return f"{counted(len(rows), 'class')} ({names}{more})"
