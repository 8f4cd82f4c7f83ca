import json
import signal

import numpy as np
import pytest
import torch

from gzslbench.errors import ConfigError, ContractError, DataError, DivergedError, ProtocolError
from gzslbench.runner.failures import cause_of, cause_of_exit, cause_of_timeout


def _raised(error):
    try:
        raise error
    except BaseException as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (ContractError("a wrong shape", "mend it"), "contract", "a wrong shape; mend it"),
        (ProtocolError("asked too much"), "protocol", "asked too much"),
        (DivergedError("diverged"), "diverged", "diverged"),
        (DataError("no labels"), "data", "no labels"),
        (ConfigError("steps are wrong"), "error", "steps are wrong"),
    ],
)
def test_errors_have_a_kind_and_a_reason(error, kind, reason):
    cause = cause_of(_raised(error))
    assert (cause.kind, cause.reason) == (kind, reason)
    assert cause.traceback.startswith("Traceback")


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_a_plugin_that_leaves_is_told_from_one_that_fails(error):
    cause = cause_of(_raised(error))
    assert cause.kind == "crash"
    assert f"({__file__}, line " in cause.reason
    assert cause.reason.endswith("; a plugin must raise an Exception instead")


def test_a_contract_is_told_in_one_line():
    assert cause_of(ContractError("a wrong\nshape")).reason == "a wrong shape"


def test_the_place_is_the_plugin_s_own_line_not_that_of_a_library():
    with pytest.raises(RuntimeError) as caught:
        torch.zeros(2).reshape(3)
    assert f"({__file__}, line " in cause_of(caught.value).reason
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads("{")
    assert f"({__file__}, line " in cause_of(caught.value).reason


def test_any_other_error_is_one_line_with_its_place():
    cause = cause_of(_raised(ValueError("first\nsecond")))
    assert cause.kind == "error"
    assert cause.reason.startswith(f"ValueError: first ({__file__}, line ")
    assert cause_of(KeyError()).reason == "KeyError (no traceback)"


@pytest.mark.parametrize("allocate", [lambda: torch.empty(2**55), lambda: np.empty(2**55)])
def test_memory_that_can_not_be_had_is_told_from_other_errors(allocate):
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        allocate()
    assert cause_of(caught.value).kind == "out of memory"


def test_a_gpu_s_memory_counts_too():
    cause = cause_of(_raised(torch.OutOfMemoryError("CUDA out of memory.")))
    assert cause.kind == "out of memory"
    assert "use a smaller batch or fewer --jobs" in cause.reason


@pytest.mark.parametrize(
    ("exit_code", "kind", "words"),
    [
        (-signal.SIGKILL, "out of memory", "killed (signal 9)"),
        (-signal.SIGSEGV, "crash", "ended by signal 11 (SIGSEGV)"),
        (-99, "crash", "ended by signal 99 (unknown)"),
        (7, "crash", "exit code 7"),
        (None, "crash", "no longer listened"),
    ],
)
def test_a_worker_that_says_nothing_more(exit_code, kind, words):
    cause = cause_of_exit(exit_code, "'predict' of cell 1", "last lines")
    assert cause.kind == kind
    assert words in cause.reason
    assert "'predict' of cell 1" in cause.reason
    assert cause.traceback == "last lines"


def test_a_timeout_names_its_phase():
    cause = cause_of_timeout(90.0, "'fit generator'")
    assert (cause.kind, cause.reason) == (
        "timeout",
        "'fit generator' ran longer than 90 s; raise --timeout or lower its budget",
    )
