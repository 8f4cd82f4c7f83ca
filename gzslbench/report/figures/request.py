"""What the user asked to be drawn, and the commands that make the records it needs."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from gzslbench.errors import UsageError
from gzslbench.report.figures.catalogue import FigureInfo

BUNDLED = "glyphs"
_USUAL_RESULTS = Path("results")


@dataclass(frozen=True)
class Request:
    """A figure, where to look for records and data, and what to draw of them; empty where the user left it open."""

    figure: FigureInfo
    roots: tuple[Path, ...]
    cache: Path
    data_dirs: tuple[Path, ...] = ()
    named: tuple[str, ...] = ()
    """Methods that the user named."""
    data_set: str = ""
    protocol: str = ""
    setting: str = ""
    files: tuple[Path, ...] = ()
    """Plugins beside those that are installed."""

    @property
    def methods(self) -> tuple[str, ...]:
        return self.named or self.figure.methods

    @property
    def method(self) -> str:
        """The one method to draw; raises :class:`UsageError` where several were named."""
        if len(self.methods) > 1:
            raise UsageError(f"the figure '{self.figure.name}' draws one method", "give --method once")
        return self.methods[0]

    def run_command(self, method: str, data_set: str, budget: str = "", grid: str = "", again: bool = False) -> str:
        """Write the command that makes a method's records; ``again`` where there are some that lack something."""
        words = ["gzslbench", "run", "--plugin", method, "--dataset", data_set, "--protocol", self.protocol]
        words += ["--budget", budget] if budget else []
        words += ["--grid", grid] if grid else []
        words += ["--keep-samples"] if self.figure.samples else []
        words += ["--force"] if again else []
        words += [word for file in self.files for word in ("--plugin", str(file))]
        first = self.roots[0]
        words += [] if first == _USUAL_RESULTS or first.suffix == ".txt" else ["--results", str(first)]
        for place in self.data_dirs:
            words += ["--data-dir", str(place)]
        return shlex.join(words)
