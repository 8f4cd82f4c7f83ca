"""The leaderboard for other programs: CSV and JSON with all digits, one row per group, and LaTeX for a paper.

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
from gzslbench.report.rows import LeaderboardRow, Tables
from gzslbench.report.tables import METRICS, comparison_table
from gzslbench.text import one_line

JSON_VERSION = 1
_UNITS = {"predict_per_s": "predict_samples_per_s"}


_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What begins a formula, in full width, too."""


def to_csv(tables: Tables) -> str:
    """Write one line per group, the table that it belongs to in the first columns.

    Lists are separated by blanks, mappings are JSON.
    """
    rows = [asdict(comparison) | row for comparison, of_table in tables.items() for row in _rows(comparison, of_table)]
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _csv_cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def to_json(tables: Tables) -> str:
    """Write the tables with what is to be known before reading them."""
    names = table_names(tables)
    written = [_json_table(comparison, rows, names[comparison]) for comparison, rows in tables.items()]
    values = {"format": "gzslbench leaderboard", "version": JSON_VERSION, "gzslbench": __version__, "tables": written}
    return json.dumps(values, indent=1, allow_nan=False) + "\n"


def _json_table(comparison: Comparison, rows: Sequence[LeaderboardRow], name: str) -> dict[str, Any]:
    table = comparison_table(comparison, rows, name)
    about = {"title": table.title, "summary": table.summary, "notes": table.notes, "ranked": comparison.rules.ranked}
    return about | asdict(comparison) | {"rows": list(_rows(comparison, rows))}


def _rows(comparison: Comparison, rows: Iterable[LeaderboardRow]) -> Iterator[dict[str, Any]]:
    """Describe the groups of one table, in the table's order."""
    for row in rows:
        group, standing, verdict = row.group, row.standing, row.verdict
        key, results = group.key, group.results
        yield {
            "method": group.method,
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
            "selection": comparison.rules.choice,
            "seeds": sorted(group.seeds),
            "deterministic": group.deterministic,
            "splits": len(group.splits),
            "records": len(results),
            **_accuracies(group),
            "h_fraction_low": standing.interval.low if standing else None,
            "h_fraction_high": standing.interval.high if standing else None,
            "rank": standing.rank if standing else None,
            "wins_fraction": standing.wins if standing else None,
            "peek_gap_fraction": row.peek_gap,
            "test_reads_least": min(result.test_reads for result in results),
            "test_reads_most": max(result.test_reads for result in results),
            **{_UNITS.get(name, name): value for name, value in asdict(row.cost).items()},
            "paper_h_percent": verdict.number.value if verdict else None,
            "paper_verdict": verdict.word if verdict else None,
            "paper_reasons": [reason.name.lower() for reason in verdict.reasons] if verdict else [],
            "provenance": str(row.provenance or Provenance.MEASURED),
        }


def _accuracies(group: Group) -> dict[str, Any]:
    """Give mean and sample standard deviation of each metric, as fractions."""
    values: dict[str, Any] = {}
    for name in map(str.lower, METRICS):
        summary = group.summary(attrgetter(name))
        values |= {f"{name}_fraction_mean": summary.mean, f"{name}_fraction_sd": summary.sd}
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
