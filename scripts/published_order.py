"""Hold the order of methods in published tables against their order in records."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path

from scipy.stats import spearmanr

from gzslbench.contract.protocol import HEADLINE
from gzslbench.records.exchange.opening import open_results
from gzslbench.records.results import summaries
from gzslbench.registry.recipes import TUNED
from gzslbench.report.papers.reported import best_of, reported_for
from gzslbench.report.rows import LeaderboardRow, leaderboard_rows

Pairs = Sequence[tuple[str, float, float]]
"""Methods, what a paper prints for each, and what our records say."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("leaderboards/records/leaderboard.txt"))
    parser.add_argument("--dataset", default="CUB", help="the printed numbers' data set, and ours of the same classes")
    args = parser.parse_args()
    rows = own_rows(args.results, args.dataset)
    print("| printed | here | methods | Spearman's rho |\n| --- | --- | --- | --- |")
    for printed, here in (("H", "H calibrated"), ("H", "H as it stops"), ("T1", "T1"), ("T1", "H calibrated")):
        found = list(pairs(rows, args.dataset, printed, here))
        rho = spearmanr([each[1] for each in found], [each[2] for each in found]).statistic
        print(f"| {printed} | {here} | {len(found)} | {rho:.2f} |")
    print("\n| method | printed H | H calibrated |\n| --- | --- | --- |")
    for name, of_paper, ours in sorted(pairs(rows, args.dataset, "H", "H calibrated"), key=lambda each: -each[1]):
        print(f"| {name} | {of_paper:.1f} | {ours:.1f} |")


def own_rows(results: Path, data_set: str) -> list[LeaderboardRow]:
    """Give the rows of methods with their recipes in the headline table of a data set."""
    summed = [each for each in summaries(open_results(results)) if each.key.data_set == data_set]
    ((_, rows),) = [each for each in leaderboard_rows(summed).items() if each[0].protocol == HEADLINE[0]]
    return [row for row in rows if row.group.deviations == {} and not row.group.base_budget.startswith(TUNED)]


def pairs(rows: Sequence[LeaderboardRow], data_set: str, printed: str, here: str) -> Iterator[tuple[str, float, float]]:
    """Give what is printed of each method on a data set of that name, whatever the features, and our number."""
    for row in rows:
        number = best_of(
            each for each in reported_for(row.group.method) if (each.dataset, each.metric) == (data_set, printed)
        )
        point = row.as_it_stops if here == "H as it stops" else row.points.get("calibrated")
        if number and point:
            ours = point.group.summary(attrgetter("t1" if here == "T1" else "h")).mean
            yield row.group.method, number.value, 100 * ours


if __name__ == "__main__":
    main()
