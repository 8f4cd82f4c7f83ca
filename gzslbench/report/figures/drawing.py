"""From a request to files."""

from __future__ import annotations

import importlib
from pathlib import Path

from gzslbench.records.store import path_safe
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.caption import Drawing, caption
from gzslbench.report.figures.request import Request
from gzslbench.report.figures.style import save, styled


def draw(request: Request, folder: Path) -> list[Path]:
    """Draw a figure and give its files.

    Raises :class:`RecordError` naming the command that makes the records where they are missing.
    """
    info = request.figure
    module = importlib.import_module(f"gzslbench.report.figures.{info.module}")
    with styled():
        drawing: Drawing = module.draw(Archive(request))
        methods = request.methods if info.single else request.named
        stem = "-".join(filter(None, (info.name, drawing.data_set, "+".join(methods), request.setting)))
        return save(drawing.figure, caption(info, drawing), folder, path_safe(stem))
