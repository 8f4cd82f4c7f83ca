"""The tables of ``gzslbench compare A B``: two methods on every data set that both ran on."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gzslbench.errors import UsageError
from gzslbench.records.store import Store
from gzslbench.records.summary import RecordSummary
from gzslbench.report.comparison.named_rows import Choice, RowChoice
from gzslbench.report.comparison.pair import ClassComparison, PairComparison, compare_pair
from gzslbench.report.comparison.recipe_rows import IsRecipe
from gzslbench.report.groups import Comparison, Group, by_comparison, group_results
from gzslbench.report.labels import table_names
from gzslbench.report.tables import (
    NOTHING,
    Column,
    Table,
    percent,
    percent_interval,
    percent_with_deviation,
    protocol_title,
)
from gzslbench.report.uncertainty.across import MIN_TASKS, wilcoxon
from gzslbench.report.uncertainty.bootstrap import Interval
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.paired import Difference

CLASSES_SHOWN = 5
"""Classes that are listed at either end."""


def compare_tables(
    results: Iterable[RecordSummary], stores: Sequence[Store], a: str, b: str, is_recipe: IsRecipe
) -> list[Table]:
    """Compare two rows of the tables of one protocol, each named as in them, with ``:budget`` where that is needed.

    Raises:
        UsageError: a name is of no row or of several, both are of one, or they have no data set and seed in common.
        RecordError: the predictions of a result are missing, damaged, or give another H than its record has.
    """
    tables = by_comparison(group_results(results))
    rows = RowChoice(tables, is_recipe)
    choice_a, choice_b = rows.find(a), rows.find(b)
    if choice_a.rows & choice_b.rows:
        raise UsageError(f"'{a}' and '{b}' are the same", "name two methods, budgets or settings")
    reader = CorrectnessReader(stores)
    shared = choice_a.groups.keys() & choice_b.groups.keys()
    compared = (compare_pair(choice_a.groups[each], choice_b.groups[each], reader) for each in tables if each in shared)
    pairs = [pair for pair in compared if pair]
    if not pairs:
        raise UsageError(f"'{a}' and '{b}' have no data set and seed in common", "run both on one, with the same seeds")
    return _tables(pairs, choice_a, choice_b, table_names(tables))


def _tables(pairs: Sequence[PairComparison], a: Choice, b: Choice, names: Mapping[Comparison, str]) -> list[Table]:
    of_classes = [_class_table(pair, names[pair.comparison]) for pair in pairs if pair.verdict and pair.verdict.classes]
    judged = any(pair.verdict for pair in pairs)
    return [
        _accuracy_table(pairs, a, b, names),
        *([_sample_table(pairs, names)] if judged else []),
        *of_classes,
        *([_overall_table(pairs, a.name, b.name)] if len(pairs) > 1 else []),
    ]


def _accuracy_table(pairs: Sequence[PairComparison], a: Choice, b: Choice, names: Mapping[Comparison, str]) -> Table:
    many = pairs[0].comparison.rules.many_splits
    return Table(
        title=f"{a.name} and {b.name}: {protocol_title(pairs[0].comparison)}",
        summary=f"A is {a.name}, B is {b.name}. H in percent over the seeds that both ran, with 95% intervals.",
        columns=(
            Column("data set", left=True),
            *((Column("splits"),) if many else ()),
            Column("seeds"),
            Column("H of A"),
            Column("H of B"),
            Column("A less B"),
            Column("A better"),
        ),
        rows=tuple(
            (
                names[pair.comparison],
                *((str(len(pair.a.splits)),) if many else ()),
                str(len(pair.a.seeds)),
                _h(pair.a, pair.verdict.a if pair.verdict else None),
                _h(pair.b, pair.verdict.b if pair.verdict else None),
                str(pair.difference),
                percent(pair.verdict.probability) if pair.verdict else NOTHING,
            )
            for pair in pairs
        ),
        notes=(*_accuracy_notes(pairs), *_recipe_notes(a, b)),
    )


def _accuracy_notes(pairs: Sequence[PairComparison]) -> Iterator[str]:
    judged = [pair for pair in pairs if pair.verdict]
    splits = ", and splits" if pairs[0].comparison.rules.many_splits else ""
    if judged:
        yield (
            f"Intervals by bootstrap over test samples within each class and seeds{splits}, the same draws for both. "
            "Where that of the difference leaves out 0, one is better than the other."
        )
        yield "A better: in how many percent of the bootstrap's replicates, ties counting half."
    if any(len(pair.a.results) == 1 for pair in judged):
        yield "One seed: the intervals cover the choice of test samples only, not that of the seed."
    if len(judged) < len(pairs):
        yield "No interval: the results lack the labels of the test samples; gzslbench rescore adds them."


def _recipe_notes(*choices: Choice) -> Iterator[str]:
    chosen = [choice.name for choice in choices if choice.by_recipe]
    if chosen:
        yield f"Of {' and '.join(chosen)} there are rows with other settings, too; this is the recipe's."


def _sample_table(pairs: Sequence[PairComparison], names: Mapping[Comparison, str]) -> Table:
    return Table(
        title="Test samples and classes",
        summary="Shares of the test samples in percent, means over seeds; classes by their accuracy.",
        columns=(
            Column("data set", left=True),
            Column("both right"),
            Column("A alone right"),
            Column("B alone right"),
            Column("neither"),
            Column("same prediction"),
            Column("classes A wins"),
            Column("B wins"),
            Column("even"),
        ),
        rows=tuple(
            (
                names[pair.comparison],
                percent(shares.both_right),
                percent(shares.a_alone),
                percent(shares.b_alone),
                percent(shares.neither),
                percent(shares.same_class),
                *_wins_by_class(pair.verdict.classes),
            )
            for pair in pairs
            if pair.verdict
            for shares in (pair.verdict.agreement,)
        ),
        notes=("Classes: A wins where its accuracy, the mean over seeds, is higher.",),
    )


def _wins_by_class(classes: Sequence[ClassComparison]) -> tuple[str, str, str]:
    if not classes:
        return NOTHING, NOTHING, NOTHING
    won, lost = (sum(sign * each.difference > 0 for each in classes) for sign in (1, -1))
    return str(won), str(lost), str(len(classes) - won - lost)


def _class_table(pair: PairComparison, name: str) -> Table:
    assert pair.verdict is not None
    gains = [each for each in pair.verdict.classes if each.difference > 0][:CLASSES_SHOWN]
    losses = [each for each in pair.verdict.classes if each.difference < 0][-CLASSES_SHOWN:]
    return Table(
        title=f"{name}: the classes that differ most",
        summary="Accuracy in percent among all classes, mean over seeds; from A's largest gain to its largest loss.",
        columns=(
            Column("class", left=True),
            Column("domain", left=True),
            Column("samples"),
            Column("A"),
            Column("B"),
            Column("A less B"),
        ),
        rows=tuple(_class_row(each) for each in (*gains, *losses)),
        notes=(
            f"The largest of {len(pair.verdict.classes)} differences: intervals are of each class alone, and of so "
            "many some leave out 0 by chance.",
        ),
    )


def _class_row(pair: ClassComparison) -> tuple[str, ...]:
    difference = Difference(pair.difference, pair.interval.low, pair.interval.high)
    domain = "unseen" if pair.unseen else "seen"
    return pair.name, domain, str(pair.samples), percent(pair.a), percent(pair.b), str(difference)


def _overall_table(pairs: Sequence[PairComparison], a: str, b: str) -> Table:
    probabilities = [pair.verdict.probability for pair in pairs if pair.verdict]
    wins = statistics.fmean(probabilities) if len(probabilities) == len(pairs) else None
    rows = ((a, 1, [pair.a for pair in pairs], wins), (b, -1, [pair.b for pair in pairs], wins and 1 - wins))
    return Table(
        title="All data sets",
        summary=f"Over the {len(pairs)} data sets above.",
        columns=(
            Column("method", left=True),
            Column("mean H"),
            Column("mean rank"),
            Column("ahead on"),
            Column("surely ahead on"),
            Column("wins"),
        ),
        rows=tuple(
            (
                name,
                percent(statistics.fmean(group.h.mean for group in groups)),
                f"{statistics.fmean(_rank(sign * pair.difference.mean) for pair in pairs):.1f}",
                str(sum(sign * pair.difference.mean > 0 for pair in pairs)),
                str(sum(_surely_ahead(pair, sign) for pair in pairs)),
                NOTHING if share is None else percent(share),
            )
            for name, sign, groups, share in rows
        ),
        notes=tuple(_overall_notes(pairs, wins is not None)),
    )


def _overall_notes(pairs: Sequence[PairComparison], has_wins: bool) -> Iterator[str]:
    yield "surely ahead on: data sets on which the interval of the difference leaves out 0."
    if has_wins:
        yield "wins: in how many percent of the bootstrap's replicates the method is better; mean over data sets."
    p_value = wilcoxon([pair.difference.mean for pair in pairs])
    if p_value is None:
        yield f"Wilcoxon's test across data sets: too few tasks ({len(pairs)}; it takes {MIN_TASKS})."
    else:
        yield f"Wilcoxon's signed-rank test across data sets: p = {p_value:.3f}."


def _rank(lead: float) -> float:
    """Rank one of two methods by its lead; a tie is shared."""
    return 1.5 if lead == 0 else 1.0 if lead > 0 else 2.0


def _surely_ahead(pair: PairComparison, sign: int) -> bool:
    low, high = pair.difference.low, pair.difference.high
    if low is None or high is None:
        return False
    return Interval(low, high).excludes_zero and sign * pair.difference.mean > 0


def _h(group: Group, interval: Interval | None) -> str:
    """Write mean and deviation, and the interval in brackets."""
    mean = percent_with_deviation(group.h)
    return f"{mean} ({percent_interval(interval)})" if interval else mean
