"""The data set type: features, labels, semantics, class names, splits, and where it all came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import DataError, UsageError, nearest

Indices = NDArray[np.int64]

LOCATIONS = ("trainval_loc", "test_seen_loc", "test_unseen_loc")
"""Index arrays that every splits file has, by the names that they have there."""
OPTIONAL_LOCATIONS = ("train_loc", "val_loc")
HASH_DIGITS = 16


def content_hash(*arrays: NDArray[Any]) -> str:
    """Hash arrays by content: shapes and little-endian C-order bytes; 16 hexadecimal digits.

    Callers bring the arrays into their canonical type first, so that storage types make no difference.
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).data)
    return digest.hexdigest()[:HASH_DIGITS]


@dataclass(frozen=True, eq=False)
class Split:
    """Which samples train and test, and which classes are seen and unseen.

    Samples are 0-based int64 positions into the features, classes are rows of the semantics. All arrays are kept
    sorted, so a split does not depend on the order in which a file lists it. ``val_classes`` are seen classes that play
    the unseen ones while a method is tuned; None leaves the choice to :func:`gzslbench.data.splits.validation_split`.
    ``train_loc`` and ``val_loc`` are the file's own arrays of these names. They serve the audit alone: in many
    published files they contain test samples.
    """

    name: str
    trainval: Indices
    test_seen: Indices
    test_unseen: Indices
    seen_classes: Indices
    unseen_classes: Indices
    val_classes: Indices | None = None
    train_loc: Indices | None = None
    val_loc: Indices | None = None

    def __post_init__(self) -> None:
        for name, values in self.arrays.items():
            object.__setattr__(self, name, np.sort(np.asarray(values, dtype=np.int64).ravel()))

    @property
    def arrays(self) -> dict[str, Indices]:
        """All index arrays that there are, by the name of their field."""
        return {item.name: array for item in fields(self)[1:] if (array := getattr(self, item.name)) is not None}

    @property
    def sample_sets(self) -> dict[str, Indices]:
        """The samples to train on, and those to test on of seen and of unseen classes, by the name of their field."""
        return {"trainval": self.trainval, "test_seen": self.test_seen, "test_unseen": self.test_unseen}

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that a result can depend on: the three sample sets and the three class sets."""
        validation = self.val_classes if self.val_classes is not None else np.array([-1])
        return content_hash(*self.sample_sets.values(), self.seen_classes, self.unseen_classes, validation)

    @cached_property
    def sample_fingerprint(self) -> str:
        """Hash of the three sample sets, by which official splits are recognised; needs no labels."""
        return content_hash(*self.sample_sets.values())


@dataclass(frozen=True)
class Provenance:
    """Where a data set came from: a folder or a plugin, and the SHA-256 of every file that was read."""

    location: str
    files: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        files = ", ".join(f"{name} (sha256 {digest[:12]})" for name, digest in sorted(self.files.items()))
        return f"{self.location}: {files}" if files else self.location

    @property
    def shareable(self) -> str:
        """The same with the folder's name alone, for records: they are passed on, and paths tell about their author."""
        return str(replace(self, location=PurePath(self.location).name))


@dataclass(frozen=True, eq=False)
class DataSet:
    """Features (n, d) float32, labels (n,) int64 rows of the semantics, semantics (c, k) float32, one name per class.

    ``name`` is ``BASE`` or ``BASE@VARIANT``, the variant naming the semantics. ``splits`` are in order of preference.
    ``sample_names`` (n,) are the files that the samples were made from, as UTF-8 bytes, where known. Arrays may be
    read-only memory maps. ``shared_space`` says that features and semantics lie in one space, as embeddings by one
    model do, so that a cosine between them means something. ``description`` has texts for people by their keys, such as
    a title. Raises :class:`DataError` where shapes do not fit together.
    """

    name: str
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    semantics: NDArray[np.float32]
    class_names: tuple[str, ...]
    splits: Mapping[str, Split]
    provenance: Provenance = field(default_factory=lambda: Provenance("in memory"))
    sample_names: NDArray[np.bytes_] | None = None
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    """Content hashes of "features", "labels" and "semantics"."""
    shared_space: bool = False
    description: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", np.asarray(self.features, dtype=np.float32))
        object.__setattr__(self, "labels", np.asarray(self.labels, dtype=np.int64).ravel())
        object.__setattr__(self, "semantics", np.asarray(self.semantics, dtype=np.float32))
        self._check_shapes()
        if not self.fingerprint:
            hashes = {name: content_hash(getattr(self, name)) for name in ("features", "labels", "semantics")}
            object.__setattr__(self, "fingerprint", hashes)

    @property
    def base(self) -> str:
        """The name without its variant: ``CUB`` of ``CUB@sent``."""
        return self.name.partition("@")[0]

    @property
    def variant(self) -> str:
        """The semantics' name: ``sent`` of ``CUB@sent``, empty for the standard ones."""
        return self.name.partition("@")[2]

    @property
    def default_split(self) -> str:
        """The split that is used where none is named."""
        return next(iter(self.splits))

    def split(self, name: str = "") -> Split:
        """Look up a split, the default one where ``name`` is empty."""
        chosen = name or self.default_split
        if chosen not in self.splits:
            raise UsageError(f"'{self.name}' has no split '{chosen}'", nearest(chosen, self.splits))
        return self.splits[chosen]

    def _check_shapes(self) -> None:
        problem = ""
        remedy = "features are (samples, dimensions), semantics (classes, dimensions), one label per sample"
        if self.features.ndim != 2 or self.semantics.ndim != 2:
            problem = f"features are {self.features.shape} and semantics {self.semantics.shape}, not matrices"
        elif len(self.features) != len(self.labels):
            problem = f"there are {len(self.features)} rows of features but {len(self.labels)} labels"
        elif len(self.semantics) != len(self.class_names):
            problem = f"there are {len(self.semantics)} rows of semantics but {len(self.class_names)} class names"
        elif not self.splits:
            problem = "there is no split"
        elif self.shared_space and self.features.shape[1] != self.semantics.shape[1]:
            widths = f"{self.features.shape[1]:,} and {self.semantics.shape[1]:,}"
            problem = f"features and semantics of {widths} dimensions can't share one space, as it declares"
            remedy = "declare shared_space of those semantics alone that are embedded as the features are"
        if problem:
            raise DataError(f"data set '{self.name}' ({self.provenance.location}): {problem}", remedy)
