"""Hold the order of methods in published tables against their order in records."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from scipy.stats import spearmanr

from gzslbench.contract.protocol import HEADLINE
from gzslbench.records.exchange.opening import open_results
from gzslbench.records.results import summaries
from gzslbench.registry.recipes import TUNED
from gzslbench.report.papers.audit import bundled, originals
from gzslbench.report.papers.reported import best_of, reported_for, systems
from gzslbench.report.rows import LeaderboardRow, leaderboard_rows

SAID_BY = ("tables of both papers", "sources, embeddings alone")
COMPARED = (("H", "H calibrated"), ("H", "H as it stops"), ("T1", "T1"), ("T1", "H calibrated"))


class Order(NamedTuple):
    """How far one number orders methods as another does; ``pairs`` has of each method what is printed, and ours."""

    said_by: str
    printed: str
    here: str
    pairs: Mapping[str, tuple[float, float]]

    @property
    def rho(self) -> float:
        """Spearman's rank correlation."""
        if len(self.pairs) < 2:
            return math.nan
        printed, ours = zip(*self.pairs.values(), strict=True)
        return float(spearmanr(printed, ours).statistic)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("leaderboards/records/leaderboard.txt"))
    parser.add_argument("--dataset", default="CUB", help="the printed numbers' data set, and ours of the same classes")
    args = parser.parse_args()
    found = list(orders(own_rows(args.results, args.dataset), args.dataset))
    print("| printed in | printed | here | methods | Spearman's rho |\n| --- | --- | --- | --- | --- |")
    for each in found:
        print(f"| {each.said_by} | {each.printed} | {each.here} | {len(each.pairs)} | {each.rho:.2f} |")
    for calibrated, as_it_stops in (found[:2], found[4:6]):
        print(f"\n| method | H in the {calibrated.said_by} | H as it stops | H calibrated |\n| --- | --- | --- | --- |")
        for name, (printed, ours) in sorted(calibrated.pairs.items(), key=lambda each: -each[1][0]):
            print(f"| {name} | {printed:.1f} | {as_it_stops.pairs[name][1]:.1f} | {ours:.1f} |")


def own_rows(results: Path, data_set: str) -> list[LeaderboardRow]:
    """Give the rows of methods with their recipes in the headline table of a data set."""
    summed = [each for each in summaries(open_results(results)) if each.key.data_set == data_set]
    ((_, rows),) = [each for each in leaderboard_rows(summed).items() if each[0].protocol == HEADLINE[0]]
    return [row for row in rows if row.group.deviations == {} and not row.group.base_budget.startswith(TUNED)]


def orders(rows: Sequence[LeaderboardRow], data_set: str) -> Iterator[Order]:
    """Compare what is printed on a data set of that name, whatever the features, with our rows."""
    for said_by in SAID_BY:
        for metric, here in COMPARED:
            printed = of_tables(rows, data_set, metric) if said_by == SAID_BY[0] else of_sources(data_set, metric)
            ours = dict(numbers(rows, here))
            pairs = {name: (value, ours[name]) for name, value in printed.items() if name in ours}
            yield Order(said_by, metric, here, pairs)


def of_tables(rows: Sequence[LeaderboardRow], data_set: str, metric: str) -> dict[str, float]:
    """Give what the tables of both papers print for each method: the first number not known to be wrong."""
    printed = {
        row.group.method: best_of(
            each for each in reported_for(row.group.method) if (each.dataset, each.metric) == (data_set, metric)
        )
        for row in rows
    }
    return {name: number.value for name, number in printed.items() if number}


def of_sources(data_set: str, metric: str) -> dict[str, float]:
    """Give what was read in the sources of systems that synthesise nothing, on the features that most papers share."""
    embeddings = {row["system"] for row in bundled("reported.csv") if row["family"] == "embedding"}
    return {
        systems()[each.system]: each.values[metric]
        for each in originals()
        if each.checked and not each.features and each.dataset == data_set
        if each.system in embeddings and metric in each.values
    }


def numbers(rows: Sequence[LeaderboardRow], here: str) -> Iterator[tuple[str, float]]:
    for row in rows:
        point = row.as_it_stops if here == "H as it stops" else row.points.get("calibrated")
        if point:
            yield row.group.method, 100 * point.group.summary(attrgetter("t1" if here == "T1" else "h")).mean


if __name__ == "__main__":
    main()
