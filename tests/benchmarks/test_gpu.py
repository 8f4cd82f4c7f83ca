"""What a GPU is to give: five seeds for less than the price of two, products near the ceiling, no waiting."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from gzslbench.contract import Context, View
from gzslbench.contract.random_streams import GlobalStreams
from gzslbench.training import Trained
from gzslbench.training.loop import Training, make_steps
from gzslbench.training.step import EAGER_STEPS, Step
from gzslbench_plugins.f_clswgan.generator import FClswgan
from gzslbench_plugins.gsmflow.generator import GSMFlow

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

STEPS = 100
CUDA = torch.device("cuda")


@pytest.fixture(scope="module")
def view() -> View:
    """Random data in the shape of CUB's training set with ResNet features."""
    torch.manual_seed(0)
    labels = torch.arange(7057) % 150
    return View(torch.rand(7057, 2048).cuda(), labels.cuda(), torch.rand(150, 312).cuda())


class Loop:
    """The last stage of a method's training, for one seed or several, ready to be stepped through."""

    def __init__(self, cls: type[Trained], view: View, seeds: Sequence[int], precision: str = "bfloat16") -> None:
        settings = {"mining_steps": 0} if cls is GSMFlow else {"class_loss": 0.0}
        contexts = [Context(CUDA, seed, precision=precision) for seed in seeds]
        self.trainings = [self._last(cls(cls.Config(**settings)), view, ctx) for ctx in contexts]
        self.steps: list[Step] = make_steps(self.trainings, contexts[0])
        for _ in range(EAGER_STEPS + 2):
            self.step()

    @staticmethod
    def _last(component: Trained, view: View, ctx: Context) -> Training:
        with GlobalStreams(ctx.seed):
            *_, last = component.trainings(view, ctx)
        return last

    def step(self) -> None:
        """Take one training step."""
        for step, *same in zip(self.steps, *(training.descents for training in self.trainings), strict=True):
            for batches in zip(*(descent.batches() for descent in same), strict=True):
                step(*(batches[0] if len(batches) == 1 else map(torch.stack, zip(*batches, strict=True))))

    def step_s(self) -> float:
        """Time a step."""
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(STEPS):
            self.step()
        torch.cuda.synchronize()
        return (time.perf_counter() - began) / STEPS


@pytest.mark.parametrize("cls", [GSMFlow, FClswgan])
def test_five_seeds_take_less_than_twice_the_time_of_one(cls: type[Trained], view: View) -> None:
    one, five = Loop(cls, view, [0]).step_s(), Loop(cls, view, range(5)).step_s()
    print(f"\n{cls.info.name}: one seed {1e3 * one:.2f} ms, five {1e3 * five:.2f} ms a step, {five / one:.2f} times")
    assert five < 2 * one


@pytest.mark.parametrize("cls", [GSMFlow, FClswgan])
def test_a_step_never_waits_for_the_device(cls: type[Trained], view: View) -> None:
    loop = Loop(cls, view, [0])
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(5):
            loop.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_products_run_at_half_the_ceiling_or_more(view: View) -> None:
    loop = Loop(GSMFlow, view, range(5))
    cpu_view = View(view.features.cpu(), view.labels.cpu(), view.semantics.cpu())
    training = Loop._last(GSMFlow(GSMFlow.Config(mining_steps=0)), cpu_view, Context(torch.device("cpu"), 0))
    (batch,) = training.descents[0].batches()
    with FlopCounterMode(display=False) as counter:  # a captured step shows no operators, so count on the CPU
        sum(training.descents[0].loss(*batch).values()).backward()
    rate = 5 * counter.get_total_flops() / loop.step_s()
    ceiling = _ceiling()
    print(f"\ngsmflow, five seeds: {rate / 1e12:.0f} of {ceiling / 1e12:.0f} TFLOP/s in bfloat16")
    assert rate > ceiling / 2


def _ceiling() -> float:
    """Measure the rate of a large product in bfloat16, in FLOP/s."""
    one, other = (torch.rand(8192, 8192, device=CUDA, dtype=torch.bfloat16) for _ in range(2))
    times = []
    for _ in range(20):
        torch.cuda.synchronize()
        began = time.perf_counter()
        one @ other
        torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return 2 * 8192**3 / min(times)
