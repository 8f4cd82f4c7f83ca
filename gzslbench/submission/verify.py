"""Verifying a bundle: every check one line, how far the results can be trusted afterwards, and accepting them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from gzslbench import __version__
from gzslbench.errors import GzslbenchError, UsageError
from gzslbench.records.places import path_safe
from gzslbench.records.provenance import MANIFEST, PROVENANCE, Provenance
from gzslbench.records.store import Store
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.submission import checks
from gzslbench.submission.bundle import Bundle, read_bundle
from gzslbench.submission.case import Case, DoubtError, OwnData, UncheckedError
from gzslbench.submission.confined.confinement import Confinement, Unconfined, bubblewrap
from gzslbench.submission.line import Line, Outcome
from gzslbench.submission.manifest import SOURCE
from gzslbench.submission.plausibility import check_originality, check_plausibility, check_timings
from gzslbench.submission.source import runnable, unpacked, write_files


@dataclass(frozen=True, eq=False)
class Verification:
    """What all checks found; ``case`` is None where the bundle could not be read."""

    case: Case | None
    lines: tuple[Line, ...]
    doubts_allowed: bool = False

    @property
    def bundle(self) -> Bundle | None:
        return self.case.bundle if self.case else None

    @property
    def passed(self) -> bool:
        """Whether nothing was refused, and no doubt is left."""
        refusing = {Outcome.REFUSED} if self.doubts_allowed else {Outcome.REFUSED, Outcome.DOUBTFUL}
        return self.case is not None and not any(line.outcome in refusing for line in self.lines)

    @property
    def provenance(self) -> Provenance | None:
        """How far the results can be trusted by these checks alone; None where the bundle is refused."""
        if not self.passed:
            return None
        failing = {line.check for line in self.lines if line.outcome is not Outcome.PASSED}
        if "metrics" in failing:
            return Provenance.SUBMITTED
        return Provenance.RESCORED if "rerun" in failing else Provenance.REPRODUCED


CHECKS: dict[str, Callable[[Case], str]] = {
    "manifest": checks.check_manifest,
    "keys": checks.check_keys,
    "protocol": checks.check_protocol,
    "seeds": checks.check_seeds,
    "code": checks.check_code,
    "claims": checks.check_claims,
    "data": checks.check_data,
    "predictions": checks.check_predictions,
    "metrics": checks.check_metrics,
    "originality": check_originality,
    "timings": check_timings,
    "plausibility": check_plausibility,
    "declarations": checks.check_declarations,
}
"""All but reading and rerunning, in order."""
_BUILDS_ON = {
    "claims": ("protocol", "code"),
    "predictions": ("data",),
    "metrics": ("data", "predictions"),
    "originality": ("predictions",),
}
"""Checks that say nothing once others have refused."""
_ENDINGS: dict[type, Outcome] = {DoubtError: Outcome.DOUBTFUL, UncheckedError: Outcome.UNCHECKED}


@dataclass(frozen=True)
class Verifier:
    """What bundles are held against; ``rerun`` cells are trained again, none by default, confined unless told not to.

    Raises :class:`UsageError` where they should be confined and can't be.
    """

    data_dirs: Sequence[Path]
    cache: Path
    against: Sequence[Path] = ()
    rerun: int = 0
    doubts_allowed: bool = False
    unconfined: bool = False

    def verify(self, path: Path) -> Verification:
        """Check a bundle; its code is imported by no check but a rerun, and there in a process of its own."""
        confinement = bubblewrap() if self.rerun and not self.unconfined else Unconfined()
        try:
            bundle = read_bundle(path)
        except BundleError as error:
            return Verification(None, (Line("archive", Outcome.REFUSED, str(error)),))
        lines = [Line("archive", Outcome.PASSED, f"{bundle}; every hash fits")]
        case = Case(bundle, OwnData(self.data_dirs, self.cache), self.against)
        for name, check in CHECKS.items():
            lines.append(_line(name, check, case, lines))
        if any(line.outcome is Outcome.REFUSED for line in lines):
            lines.append(Line("rerun", Outcome.UNCHECKED, "refused before"))
        elif not self.rerun:
            lines.append(Line("rerun", Outcome.UNCHECKED, "nothing was trained again: --rerun N does it for N cells"))
        else:
            reruns = self._rerun(case, confinement)
            made_again = all(line.outcome is Outcome.PASSED for line in reruns)
            lines = [*(_original(line) if made_again else line for line in lines), *reruns]
        return Verification(case, tuple(lines), self.doubts_allowed)

    def _rerun(self, case: Case, confinement: Confinement) -> list[Line]:
        """Train a sample of cells again; which ones is drawn now, so that nobody can prepare for it."""
        from gzslbench.submission.rerun import Rerun, rerun_cells

        source = runnable(case.bundle.source, {plugin.source.name for plugin in case.plugins})
        with unpacked(source) as folder:
            setting = Rerun(confinement, folder if source else None, case.data, logs=self.cache / "rerun-logs")
            return rerun_cells(case.cells, self.rerun, secrets.randbits(32), setting)


def _original(line: Line) -> Line:
    """Lift the doubt that predictions were copied, once the code has been seen to make them."""
    if (line.check, line.outcome) != ("originality", Outcome.DOUBTFUL):
        return line
    return Line(line.check, Outcome.PASSED, f"its code makes these predictions itself, though {line.text}")


def _line(name: str, check: Callable[[Case], str], case: Case, before: Sequence[Line]) -> Line:
    """Run one check, unless what it builds on was refused."""
    for line in before:
        if line.outcome is Outcome.REFUSED and line.check in _BUILDS_ON.get(name, ()):
            return Line(name, Outcome.UNCHECKED, f"'{line.check}' was refused")
    try:
        return Line(name, Outcome.PASSED, check(case))
    except GzslbenchError as error:
        return Line(name, _ENDINGS.get(type(error), Outcome.REFUSED), str(error))


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
    root.mkdir(parents=True)
    (root / MANIFEST).write_text(bundle.manifest.to_json(), encoding="utf-8")
    write_files(bundle.source, root / SOURCE)
    with Store(root).writing() as store:
        for cell, answers in case.judged():
            store.write(cell.record, cell.predictions)
            store.write_answer_key(cell.record.key, answers)
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
