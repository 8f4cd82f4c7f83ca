"""Content hashes of the data that leaderboards are kept for; results on any other can't be compared with them."""

from __future__ import annotations

from gzslbench.contract.protocol import protocol_named
from gzslbench.records.record import CellKey
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.submission.manifest import DataEntry

KNOWN_DATA = (
    DataEntry("glyphs", "5331513e0ff69005", "06219b4c46852cc2", "31323d5c95c6531a", "official", "1898b1aa6ce73867"),
    DataEntry("CUB@sent", "9caab536c8b21a6b", "9fa6c1dfb559fc30", "bf6ad0ca8a0e04c1", "v1", "240871be9388ef70"),
    DataEntry("FLO", "b7a439c9905ee839", "e0acf90a3610e6f3", "b0aab56628198753", "official", "337baff8b8789ee1"),
    DataEntry("CLINC150", "dd5281c3d7a552a5", "590f19f919e5e93c", "1189bc69db3644cd", "official", "d7c6adab54ebe13f"),
)
"""One entry for each data set and split, as ``gzslbench data check`` shows them."""


def check_known(key: CellKey) -> None:
    """Refuse a key whose data is not known; protocols over many splits may bring splits of their own."""
    names = ", ".join(sorted({entry.data_set for entry in KNOWN_DATA}))
    remedy = f"submit results on {names}, or ask for yours to be added: 'gzslbench data check' shows its hashes"
    of_name = [entry for entry in KNOWN_DATA if entry.data_set == key.data_set]
    if not of_name:
        raise BundleError(f"there is no leaderboard for the data set '{key.data_set}'", remedy)
    split = () if protocol_named(key.protocol).many_splits else ("split_hash",)
    for field in ("features", "labels", "semantics", *split):
        ours, known = getattr(key, field), sorted({getattr(entry, field) for entry in of_name})
        if ours not in known:
            what = f"{DataEntry.of(key)}: {field} {ours} is not known; known: {', '.join(known)}"
            raise BundleError(what, remedy)
