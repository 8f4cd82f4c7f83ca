"""What is checked and what came out: plain data, which passes between processes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from gzslbench.registry.declarations import ListedKind

SubjectKind = ListedKind | Literal["plugin"]
Status = Literal["ok", "FAILED", "skipped"]


@dataclass(frozen=True)
class Subject:
    """What checks are about: a plugin as a whole, or something that it declares."""

    kind: SubjectKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Outcome:
    """How a check of a subject ended; ``detail`` is the reason and remedy, or a remark."""

    subject: Subject
    check: str
    status: Status
    detail: str = ""

    def as_values(self) -> dict[str, Any]:
        """Write it as plain values."""
        return {**asdict(self.subject), "check": self.check, "status": self.status, "detail": self.detail}
