"""Taking a verified bundle into the leaderboards: a folder of results of its own, with what was checked."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from gzslbench import __version__
from gzslbench.errors import UsageError
from gzslbench.records.provenance import MANIFEST, PROVENANCE, Provenance
from gzslbench.records.store import Store, path_safe
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.submission.case import Case
from gzslbench.submission.manifest import SOURCE
from gzslbench.submission.source import write_files
from gzslbench.submission.verify import Verification


def accept(verification: Verification, into: Path) -> Path:
    """Write records, answer keys, source, manifest and provenance of a bundle to a new folder in ``into``.

    The folder bears the method's name and the start of the bundle's SHA-256. Names of records come from their keys, not
    from the bundle. Raises :class:`BundleError` where the checks refused it or could not recompute its metrics.
    """
    case, provenance = verification.case, verification.provenance
    if case is None or provenance is None:
        raise BundleError("the bundle was refused", "nothing was accepted")
    if provenance < Provenance.RESCORED:
        raise BundleError("its metrics could not be computed anew", "accept it where the data is, with --data-dir")
    bundle = case.bundle
    root = into / f"{path_safe(bundle.manifest.method)}-{bundle.sha256[:8]}"
    if root.exists():
        raise UsageError(f"{root} is there already", "this very bundle was accepted before")
    _write(case, root)
    said = {
        "provenance": str(Provenance.VERIFIED if provenance is Provenance.REPRODUCED else provenance),
        "bundle_sha256": bundle.sha256,
        "declarations": asdict(bundle.manifest.declarations),
        "checks": [asdict(line) for line in verification.lines],
        "gzslbench": __version__,
        "accepted": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # written last: a folder without it was not accepted in full
    (root / PROVENANCE).write_text(json.dumps(said, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return root


def _write(case: Case, root: Path) -> None:
    root.mkdir(parents=True)
    (root / MANIFEST).write_text(case.bundle.manifest.to_json(), encoding="utf-8")
    write_files(case.bundle.source, root / SOURCE)
    store = Store(root)
    with store.writing():
        for cell, answers in case.judged():
            store.write(cell.record, cell.predictions)
            store.write_answer_key(cell.record.key, answers)
