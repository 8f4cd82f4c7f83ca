"""The data sets of the literature, from ``known.toml``: their published sizes, their splits, and how to get them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class KnownDataSet:
    """A published data set.

    ``counts`` are numbers of classes (``seen``, ``unseen``) and of samples (``samples`` in all and, where it has one
    split, ``trainval``, ``test_seen``, ``test_unseen``). ``features_dim`` is that of the published features,
    ``semantics_dims`` that of each variant ("" is the standard one). ``official`` is the fingerprint of the sample sets
    of its official split, where it could be computed from the published index files; ``versioned`` says that the split
    was published twice. ``archive`` is a public URL, or empty where only ``hint`` helps. ``aliases`` are other names of
    its folder.
    """

    name: str
    summary: str
    counts: Mapping[str, int]
    features_dim: int
    semantics_dims: Mapping[str, int]
    archive: str = ""
    hint: str = ""
    official: str = ""
    versioned: bool = False
    aliases: tuple[str, ...] = ()


KNOWN = tuple(
    KnownDataSet(name, **{"hint": f"it is part of {entry.get('archive')}"} | entry)
    for name, entry in tomllib.loads(Path(__file__).with_name("known.toml").read_text(encoding="utf-8")).items()
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
    if data_set is None or "trainval" not in data_set.counts:
        return "official"
    recorded = sample_fingerprint == data_set.official
    published = tuple(data_set.counts[each] for each in ("trainval", "test_seen", "test_unseen"))
    if not data_set.versioned:
        return "official" if recorded else "custom"
    if recorded or (not leaks and sizes == published):
        return "v1" if leaks else "v2"
    return "custom"
