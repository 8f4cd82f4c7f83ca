"""Training and synthesis against a plain rendering of the released code, in pairs, on one thread.

Both sides get the same data, sizes, batch and allocator setting. Run it with ``make bench`` on a machine that does
nothing else.
"""

from __future__ import annotations

import os
import statistics

import pytest
import torch
from released.gsmflow import ReleasedGSMFlow
from released.softmax import evaluate
from released.wgan import ReleasedWGAN
from step_times import Problem, Sizes, ceiling, gflops, ours, released, seconds

from gzslbench.contract import ClassSet, Context, Need, View
from gzslbench.runner.machine import has_bfloat16
from gzslbench.training.loop import run
from gzslbench_plugins.f_clswgan.generator import FClswgan
from gzslbench_plugins.gsmflow.generator import GSMFlow
from gzslbench_plugins.softmax.classifier import Softmax

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("GZSLBENCH_SLOW" not in os.environ, reason="needs minutes: make bench"),
]

EPOCHS = 30  # of the final classifier, as in GSMFlow's release
PAIRS = 9
VAE_GAN = {"f-vaegan-d2": 1.8, "tf-vaegan": 1.5, "free": 1.5}
WGAN = {"cewgan": 1.5, "lisgan": 1.5}
VAE = {"cada-vae": 1.2, "sdgzsl": 1.8}
LATENT = {"abp-zsl": 1.3, "gdan": 1.2}
AT_LEAST = {
    "float32": {"gsmflow": 1.2, "f-clswgan": 1.6, "early-gan": 1.6, "ce-gzsl": 8.0, **VAE_GAN, **WGAN, **VAE, **LATENT},
    "bfloat16": VAE,
}
"""Ratios below which a change has made training slower; the target of 4 holds where products run in bfloat16."""
TARGET = 4.0


@pytest.fixture(scope="module")
def problem() -> Problem:
    torch.set_num_threads(1)
    return Problem.of(Sizes())


@pytest.fixture(params=["float32", "bfloat16"])
def precision(request: pytest.FixtureRequest) -> str:
    if request.param == "bfloat16" and not has_bfloat16("cpu"):
        pytest.skip("needs a processor with bfloat16 products: none can be installed")
    return str(request.param)


@pytest.mark.benchmark(group="training step")
@pytest.mark.parametrize("method", ["gsmflow", "f-clswgan", "early-gan", "ce-gzsl", *VAE_GAN, *WGAN, *VAE, *LATENT])
def test_a_training_step(benchmark, method: str, precision: str, problem: Problem) -> None:
    if method in VAE_GAN | WGAN | LATENT and precision == "bfloat16":
        pytest.skip("computes in float32 alone")
    theirs_step, step = released(method, problem), ours(method, problem, precision)
    theirs: list[float] = []
    rate, work = ceiling(precision), gflops(step)
    benchmark.pedantic(step, setup=lambda: theirs.append(seconds(theirs_step)), rounds=PAIRS, warmup_rounds=2)
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
    sizes, data = problem.sizes, (problem.features, problem.labels, problem.semantics)
    ctx = Context(torch.device("cpu"), 0, precision=precision)
    semantics = torch.cat([problem.semantics, problem.unseen])
    classes = ClassSet("all", semantics, torch.arange(len(semantics)))
    seen_test = torch.rand(1500, sizes.dim), torch.arange(1500) % sizes.seen
    unseen_test = torch.rand(2000, sizes.dim), sizes.seen + torch.arange(2000) % sizes.unseen
    tests = seen_test, unseen_test
    generator = ReleasedGSMFlow(*data) if method == "gsmflow" else ReleasedWGAN(*data)
    component = GSMFlow(GSMFlow.Config(mining_steps=0, steps=1)) if method == "gsmflow" else one_step_gan()
    for training in component.trainings(problem.view(), ctx):
        run([training], [ctx])

    def theirs() -> None:
        fitting = {"per_class": sizes.per_class, "epochs": EPOCHS, "batch": sizes.batch}
        evaluate(generator, *data[:2], problem.unseen, tests, **fitting)

    def mine() -> None:
        synthetic = component.generate(problem.unseen, sizes.per_class, ctx)
        view = View(*data, {Need.SYNTHETIC: synthetic})
        softmax = Softmax(Softmax.Config(epochs=EPOCHS, batch_size=sizes.batch))
        softmax.fit(view, ctx)
        with torch.no_grad():
            for features, _ in tests:
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
