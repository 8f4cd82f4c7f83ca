"""The data sets of the literature, as data: their published sizes, their splits, and how to get them.

Counts are those of Xian et al. (TPAMI 2018) and of the index files that they published; for Oxford Flowers of Xian et
al. (CVPR 2018); for the action sets of Mandal et al. (CVPR 2019), whose 30 splits differ in their counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

XLSA17 = "http://datasets.d2.mpi-inf.mpg.de/xian/xlsa17.zip"
CVPR18XIAN = "http://datasets.d2.mpi-inf.mpg.de/xian/cvpr18xian.zip"
ACTIONS = "https://github.com/naraysa/gzsl-od"


@dataclass(frozen=True)
class Counts:
    """Published sizes: numbers of classes and of samples."""

    seen: int
    unseen: int
    samples: int
    trainval: int | None = None
    test_seen: int | None = None
    test_unseen: int | None = None


@dataclass(frozen=True)
class KnownDataSet:
    """A published data set.

    ``features_dim`` is that of the published features, ``semantics_dims`` that of each variant ("" is the standard
    one). ``official`` gives the fingerprints of the sample sets of its official split, as far as they could be computed
    from the published index files; ``versioned`` says that the split was published twice. ``archive`` is a public URL,
    or empty where only ``hint`` helps. ``aliases`` are other names of its folder.
    """

    name: str
    summary: str
    counts: Counts
    features_dim: int
    semantics_dims: Mapping[str, int]
    hint: str
    archive: str = ""
    official: tuple[str, ...] = ()
    versioned: bool = False
    aliases: tuple[str, ...] = ()


KNOWN: tuple[KnownDataSet, ...] = (
    KnownDataSet(
        "AWA1",
        "Animals with Attributes, 50 mammals",
        Counts(40, 10, 30475, 19832, 4958, 5685),
        2048,
        {"": 85},
        f"it is part of {XLSA17}",
        XLSA17,
        official=("e4446d5c1d79045a",),
        versioned=True,
    ),
    KnownDataSet(
        "AWA2",
        "Animals with Attributes 2, 50 mammals",
        Counts(40, 10, 37322, 23527, 5882, 7913),
        2048,
        {"": 85, "binaryAtt": 85},
        f"it is part of {XLSA17}",
        XLSA17,
        official=("86e3a9c623bc2e15",),
        versioned=True,
    ),
    KnownDataSet(
        "CUB",
        "Caltech-UCSD Birds 200-2011",
        Counts(150, 50, 11788, 7057, 1764, 2967),
        2048,
        {"": 312, "sent": 1024},
        f"it is part of {XLSA17}",
        XLSA17,
        official=("4f01d7b17b2cee0b",),
        versioned=True,
    ),
    KnownDataSet(
        "SUN",
        "SUN Attributes, 717 scenes",
        Counts(645, 72, 14340, 10320, 2580, 1440),
        2048,
        {"": 102},
        f"it is part of {XLSA17}",
        XLSA17,
        official=("707c56f6715976de",),
        versioned=True,
    ),
    KnownDataSet(
        "APY",
        "Attribute Pascal and Yahoo, 32 objects",
        Counts(20, 12, 15339, 5932, 1483, 7924),
        2048,
        {"": 64},
        f"it is part of {XLSA17}",
        XLSA17,
        official=("9a8148c685dbead6",),
        versioned=True,
    ),
    KnownDataSet(
        "FLO",
        "Oxford Flowers 102",
        Counts(82, 20, 8189, 5631, 1403, 1155),
        2048,
        {"": 1024},
        f"it is part of {CVPR18XIAN}",
        CVPR18XIAN,
        official=("896da59da4ff6429",),
    ),
    KnownDataSet(
        "HMDB51",
        "HMDB51, 51 actions, 30 splits",
        Counts(26, 25, 6766),
        8192,
        {"": 300},
        f"I3D features and splits are linked from {ACTIONS}: unpack them as HMDB51/i3d.mat and HMDB51/split_1 ...",
        aliases=("hmdb51_i3d",),
    ),
    KnownDataSet(
        "UCF101",
        "UCF101, 101 actions, 30 splits",
        Counts(51, 50, 13320),
        8192,
        {"": 300, "manual": 115},
        f"I3D features and splits are linked from {ACTIONS}: unpack them as UCF101/i3d.mat and UCF101/split_1 ...",
        aliases=("ucf101_i3d",),
    ),
)


def known(name: str) -> KnownDataSet | None:
    """Find a published data set by its name or that of its folder, in upper or lower case; a variant is ignored."""
    base = name.partition("@")[0].casefold()
    return next((each for each in KNOWN if base in {alias.casefold() for alias in (each.name, *each.aliases)}), None)


def split_version(name: str, sample_fingerprint: str, leaks: bool, sizes: tuple[int, int, int]) -> str:
    """Name a split that came without a name: ``v1``, ``v2``, ``official``, or ``custom``.

    The split of Xian et al. was published twice. In version 1, ``train_loc`` and ``val_loc`` contain the test samples
    of seen classes (``leaks``); in version 2 they don't, or are absent, while on AWA2 the sample sets are the same. A
    split of a known data set that is neither recorded here nor of the published ``sizes`` (trainval, test_seen,
    test_unseen) is ``custom``; a data set that is not known brings its own ``official`` split.
    """
    data_set = known(name)
    if data_set is None or data_set.counts.trainval is None:
        return "official"
    counts = data_set.counts
    recorded = sample_fingerprint in data_set.official
    if not data_set.versioned:
        return "official" if recorded else "custom"
    if recorded or (not leaks and sizes == (counts.trainval, counts.test_seen, counts.test_unseen)):
        return "v1" if leaks else "v2"
    return "custom"
