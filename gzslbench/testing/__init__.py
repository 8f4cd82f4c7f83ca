"""The contract as tests: what ``gzslbench check`` runs, and what authors of plugins run among their own tests.

A test file of a plugin needs two lines::

    from gzslbench.testing import contract_tests

    test_contract = contract_tests("my-plugin")
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gzslbench.testing.checks import Outcome, Subject

DEFAULT_TIMEOUT_S = 60.0
"""How long one check may take; what a healthy component takes is a fraction of a second."""


def contract_tests(plugin: str | Path) -> Callable[..., None]:
    """Make a pytest test of each check and each thing that a plugin declares.

    ``plugin`` is what ``gzslbench check`` takes: the name of a plugin, component or method, or the path of a file or of
    a package's folder. Raises :class:`gzslbench.errors.PluginError` where there is none of this name.
    """
    import pytest

    from gzslbench.testing.perform import CHECKS
    from gzslbench.testing.session import check_subjects, find_subjects

    sources = {subject: source for source, subjects in find_subjects(str(plugin)) for subject in subjects}
    cases = [
        pytest.param(subject, check.name, id=f"{subject}: {check.name}")
        for subject in sources
        for check in CHECKS[subject.kind]
    ]

    @cache
    def outcomes(subject: Subject, timeout_s: float) -> dict[str, Outcome]:
        """Check a subject when its first test runs."""
        return {outcome.check: outcome for outcome in check_subjects(sources[subject], [subject], {}, timeout_s)}

    @pytest.mark.gzslbench_contract
    @pytest.mark.parametrize(("gzslbench_subject", "gzslbench_check"), cases)
    def test_contract(gzslbench_subject: Subject, gzslbench_check: str, pytestconfig: pytest.Config) -> None:
        outcome = outcomes(gzslbench_subject, pytestconfig.getoption("--gzslbench-timeout"))[gzslbench_check]
        if outcome.status == "skipped":
            pytest.skip(outcome.detail)
        if outcome.status == "FAILED":
            pytest.fail(f"{outcome.subject}: {outcome.check}: {outcome.detail}", pytrace=False)

    return test_contract
