import math
import resource
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gzslbench.contract.parts import Parts
from gzslbench.errors import ContractError
from gzslbench.evaluation import timing
from gzslbench.evaluation.timing import Stopwatch
from gzslbench.records.record import Phase, Timings

CPU = torch.device("cpu")


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_sleeping_takes_wall_time_only():
    with Stopwatch(CPU) as watch:
        time.sleep(0.2)
    assert 0.2 <= watch.phase.wall_s < 1.0
    assert watch.phase.cpu_s < 0.1
    assert watch.phase.device_s is None


def test_computing_takes_cpu_time():
    with Stopwatch(CPU) as watch:
        burn(0.2)
    assert 0.2 <= watch.phase.cpu_s < 0.3
    assert watch.phase.wall_s >= 0.19


def test_pauses_are_left_out_and_added_up():
    began = time.perf_counter()
    with Stopwatch(CPU) as watch:
        for _ in range(2):
            time.sleep(0.05)
            with watch.pause():
                burn(0.2)
    assert watch.paused_s >= 0.4
    assert 0.1 <= watch.phase.wall_s <= time.perf_counter() - began - watch.paused_s
    assert watch.phase.cpu_s < 0.1


def test_a_failed_phase_has_no_time():
    watch = Stopwatch(CPU)
    with pytest.raises(ZeroDivisionError), watch:
        1 / 0  # noqa: B018
    assert not hasattr(watch, "phase")


def test_an_error_inside_a_pause_passes_through():
    watch = Stopwatch(CPU)
    with pytest.raises(ZeroDivisionError), watch, watch.pause():
        1 / 0  # noqa: B018
    assert not hasattr(watch, "phase")


@pytest.mark.usefixtures("counted_time")
def test_the_first_prediction_warms_up():
    calls = []

    def predict(call):
        time.sleep(0.2 if not calls else 0.02)
        calls.append(call)
        return len(calls)

    repeated = timing.repeat_prediction(predict, 3, CPU)
    assert repeated.result == 1
    assert calls == [0, 1, 2, 3]
    assert repeated.warm_up_s == pytest.approx(0.2, abs=1e-3)
    assert repeated.wall_s == pytest.approx((0.02,) * 3, abs=1e-3)


SETUP = Parts(None, SimpleNamespace(name="open"), SimpleNamespace(name="ridge"))
POSSIBLE = Timings(None, None, Phase(0.1, 0.1), Phase(1.0, 0.9), (0.1, 0.1), 5, 0.2, 0.0, 1, 100.0, None)
IMPOSSIBLE = {
    "'ridge' took -2,060.00 s": {"fit_classifier": Phase(-2060.0, 0.0)},
    "'ridge' took nan s": {"fit_classifier": Phase(math.nan, 0.0)},
    "'open' took 6.00 s": {"fit_gate": Phase(6.0, 1.0)},
    "'open' took 0.10 s \\(1,000,000.00 s of all cores": {"fit_gate": Phase(0.1, 1e6)},
    "'ridge' took 1.00 s .*in a process": {"fit_classifier": Phase(1.0, 1.0, math.inf)},
    "'none.open.ridge' tells that predicting took \\[0.1, 0.0\\] s": {"predict_s": (0.1, 0.0)},
    "'none.open.ridge' tells that predicting took \\[5e-324\\] s": {"predict_s": (5e-324,)},
    "'none.open.ridge' tells that predicting took \\[\\] s": {"predict_s": ()},
    "'none.open.ridge' tells that all took 5.50 s, in a process that ran for 5.00 s": {"evaluation_s": 4.0},
    "tells that all took .* s": {"warm_up_s": -1.0},
}


@pytest.mark.parametrize("told", IMPOSSIBLE)
def test_times_that_can_not_be_are_refused(told):
    timing.require_possible(POSSIBLE, 5.0, SETUP)
    with pytest.raises(ContractError, match=told):
        timing.require_possible(replace(POSSIBLE, **IMPOSSIBLE[told]), 5.0, SETUP)


def test_peak_memory_sees_what_was_held_and_let_go():
    timing.reset_peaks(CPU)
    before = timing.peaks_mib(CPU)[0]
    block = np.ones(64 * 2**20 // 8)
    del block
    assert 60 <= timing.peaks_mib(CPU)[0] - before < 120
    assert timing.peaks_mib(CPU)[1] == 0.0


def test_peak_memory_is_in_mib():
    assert timing.peaks_mib(CPU)[0] * 1024 == pytest.approx(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


@pytest.mark.gpu
def test_queued_work_on_a_gpu_counts_where_it_was_caused():
    device = torch.device("cuda")
    matrix = torch.randn(4096, 4096, device=device)
    timing.reset_peaks(device)
    with Stopwatch(device) as watch:
        for _ in range(50):
            matrix = torch.nn.functional.normalize(matrix @ matrix)
    with Stopwatch(device) as idle:
        pass
    assert watch.phase.device_s == pytest.approx(watch.phase.wall_s, rel=0.1, abs=0.002)
    assert idle.phase.device_s < 0.1 * watch.phase.device_s
    assert timing.peaks_mib(device)[1] >= 2 * 64
