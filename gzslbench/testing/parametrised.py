"""The checks as tests of pytest, one for each check and subject; a subject is examined when its first test runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from gzslbench.registry.declarations import PluginSource
from gzslbench.testing.outcomes import Outcome, Subject
from gzslbench.testing.session import check_subjects
from gzslbench.testing.subjects import find_subjects

Case = tuple[Subject, str]


def parametrised_test(plugin: str) -> Callable[..., None]:
    """Make the test function of a plugin."""
    source, subjects = find_subjects(plugin)
    cases = [
        pytest.param((subject, check), id=f"{subject}: {check}") for subject in subjects for check in _names(subject)
    ]

    @pytest.mark.gzslbench_contract
    @pytest.mark.parametrize("gzslbench_case", cases)
    def test_contract(gzslbench_case: Case, gzslbench_timeout_s: float) -> None:
        """Ask of the subject what the check asks for."""
        subject, check = gzslbench_case
        outcome = _outcomes(source, subject, gzslbench_timeout_s)[check]
        if outcome.status == "skipped":
            pytest.skip(outcome.detail)
        if outcome.status == "FAILED":
            pytest.fail(f"{subject}: {check}: {outcome.detail}", pytrace=False)

    return test_contract


@cache
def _outcomes(source: PluginSource, subject: Subject, timeout_s: float) -> dict[str, Outcome]:
    return {outcome.check: outcome for outcome in check_subjects(source, [subject], {}, timeout_s)}


def _names(subject: Subject) -> list[str]:
    from gzslbench.testing.suite import checks_of

    return [check.name for check in checks_of(subject.kind)]
