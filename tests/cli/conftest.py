"""The command line, called in this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from gzslbench.cli.main import main

Gzslbench = Callable[..., SimpleNamespace]


@pytest.fixture
def gzslbench(
    tiny_world: Path,
    tiny_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Gzslbench:
    """Call the command line; gives code, out and err."""
    for name in [name for name in os.environ if name.startswith("GZSLBENCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GZSLBENCH_DATA", str(tiny_world))
    monkeypatch.setenv("GZSLBENCH_CACHE", str(tiny_cache))
    monkeypatch.setenv("GZSLBENCH_RESULTS", str(tmp_path / "results"))

    def call(*arguments: str | Path) -> SimpleNamespace:
        with pytest.raises(SystemExit) as ended:
            main(list(map(str, arguments)))
        captured = capfd.readouterr()
        return SimpleNamespace(code=ended.value.code, out=captured.out, err=captured.err)

    return call
