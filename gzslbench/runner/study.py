"""Studies: the trials that a method was tuned by, kept line by line, and the point to try next."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gzslbench.errors import RecordError, UsageError
from gzslbench.files import disk_errors
from gzslbench.records.record import canonical_json
from gzslbench.registry.space import Range, Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

DIGITS = 3
"""To how many digits numbers are drawn: finer steps tell nothing, and make recipes hard to read."""
Point = dict[str, Value]
"""Values by ``component.setting``."""


@dataclass(frozen=True)
class Trial:
    """One point of a space: its mean score over the folds, None where it failed, and why."""

    point: Point
    score: float | None
    took_s: float
    failure: str = ""


class Journal:
    """Trials, one a line, each on the disk before the next begins: after any end the study goes on from there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trials: list[Trial] = []
        with disk_errors(f"can't read {path}"):
            content = path.read_bytes() if path.exists() else b""
            whole = content[: content.rfind(b"\n") + 1]
            if whole != content:  # killed while it wrote
                os.truncate(path, len(whole))
        try:
            self.trials += [Trial(**json.loads(line)) for line in whole.splitlines()]
        except (TypeError, ValueError) as error:
            raise RecordError(f"{path} is damaged: {error}", "delete it to begin anew") from error

    def add(self, trial: Trial) -> None:
        with disk_errors(f"can't write {self.path}"), self.path.open("a", encoding="utf-8") as file:
            file.write(canonical_json(asdict(trial)) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.trials.append(trial)

    @property
    def best(self) -> int | None:
        """The number of the best trial, counted from 1, the first of equal ones; None where all have failed."""
        scored = [(trial.score, -number) for number, trial in enumerate(self.trials, 1) if trial.score is not None]
        return -max(scored)[1] if scored else None

    @property
    def took_s(self) -> float:
        return sum(trial.took_s for trial in self.trials)


def require_optuna() -> None:
    """Raise :class:`UsageError` where what draws the points is not installed."""
    if find_spec("optuna") is None:
        raise UsageError("tuning takes Optuna, which is not installed", "pip install 'gzslbench[tune]'")


def propose(space: Mapping[str, Range], trials: Sequence[Trial]) -> Point:
    """Draw the point after some trials, by Optuna's tree-structured Parzen estimator.

    The draw depends on the trials alone, so that a study which was interrupted goes on as it would have. A failed trial
    counts as one that scored nothing.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {address: _distribution(each) for address, each in space.items()}
    sampler = optuna.samplers.TPESampler(seed=len(trials))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for trial in trials:
        known = optuna.create_trial(params=dict(trial.point), distributions=distributions, value=trial.score or 0.0)
        study.add_trial(known)
    return {address: _rounded(value, space[address]) for address, value in study.ask(distributions).params.items()}


def _distribution(each: Range) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if each.choices:
        return CategoricalDistribution(each.choices)
    low, high = each.ends
    kind: Callable[..., BaseDistribution] = IntDistribution if each.whole else FloatDistribution
    return kind(low, high, log=each.log)


def _rounded(value: Value, within: Range) -> Value:
    if not isinstance(value, float) or within.choices:
        return value
    low, high = map(float, within.ends)
    return min(max(float(f"{value:.{DIGITS}g}"), low), high)
