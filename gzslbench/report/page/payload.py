"""What the page's script gets to work with: the views as plain values, their rows apart, so that few are ever read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from operator import attrgetter
from typing import Any

from gzslbench.report.groups import Group
from gzslbench.report.page.cards import Card
from gzslbench.report.page.views import View, latest

_DECIMALS = 4


def payload(views: Sequence[View], cards: Sequence[Card]) -> dict[str, Any]:
    """Give the views, and the methods that have cards in the order of these."""
    return {
        "views": [
            {
                "name": view.name,
                "dataSet": view.data_set,
                "protocol": view.protocol,
                "ranked": view.ranked,
                "title": view.title,
                "summary": view.summary,
                "columns": [asdict(column) for column in view.columns],
                "size": len(view.rows),
                "notes": view.notes,
                "diagram": asdict(view.diagram) if view.diagram else None,
            }
            for view in views
        ],
        "methods": [card.name for card in cards],
    }


def rows_payload(view: View) -> list[dict[str, Any]]:
    """Give the rows of one view."""
    return [
        {
            "method": row.method,
            "settings": row.settings,
            "cells": row.cells,
            "numbers": row.numbers,
            "configuration": _configuration(row.group) if row.group else None,
        }
        for row in view.rows
    ]


def _configuration(group: Group) -> dict[str, Any]:
    """Say what the plane and the heat map need to know; accuracies in percent."""
    key = group.key
    return {
        "generator": key.generator.name if key.generator else "none",
        "gate": key.gate.name,
        "classifier": key.classifier.name,
        **{name: round(100 * group.summary(attrgetter(name)).mean, _DECIMALS) for name in ("u", "s", "h")},
        "seeds": len(group.seeds),
        "created": latest(group),
    }
