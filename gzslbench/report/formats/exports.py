"""The leaderboard for other programs: CSV and JSON with all digits, a row for each operating point of a method.

Accuracies are fractions, as in the records; only LaTeX has them in percent. What has a unit says so in its name.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from operator import attrgetter
from typing import Any

from gzslbench import __version__
from gzslbench.records.provenance import Provenance
from gzslbench.records.summary import median
from gzslbench.report.groups import Comparison, Group
from gzslbench.report.labels import table_names
from gzslbench.report.leaderboard_table import best_h, comparison_table
from gzslbench.report.rows import LeaderboardRow, Tables
from gzslbench.text import one_line

JSON_VERSION = 2
METRICS = ("t1", "u", "s", "h", "ausuc")
_UNITS = {"predict_per_s": "predict_samples_per_s"}


_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What begins a formula, in full width, too."""


def to_csv(tables: Tables) -> str:
    """Write one line for each operating point, the table that it belongs to in the first columns.

    Lists are separated by blanks, mappings are JSON.
    """
    rows = [_about(table) | point for table, rows in tables.items() for point in _points(rows)]
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _csv_cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def to_json(tables: Tables) -> str:
    """Write the tables with what is to be known before reading them."""
    names = table_names(tables)
    written = [_json_table(table, rows, names[table]) for table, rows in tables.items()]
    values = {"format": "gzslbench leaderboard", "version": JSON_VERSION, "gzslbench": __version__, "tables": written}
    return json.dumps(values, indent=1, allow_nan=False) + "\n"


def _json_table(table: Comparison, rows: Sequence[LeaderboardRow], name: str) -> dict[str, Any]:
    written = comparison_table(table, rows, name)
    about = {"title": written.title, "summary": written.summary, "notes": written.notes}
    return about | {"ranked_by": rows[0].ranked_by} | _about(table) | {"rows": list(_points(rows))}


def _about(table: Comparison) -> dict[str, Any]:
    """Say what all rows of a table share; the protocol is that of each point."""
    shared = asdict(table)
    del shared["protocol"], shared["protocol_version"]
    return shared | {"visibility": table.rules.visibility.name}


def _points(rows: Iterable[LeaderboardRow]) -> Iterator[dict[str, Any]]:
    """Describe the points of each row, in the table's order; one that rows share is there with each of them."""
    for row, choice, point in ((each, *of_row) for each in rows for of_row in each.points.items()):
        group, standing, verdict = point.group, point.standing, point.verdict
        key, results = group.key, group.results
        yield {
            "protocol": group.comparison.protocol,
            "protocol_version": group.comparison.protocol_version,
            "choice": choice,
            "method": row.group.method,
            "row": row.label,
            "budget": group.budget,
            "base_budget": group.base_budget,
            "deviations": group.deviations,
            "configuration": results[0].configuration,
            **{role: part.name if part else "none" for role, part in key.parts._asdict().items()},
            "device": key.device,
            "precision": key.precision,
            "unseen_semantics": any(result.unseen_semantics for result in results),
            "generative": any(result.generative for result in results),
            "seeds": sorted(group.seeds),
            "deterministic": group.deterministic,
            "splits": len(group.splits),
            "records": len(results),
            **_accuracies(group),
            "h_fraction_low": standing.interval.low if standing else None,
            "h_fraction_high": standing.interval.high if standing else None,
            "rank": standing.rank if standing else None,
            "wins_fraction": standing.wins if standing else None,
            "peek_gap_fraction": row.peek_gap if choice in ("last step", "test set") else None,
            "test_reads_least": min(result.test_reads for result in results),
            "test_reads_most": max(result.test_reads for result in results),
            **{_UNITS.get(name, name): value for name, value in asdict(point.cost).items()},
            "paper_h_percent": verdict.number.value if verdict else None,
            "paper_verdict": verdict.word if verdict else None,
            "paper_reasons": [reason.name.lower() for reason in verdict.reasons] if verdict else [],
            "provenance": str(point.provenance or Provenance.MEASURED),
        }


def _accuracies(group: Group) -> dict[str, Any]:
    """Give mean and sample standard deviation of each metric, as fractions."""
    values: dict[str, Any] = {}
    for name in METRICS:
        summary = group.summary(attrgetter(name))
        values |= {f"{name}_fraction_mean": summary.mean, f"{name}_fraction_sd": summary.sd}
    values["h_best_fraction_mean"] = best.mean if (best := best_h(group)) else None
    return values | {"gate_auroc_median": median(result.gate_auroc for result in group.results)}


def _csv_cell(value: Any) -> Any:
    """Write a value so that no spreadsheet takes text for a formula; numbers stay numbers."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        value = " ".join(map(str, value))
    if isinstance(value, dict):
        value = json.dumps(value)
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
