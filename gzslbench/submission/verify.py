"""Verifying a bundle: every check one line, and how far the results can be trusted afterwards."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from gzslbench.data.catalogue import Catalogue
from gzslbench.errors import GzslbenchError
from gzslbench.records.provenance import Provenance
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.submission.bundle import Bundle, read_bundle
from gzslbench.submission.case import Case, DoubtError, UncheckedError
from gzslbench.submission.checks import (
    check_code,
    check_data,
    check_keys,
    check_manifest,
    check_metrics,
    check_predictions,
    check_protocol,
    check_seeds,
)
from gzslbench.submission.confined.line import printable
from gzslbench.submission.plausibility import check_originality, check_plausibility, check_timings
from gzslbench.submission.source import unpacked

if TYPE_CHECKING:
    from gzslbench.submission.rerun import RerunOutcome


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    REFUSED = "refused"
    DOUBTFUL = "doubtful"
    UNCHECKED = "unchecked"


@dataclass(frozen=True)
class Line:
    """What one check found, in one line: names in a bundle may hold anything, a terminal's control characters too."""

    check: str
    outcome: Outcome
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", printable(self.text))


@dataclass(frozen=True, eq=False)
class Verification:
    """What all checks found; ``case`` is None where the bundle could not be read."""

    case: Case | None
    lines: tuple[Line, ...]
    doubts_allowed: bool = False

    @property
    def bundle(self) -> Bundle | None:
        """The bundle, where it could be read."""
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
        outcomes = {line.check: line.outcome for line in self.lines}
        if outcomes["metrics"] is not Outcome.PASSED:
            return Provenance.SUBMITTED
        return Provenance.REPRODUCED if outcomes.get("rerun") is Outcome.PASSED else Provenance.RESCORED


CHECKS: dict[str, Callable[[Case], str]] = {
    "manifest": check_manifest,
    "keys": check_keys,
    "protocol": check_protocol,
    "seeds": check_seeds,
    "code": check_code,
    "data": check_data,
    "predictions": check_predictions,
    "metrics": check_metrics,
    "originality": check_originality,
    "timings": check_timings,
    "plausibility": check_plausibility,
}
"""All but reading and rerunning, in order."""
_BUILDS_ON = {"predictions": ("data",), "metrics": ("data", "predictions"), "originality": ("predictions",)}
"""Checks that say nothing once others have refused."""


@dataclass(frozen=True)
class Verifier:
    """What bundles are held against; ``rerun`` cells are trained again, none by default."""

    data_dirs: Sequence[Path]
    cache: Path
    against: Sequence[Path] = ()
    rerun: int = 0
    doubts_allowed: bool = False

    def verify(self, path: Path) -> Verification:
        """Check a bundle; its code is imported by no check but a rerun, and there in a process of its own."""
        try:
            bundle = read_bundle(path)
        except BundleError as error:
            return Verification(None, (Line("archive", Outcome.REFUSED, str(error)),))
        lines = [Line("archive", Outcome.PASSED, f"{bundle}; every hash fits")]
        case = Case(bundle, Catalogue.find(self.data_dirs, cache_dir=self.cache), self.cache, self.against)
        for name, check in CHECKS.items():
            lines.append(_line(name, check, case, lines))
        refused = any(line.outcome is Outcome.REFUSED for line in lines)
        lines += self._rerun(case) if not refused else [Line("rerun", Outcome.UNCHECKED, "refused before")]
        return Verification(case, tuple(lines), self.doubts_allowed)

    def _rerun(self, case: Case) -> Iterator[Line]:
        """Train a sample of cells again; which ones is drawn now, so that nobody can prepare for it."""
        if not self.rerun:
            yield Line("rerun", Outcome.UNCHECKED, "nothing was trained again: --rerun N does it for N cells")
            return
        try:
            outcomes = self._outcomes(case)
        except GzslbenchError as error:
            yield Line("rerun", Outcome.UNCHECKED, str(error))
            return
        if not outcomes:
            yield Line("rerun", Outcome.UNCHECKED, "none of the cells can be trained again")
        for each in outcomes:
            text = f"{each.digest}: {each.reason} ({each.confinement})"
            yield Line("rerun", Outcome.PASSED if each.within else Outcome.REFUSED, text)

    def _outcomes(self, case: Case) -> list[RerunOutcome]:
        from gzslbench.submission.rerun import rerun_cells

        source, records = case.bundle.source, [cell.record for cell in case.cells]
        with unpacked(source) as folder, tempfile.TemporaryDirectory(prefix="gzslbench-rerun-") as work:
            return rerun_cells(
                records=records,
                plugin_source=plugin_path(Path(folder)) if source else None,
                count=self.rerun,
                seed=secrets.randbits(32),
                data_dirs=self.data_dirs,
                cache=self.cache,
                workdir=Path(work),
            )


def plugin_path(folder: Path) -> Path:
    """Say what of unpacked source is the plugin: the folder of a package, or the only Python file."""
    files = sorted(folder.glob("*.py"))
    return folder if (folder / "pyproject.toml").is_file() or len(files) != 1 else files[0]


def _line(name: str, check: Callable[[Case], str], case: Case, before: Sequence[Line]) -> Line:
    """Run one check, unless what it builds on was refused."""
    refused = [
        line.check for line in before if line.outcome is Outcome.REFUSED and line.check in _BUILDS_ON.get(name, ())
    ]
    if refused:
        return Line(name, Outcome.UNCHECKED, f"'{refused[0]}' was refused")
    try:
        return Line(name, Outcome.PASSED, check(case))
    except DoubtError as error:
        return Line(name, Outcome.DOUBTFUL, str(error))
    except UncheckedError as error:
        return Line(name, Outcome.UNCHECKED, str(error))
    except GzslbenchError as error:
        return Line(name, Outcome.REFUSED, str(error))
