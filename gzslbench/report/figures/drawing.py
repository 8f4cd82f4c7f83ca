"""From a request to files."""

from __future__ import annotations

import importlib
from pathlib import Path

from gzslbench.records.store import path_safe
from gzslbench.report.figures.archive import Archive
from gzslbench.report.figures.request import Request
from gzslbench.report.figures.style import Drawing, save, styled


def draw(request: Request, folder: Path) -> list[Path]:
    """Draw a figure and give its files.

    Raises :class:`RecordError` naming the command that makes the records where they are missing.
    """
    module = importlib.import_module(f"gzslbench.report.figures.{request.figure.module}")
    with styled():
        drawing: Drawing = module.draw(Archive(request))
        return save(drawing, folder, _stem(request, drawing))


def _stem(request: Request, drawing: Drawing) -> str:
    methods = request.methods if request.figure.single else request.named
    return path_safe(
        "-".join(filter(None, (request.figure.name, drawing.data_set, "+".join(methods), request.setting)))
    )
