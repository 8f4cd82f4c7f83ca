"""Training and synthesis against a plain rendering of the released code, in pairs, on one thread.

Both sides get the same data, sizes, batch and allocator setting. Run it with ``make bench`` on a machine that does
nothing else.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from released.gsmflow import ReleasedGSMFlow
from released.softmax import evaluate
from released.wgan import ReleasedWGAN
from torch.utils.flop_counter import FlopCounterMode

from gzslbench.contract import ClassSet, Context, Need, View
from gzslbench.runner.machine import has_bfloat16
from gzslbench.training import Trained
from gzslbench.training.loop import make_steps, run
from gzslbench_plugins.early_gan.generator import EarlyGAN
from gzslbench_plugins.f_clswgan.generator import FClswgan
from gzslbench_plugins.gsmflow.generator import GSMFlow
from gzslbench_plugins.softmax.classifier import Softmax

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("GZSLBENCH_SLOW" not in os.environ, reason="takes minutes; run it with 'make bench'"),
]

SAMPLES, DIM, SEEN, UNSEEN, ATTRIBUTES = 6000, 2048, 40, 10, 85  # AWA2 in small
PER_CLASS = 5000
EPOCHS, BATCH = 30, 1200  # of the final classifier, as in GSMFlow's release
PAIRS = 9
AT_LEAST = {"float32": {"gsmflow": 1.2, "f-clswgan": 1.6, "early-gan": 1.6}, "bfloat16": {}}
"""Ratios below which a change has made training slower; the target of 4 holds where products run in bfloat16."""
TARGET = 4.0

Step = Callable[[], object]


@dataclass(frozen=True, eq=False)
class Problem:
    """Random data: only its shapes matter to the clock."""

    features: torch.Tensor
    labels: torch.Tensor
    semantics: torch.Tensor
    unseen: torch.Tensor
    tests: tuple[tuple[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]

    @property
    def view(self) -> View:
        """What a generator sees."""
        return View(self.features, self.labels, self.semantics)


@pytest.fixture(scope="module")
def problem() -> Problem:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    features, semantics = torch.rand(SAMPLES, DIM), torch.rand(SEEN + UNSEEN, ATTRIBUTES)
    labels = torch.arange(SAMPLES) % SEEN
    seen_test = torch.rand(1500, DIM), torch.arange(1500) % SEEN
    unseen_test = torch.rand(2000, DIM), SEEN + torch.arange(2000) % UNSEEN
    return Problem(features, labels, semantics[:SEEN], semantics[SEEN:], (seen_test, unseen_test))


@pytest.fixture(params=["float32", "bfloat16"])
def precision(request: pytest.FixtureRequest) -> str:
    if request.param == "bfloat16" and not has_bfloat16("cpu"):
        pytest.skip("this processor does not multiply bfloat16 matrices in hardware")
    return str(request.param)


def context(precision: str) -> Context:
    return Context(torch.device("cpu"), 0, precision=precision)


def ours(component: Trained, stage: str, problem: Problem, precision: str) -> Step:
    """One training step of the named stage, after one step of the stages before it."""
    ctx = context(precision)
    for training in component.trainings(problem.view, ctx):
        if training.stage == stage:
            break
    steps = make_steps([training], ctx)

    def step() -> None:
        for descend, descent in zip(steps, training.descents, strict=True):
            for batch in descent.batches():
                descend(*batch)

    return step


def pair(method: str, problem: Problem, precision: str) -> tuple[Step, Step]:
    """The released code's training step, and ours."""
    data = (problem.features, problem.labels, problem.semantics)
    if method == "gsmflow":
        component = GSMFlow(GSMFlow.Config(couplings=3, batch_size=256, mining_steps=0))
        return ReleasedGSMFlow(*data).step, ours(component, "flow", problem, precision)
    if method == "f-clswgan":
        judge = torch.nn.Sequential(torch.nn.Linear(DIM, SEEN), torch.nn.LogSoftmax(dim=1))
        released = ReleasedWGAN(*data, classifier=judge)
        return released.step, ours(FClswgan(FClswgan.Config()), "gan", problem, precision)
    return ReleasedWGAN(*data).step, ours(EarlyGAN(EarlyGAN.Config()), "gan", problem, precision)


def gflops(step: Step) -> float:
    """Count the operations of a step's matrix products."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops() / 1e9


def ceiling(precision: str) -> float:
    """Measure the rate of a large matrix product, in GFLOP/s: what no step can exceed."""
    one, other = (torch.rand(2048, 2048).to(getattr(torch, precision)) for _ in range(2))
    times = [seconds(lambda: one @ other) for _ in range(12)]
    return 2 * 2048**3 / min(times) / 1e9


def seconds(function: Step) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


@pytest.mark.benchmark(group="training step")
@pytest.mark.parametrize("method", ["gsmflow", "f-clswgan", "early-gan"])
def test_a_training_step(benchmark, method: str, precision: str, problem: Problem) -> None:
    released, step = pair(method, problem, precision)
    theirs: list[float] = []
    rate, work = ceiling(precision), gflops(step)
    benchmark.pedantic(step, setup=lambda: theirs.append(seconds(released)), rounds=PAIRS, warmup_rounds=2)
    mine = benchmark.stats.stats.data
    ratio = statistics.median(a / b for a, b in zip(theirs[-len(mine) :], mine, strict=True))
    step_s = statistics.median(mine)
    benchmark.extra_info.update(
        released_s=statistics.median(theirs), ratio=ratio, gflop=work, ceiling_gflops=rate, share=work / rate / step_s
    )
    print(
        f"\n{method}, {precision}: released {statistics.median(theirs):.3f} s, ours {step_s:.3f} s, ratio {ratio:.2f}; "
        f"{work:.0f} GFLOP at {rate:.0f} GFLOP/s are {work / rate / step_s:.0%} of our step"
    )
    assert ratio >= AT_LEAST[precision].get(method, TARGET)


@pytest.mark.benchmark(group="synthesis and classifier")
@pytest.mark.parametrize("method", ["gsmflow", "f-clswgan"])
def test_synthesis_and_the_final_classifier(benchmark, method: str, precision: str, problem: Problem) -> None:
    data, ctx = (problem.features, problem.labels, problem.semantics), context(precision)
    classes = ClassSet("all", torch.cat([problem.semantics, problem.unseen]), torch.arange(SEEN + UNSEEN))
    released = ReleasedGSMFlow(*data) if method == "gsmflow" else ReleasedWGAN(*data)
    component = GSMFlow(GSMFlow.Config(mining_steps=0, steps=1)) if method == "gsmflow" else one_step_gan()
    for training in component.trainings(problem.view, ctx):
        run([training], [ctx])

    def theirs() -> None:
        evaluate(released, *data[:2], problem.unseen, problem.tests, per_class=PER_CLASS, epochs=EPOCHS, batch=BATCH)

    def mine() -> None:
        synthetic = component.generate(problem.unseen, PER_CLASS, ctx)
        view = View(*data, {Need.SYNTHETIC: synthetic})
        softmax = Softmax(Softmax.Config(epochs=EPOCHS, batch_size=BATCH))
        softmax.fit(view, ctx)
        with torch.no_grad():
            for features, _ in problem.tests:
                softmax.scores(features, classes)

    released_s = seconds(theirs)
    benchmark.pedantic(mine, rounds=1, warmup_rounds=0)
    ratio = released_s / benchmark.stats.stats.data[0]
    benchmark.extra_info.update(released_s=released_s, ratio=ratio)
    print(
        f"\n{method}, {precision}: released {released_s:.1f} s, ours {benchmark.stats.stats.data[0]:.1f} s, "
        f"ratio {ratio:.2f}"
    )
    assert ratio >= (TARGET if precision == "bfloat16" else 1.05)


def one_step_gan() -> FClswgan:
    return FClswgan(FClswgan.Config(steps=1, softmax_epochs=1))
