"""Training steps of our methods and of a plain rendering of the released code, for the benchmarks and ``make gpu``."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from released.abp import ReleasedABP
from released.cada_vae import ReleasedCadaVae
from released.ce_gzsl import ReleasedCEGZSL
from released.cewgan import ReleasedCEWGAN
from released.gazsl import ReleasedCANZSL, ReleasedGAZSL
from released.gdan import ReleasedGDAN
from released.gsmflow import ReleasedGSMFlow
from released.lisgan import ReleasedLisGAN
from released.sdgzsl import ReleasedSDGZSL
from released.softmax import ReleasedClassifier
from released.vaegan import ReleasedVaeGan
from released.wgan import ReleasedWGAN
from torch.utils.flop_counter import FlopCounterMode

from gzslbench.contract import Context, Need, View
from gzslbench.contract.random_streams import GlobalStreams
from gzslbench.training import Trained
from gzslbench.training.loop import make_steps
from gzslbench.training.step import EAGER_STEPS
from gzslbench_plugins.abp_zsl.generator import AlternatingBackPropagation
from gzslbench_plugins.cada_vae.generator import CadaVae
from gzslbench_plugins.canzsl.generator import CANZSL
from gzslbench_plugins.ce_gzsl.generator import CEGZSL
from gzslbench_plugins.cewgan.generator import CEWGAN
from gzslbench_plugins.early_gan.generator import EarlyGAN
from gzslbench_plugins.f_clswgan.generator import FClswgan
from gzslbench_plugins.f_vaegan_d2.generator import FVaegan
from gzslbench_plugins.free.generator import Free
from gzslbench_plugins.gazsl.generator import GAZSL
from gzslbench_plugins.gdan.generator import DualAdversarialNetwork
from gzslbench_plugins.gsmflow.generator import GSMFlow
from gzslbench_plugins.lisgan.generator import LisGAN
from gzslbench_plugins.sdgzsl.generator import SDGZSL
from gzslbench_plugins.softmax.classifier import Softmax
from gzslbench_plugins.tf_vaegan.generator import TFVaegan

METHODS = ("gsmflow", "f-clswgan", "early-gan", "softmax", "cada-vae", "sdgzsl")
VAE_GANS = {"f-vaegan-d2": FVaegan, "tf-vaegan": TFVaegan, "free": Free}
"""In float32, on a CPU."""
CPU = torch.device("cpu")
PIVOT_BATCH = 256
"""Of GAZSL and CANZSL: a quarter of the released one, in a quarter of its time."""

Step = Callable[[], object]


@dataclass(frozen=True)
class Sizes:
    """The shape of a problem, AWA2 in small, and the width of the networks: GSMFlow's sub-nets, half of a GAN's."""

    samples: int = 6000
    dim: int = 2048
    seen: int = 40
    unseen: int = 10
    attributes: int = 85
    per_class: int = 5000
    width: int = 2048
    batch: int = 1200  # of the softmax, as in GSMFlow's release


CUB = Sizes(samples=7057, seen=150, unseen=50, attributes=312)
TINY = Sizes(samples=400, dim=32, seen=8, unseen=4, attributes=12, per_class=30, width=32, batch=100)


@dataclass(frozen=True, eq=False)
class Problem:
    """Random data on the host: only its shapes matter to the clock."""

    sizes: Sizes
    features: torch.Tensor
    labels: torch.Tensor
    semantics: torch.Tensor
    unseen: torch.Tensor

    @staticmethod
    def of(sizes: Sizes) -> Problem:
        """Draw a problem."""
        torch.manual_seed(0)
        semantics = torch.rand(sizes.seen + sizes.unseen, sizes.attributes)
        labels = torch.arange(sizes.samples) % sizes.seen
        features = torch.rand(sizes.samples, sizes.dim)
        return Problem(sizes, features, labels, semantics[: sizes.seen], semantics[sizes.seen :])

    def view(self, device: torch.device = CPU) -> View:
        """What a generator sees."""
        return View(*(each.to(device) for each in (self.features, self.labels, self.semantics)))


CADA_VAE_WIDTHS = {
    "encoder_hidden": 1560,
    "decoder_hidden": 1660,
    "semantic_encoder_hidden": 1450,
    "semantic_decoder_hidden": 665,
}


def cada_vae_widths(sizes: Sizes) -> list[int]:
    """Widths of CADA-VAE's hidden layers, as released where the problem's is 2,048."""
    return [width * sizes.width // 2048 for width in CADA_VAE_WIDTHS.values()]


class Stepper:
    """A method's training at one stage, for one seed or several, to be called for a step of each of its turns."""

    turns = 1

    def __init__(self, make: Callable[[], Trained], stage: str, view: View, contexts: Sequence[Context]) -> None:
        self.trainings = []
        for ctx in contexts:
            with GlobalStreams(ctx.seed):
                stages = make().trainings(view, ctx)
                self.trainings.append(next(each for each in stages if each.stage == stage))
        self._steps = make_steps(self.trainings, contexts[0])

    def __call__(self) -> None:
        """Take a gradient step on each batch of each descent."""
        for turn in range(self.turns):
            for step, *same in zip(self._steps, *(training.descents for training in self.trainings), strict=True):
                for batches in zip(*(descent.batches() for descent in same), strict=True):
                    step(*(batches[0] if len(batches) == 1 else map(torch.stack, zip(*batches, strict=True))))
            for training in self.trainings if self.turns > 1 else ():
                training.after_step(turn + 1)

    def parameters(self) -> list[list[torch.Tensor]]:
        """Copies of the trained parameters of each seed."""
        return [
            [each.detach().clone() for descent in training.descents for each in descent.parameters()]
            for training in self.trainings
        ]


def ours(
    method: str, problem: Problem, precision: str, device: torch.device = CPU, seeds: Sequence[int] = (0,)
) -> Stepper:
    """Our training step of a method; a step of the softmax is an epoch."""
    view, sizes = problem.view(device), problem.sizes
    contexts = [Context(device, seed, precision=precision) for seed in seeds]
    hidden = {"generator_hidden": 2 * sizes.width, "critic_hidden": 2 * sizes.width}
    if method == "gsmflow":
        flow = GSMFlow.Config(hidden=sizes.width, semantic_dim=sizes.width // 2, mining_steps=0)
        return Stepper(lambda: GSMFlow(flow), "flow", view, contexts)
    if method == "cada-vae":
        widths = dict(zip(CADA_VAE_WIDTHS, cada_vae_widths(sizes), strict=True))
        return Stepper(lambda: CadaVae(CadaVae.Config(**widths)), "autoencoders", view, contexts)
    if method == "sdgzsl":
        parts = SDGZSL.Config(hidden=sizes.width, part_dim=sizes.width // 2)
        return Stepper(lambda: SDGZSL(parts), "disentangling", view, contexts)
    if method == "softmax":
        made = torch.rand(sizes.unseen, sizes.per_class, sizes.dim, device=device)
        view = View(view.features, view.labels, view.semantics, {Need.SYNTHETIC: made})
        return Stepper(lambda: Softmax(Softmax.Config(batch_size=sizes.batch)), "softmax", view, contexts)
    if method == "ce-gzsl":
        widths = dict.fromkeys(("embedding_dim", "comparator_hidden"), sizes.width)
        config = CEGZSL.Config(**hidden, **widths, projection_dim=sizes.width // 4, batch_size=min(128, sizes.samples))
        return Stepper(lambda: CEGZSL(config), "gan", view, contexts)
    if method in VAE_GANS:
        gan = VAE_GANS[method]
        own = {"tf-vaegan": {"decoder_hidden": 2 * sizes.width}, "free": {"refinement_hidden": 2 * sizes.width}}
        as_released = {"posterior_fakes": True, "adaptive_penalty": True, "encoder_hidden": 2 * sizes.width}
        config = gan.Config(**hidden, **as_released, **own.get(method, {}))
        stepper = Stepper(lambda: gan(config), "vae-gan", view, contexts)
        stepper.turns = 2 if method == "tf-vaegan" else 1  # without and with feedback
        return stepper
    if method == "abp-zsl":
        translator = AlternatingBackPropagation.Config(rounds=2, inference="adam", hidden=2 * sizes.width)
        return Stepper(lambda: AlternatingBackPropagation(translator), "translator", view, contexts)
    if method == "gdan":
        return Stepper(DualAdversarialNetwork, "dual", view, contexts)
    if method in ("gazsl", "canzsl"):
        batch = min(PIVOT_BATCH, sizes.samples // 2)
        if method == "gazsl":
            return Stepper(lambda: GAZSL(GAZSL.Config(**hidden, batch_size=batch)), "gan", view, contexts)
        config = CANZSL.Config(**hidden, inverse_hidden=2 * sizes.width, batch_size=batch)
        return Stepper(lambda: CANZSL(config), "gan", view, contexts)
    if method == "cewgan":
        config = CEWGAN.Config(**hidden, decoder_hidden=2 * sizes.width)
        return Stepper(lambda: CEWGAN(config), "gan", view, contexts)
    if method == "lisgan":
        return Stepper(lambda: LisGAN(LisGAN.Config(**hidden)), "gan", view, contexts)
    gan = FClswgan if method == "f-clswgan" else EarlyGAN
    return Stepper(lambda: gan(gan.Config(**hidden)), "gan", view, contexts)


def released(method: str, problem: Problem, device: torch.device = CPU) -> Step:
    """The released code's training step of a method, in float32."""
    sizes, data, on = problem.sizes, (problem.features, problem.labels, problem.semantics), str(device)
    if method == "gsmflow":
        return ReleasedGSMFlow(*data, hidden=sizes.width, semantic_dim=sizes.width // 2, device=on).step
    if method == "cada-vae":
        return ReleasedCadaVae(*data, widths=cada_vae_widths(sizes), device=on).step
    if method == "sdgzsl":
        return ReleasedSDGZSL(*data, hidden=sizes.width, part=sizes.width // 2, device=on).step
    if method == "softmax":
        features = torch.cat([problem.features, torch.rand(sizes.unseen * sizes.per_class, sizes.dim)])
        labels = torch.cat([problem.labels, sizes.seen + torch.arange(sizes.unseen).repeat_interleave(sizes.per_class)])
        classifier = ReleasedClassifier(features, labels, sizes.seen + sizes.unseen, batch=sizes.batch, device=on)
        return lambda: [classifier.step() for _ in range(0, len(labels), sizes.batch)]
    if method == "ce-gzsl":
        widths = dict.fromkeys(("embedding_dim", "comparator_hidden"), sizes.width)
        return ReleasedCEGZSL(*data, **widths, projection_dim=sizes.width // 4, hidden=2 * sizes.width, device=on).step
    if method in VAE_GANS:
        return ReleasedVaeGan(*data, method, hidden=2 * sizes.width).step
    if method == "abp-zsl":
        return ReleasedABP(*data, hidden=2 * sizes.width, device=on).step
    if method == "gdan":
        return ReleasedGDAN(*data, device=on).step
    if method in ("gazsl", "canzsl"):
        release = ReleasedGAZSL if method == "gazsl" else ReleasedCANZSL
        return release(*data, hidden=2 * sizes.width, batch=min(PIVOT_BATCH, sizes.samples // 2), device=on).step
    if method == "cewgan":
        return ReleasedCEWGAN(*data, hidden=2 * sizes.width, device=on).step
    judge = torch.nn.Sequential(torch.nn.Linear(sizes.dim, sizes.seen), torch.nn.LogSoftmax(dim=1))
    if method == "lisgan":
        souls = torch.rand(3 * sizes.seen, sizes.dim)
        return ReleasedLisGAN(*data, souls, classifier=judge, hidden=2 * sizes.width, device=on).step
    judged = {"classifier": judge} if method == "f-clswgan" else {}
    return ReleasedWGAN(*data, hidden=2 * sizes.width, device=on, **judged).step


def gflops(step: Step) -> float:
    """Count the operations of a step's matrix products; on a GPU of one of the first steps, before it is captured."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops() / 1e9


def ceiling(precision: str, device: torch.device = CPU, size: int = 2048) -> float:
    """Measure the rate of a large matrix product, in GFLOP/s: what no step can exceed."""
    one, other = (torch.rand(size, size, device=device).to(getattr(torch, precision)) for _ in range(2))
    times = [seconds(lambda: one @ other, device) for _ in range(12)]
    return 2 * size**3 / min(times) / 1e9


def seconds(function: Step, device: torch.device = CPU, times: int = 1) -> float:
    """Time a call, the mean of several; a GPU has done all its work before and after."""
    _wait_for(device)
    began = time.perf_counter()
    for _ in range(times):
        function()
    _wait_for(device)
    return (time.perf_counter() - began) / times


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@dataclass(frozen=True)
class Compared:
    """Times of a step of the released code and of ours, the median ratio of pairs, and the work that a step is."""

    released_s: float
    ours_s: float
    ratio: float
    gflop: float


def compare(
    method: str, problem: Problem, precision: str, device: torch.device, pairs: int = 9, times: int = 10
) -> Compared:
    """Let both sides take turns, ``times`` steps each; an epoch of the softmax stands for ten steps."""
    theirs, mine = released(method, problem, device), ours(method, problem, precision, device)
    work = gflops(mine)
    for _ in range(EAGER_STEPS + 2):
        theirs(), mine()
    times = 1 if method == "softmax" else times
    measured = [(seconds(theirs, device, times), seconds(mine, device, times)) for _ in range(pairs)]
    released_s, ours_s = (statistics.median(side) for side in zip(*measured, strict=True))
    return Compared(released_s, ours_s, statistics.median(a / b for a, b in measured), work)


def seeds_step(
    method: str, problem: Problem, precision: str, device: torch.device, count: int, times: int = 100
) -> tuple[float, float]:
    """Time a step of so many seeds together, and count the operations of its products: seconds, GFLOP."""
    step = ours(method, problem, precision, device, range(count))
    work = gflops(step)
    for _ in range(EAGER_STEPS + 2):
        step()
    return seconds(step, device, times), work
