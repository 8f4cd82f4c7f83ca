"""The tables of ``gzslbench compare A B``: two methods on every data set that both ran on."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gzslbench.errors import UsageError
from gzslbench.report.duel import ClassDuel, Duel, hold_duel
from gzslbench.report.groups import Comparison, Group, by_comparison, group_results
from gzslbench.report.labels import table_names
from gzslbench.report.marks import MarkReader
from gzslbench.report.paired import Difference
from gzslbench.report.recipe_rows import IsRecipe
from gzslbench.report.row_choice import Choice, RowChoice
from gzslbench.report.tables import (
    NOTHING,
    Column,
    Table,
    percent,
    percent_interval,
    percent_with_deviation,
    protocol_title,
)
from gzslbench.result import Result
from gzslbench.statistics.across import MIN_TASKS, wilcoxon
from gzslbench.statistics.bootstrap import Interval
from gzslbench.store import Store

CLASSES_SHOWN = 5
"""Classes that are listed at either end."""


def compare_tables(
    results: Iterable[Result], stores: Sequence[Store], a: str, b: str, is_recipe: IsRecipe
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
    reader = MarkReader(stores)
    pairs = [
        (choice_a.groups[each], choice_b.groups[each])
        for each in tables
        if each in choice_a.groups.keys() & choice_b.groups.keys()
    ]
    duels = [duel for pair in pairs if (duel := hold_duel(*pair, reader))]
    if not duels:
        raise UsageError(f"'{a}' and '{b}' have no data set and seed in common", "run both on one, with the same seeds")
    return _tables(duels, choice_a, choice_b, table_names(tables))


def _tables(duels: Sequence[Duel], a: Choice, b: Choice, names: Mapping[Comparison, str]) -> list[Table]:
    of_classes = [_class_table(duel, names[duel.comparison]) for duel in duels if duel.verdict and duel.verdict.classes]
    judged = any(duel.verdict for duel in duels)
    return [
        _accuracy_table(duels, a, b, names),
        *([_sample_table(duels, names)] if judged else []),
        *of_classes,
        *([_overall_table(duels, a.name, b.name)] if len(duels) > 1 else []),
    ]


def _accuracy_table(duels: Sequence[Duel], a: Choice, b: Choice, names: Mapping[Comparison, str]) -> Table:
    many = duels[0].comparison.rules.many_splits
    return Table(
        title=f"{a.name} and {b.name}: {protocol_title(duels[0].comparison)}",
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
                names[duel.comparison],
                *((str(len(duel.a.splits)),) if many else ()),
                str(len(duel.a.seeds)),
                _h(duel.a, duel.verdict.a if duel.verdict else None),
                _h(duel.b, duel.verdict.b if duel.verdict else None),
                str(duel.difference),
                percent(duel.verdict.probability) if duel.verdict else NOTHING,
            )
            for duel in duels
        ),
        notes=(*_accuracy_notes(duels), *_recipe_notes(a, b)),
    )


def _accuracy_notes(duels: Sequence[Duel]) -> Iterator[str]:
    judged = [duel for duel in duels if duel.verdict]
    splits = ", and splits" if duels[0].comparison.rules.many_splits else ""
    if judged:
        yield (
            f"Intervals by bootstrap over test samples within each class and seeds{splits}, the same draws for both. "
            "Where that of the difference leaves out 0, one is better than the other."
        )
        yield "A better: in how many percent of the bootstrap's replicates, ties counting half."
    if any(len(duel.a.results) == 1 for duel in judged):
        yield "One seed: the intervals cover the choice of test samples only, not that of the seed."
    if len(judged) < len(duels):
        yield "No interval: the results lack the labels of the test samples; gzslbench rescore adds them."


def _recipe_notes(*choices: Choice) -> Iterator[str]:
    chosen = [choice.name for choice in choices if choice.by_recipe]
    if chosen:
        yield f"Of {' and '.join(chosen)} there are rows with other settings, too; this is the recipe's."


def _sample_table(duels: Sequence[Duel], names: Mapping[Comparison, str]) -> Table:
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
                names[duel.comparison],
                percent(shares.both_right),
                percent(shares.a_alone),
                percent(shares.b_alone),
                percent(shares.neither),
                percent(shares.same_class),
                *_wins_by_class(duel.verdict.classes),
            )
            for duel in duels
            if duel.verdict
            for shares in (duel.verdict.agreement,)
        ),
        notes=("Classes: A wins where its accuracy, the mean over seeds, is higher.",),
    )


def _wins_by_class(classes: Sequence[ClassDuel]) -> tuple[str, str, str]:
    if not classes:
        return NOTHING, NOTHING, NOTHING
    won, lost = (sum(sign * each.difference > 0 for each in classes) for sign in (1, -1))
    return str(won), str(lost), str(len(classes) - won - lost)


def _class_table(duel: Duel, name: str) -> Table:
    assert duel.verdict is not None
    gains = [each for each in duel.verdict.classes if each.difference > 0][:CLASSES_SHOWN]
    losses = [each for each in duel.verdict.classes if each.difference < 0][-CLASSES_SHOWN:]
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
            f"The largest of {len(duel.verdict.classes)} differences: intervals are of each class alone, and of so "
            "many some leave out 0 by chance.",
        ),
    )


def _class_row(duel: ClassDuel) -> tuple[str, ...]:
    difference = Difference(duel.difference, duel.interval.low, duel.interval.high)
    domain = "unseen" if duel.unseen else "seen"
    return duel.name, domain, str(duel.samples), percent(duel.a), percent(duel.b), str(difference)


def _overall_table(duels: Sequence[Duel], a: str, b: str) -> Table:
    probabilities = [duel.verdict.probability for duel in duels if duel.verdict]
    wins = statistics.fmean(probabilities) if len(probabilities) == len(duels) else None
    rows = ((a, 1, [duel.a for duel in duels], wins), (b, -1, [duel.b for duel in duels], wins and 1 - wins))
    return Table(
        title="All data sets",
        summary=f"Over the {len(duels)} data sets above.",
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
                f"{statistics.fmean(_rank(sign * duel.difference.mean) for duel in duels):.1f}",
                str(sum(sign * duel.difference.mean > 0 for duel in duels)),
                str(sum(_surely_ahead(duel, sign) for duel in duels)),
                NOTHING if share is None else percent(share),
            )
            for name, sign, groups, share in rows
        ),
        notes=tuple(_overall_notes(duels, wins is not None)),
    )


def _overall_notes(duels: Sequence[Duel], has_wins: bool) -> Iterator[str]:
    yield "surely ahead on: data sets on which the interval of the difference leaves out 0."
    if has_wins:
        yield "wins: in how many percent of the bootstrap's replicates the method is better; mean over data sets."
    p_value = wilcoxon([duel.difference.mean for duel in duels])
    if p_value is None:
        yield f"Wilcoxon's test across data sets: too few tasks ({len(duels)}; it takes {MIN_TASKS})."
    else:
        yield f"Wilcoxon's signed-rank test across data sets: p = {p_value:.3f}."


def _rank(lead: float) -> float:
    """Rank one of two methods by its lead; a tie is shared."""
    return 1.5 if lead == 0 else 1.0 if lead > 0 else 2.0


def _surely_ahead(duel: Duel, sign: int) -> bool:
    low, high = duel.difference.low, duel.difference.high
    if low is None or high is None:
        return False
    return Interval(low, high).excludes_zero and sign * duel.difference.mean > 0


def _h(group: Group, interval: Interval | None) -> str:
    """Write mean and deviation, and the interval in brackets."""
    mean = percent_with_deviation(group.h)
    return f"{mean} ({percent_interval(interval)})" if interval else mean
