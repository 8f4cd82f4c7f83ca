"""Trainings against a plain torch loop, alone and with several seeds at once."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from gzslbench.contract import Component, Info, Need, View
from gzslbench.contract.context import CHECKPOINTS, Context
from gzslbench.contract.random_streams import GlobalStreams
from gzslbench.errors import DivergedError
from gzslbench.training import Adam, Batches, Descent, Trained, Training, Trainings, fit_together, random_rows
from gzslbench.training.loop import run
from gzslbench_plugins.early_gan.entropy_separation import EntropySeparation
from gzslbench_plugins.early_gan.generator import EarlyGAN
from gzslbench_plugins.f_clswgan.generator import FClswgan
from gzslbench_plugins.gsmflow.generator import GSMFlow
from gzslbench_plugins.softmax.classifier import Softmax

GAN = {"steps": 6, "critic_steps": 2, "batch_size": 8, "generator_hidden": 12, "critic_hidden": 12, "softmax_epochs": 4}


@dataclass(frozen=True)
class Config:
    steps: int = 40
    learning_rate: float = 1e-2


class Regression(Trained):
    """Two layers that are to map features to semantics, trained in two stages."""

    info = Info("regression")
    Config = Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.first = nn.Linear(6, 5)  # drawn before the fit, as some methods do

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train the layers, then the second alone."""
        self.second = nn.Linear(5, view.semantics.shape[1])

        def batches() -> Batches:
            rows = random_rows(len(view.labels), 8, ctx)
            yield view.features[rows], view.semantics[view.labels[rows]]

        def loss(x: Tensor, a: Tensor) -> dict[str, Tensor]:
            return {"squares": (self.second(self.first(x).relu()) - a).square().mean()}

        adam = Adam(self.config.learning_rate, weight_decay=1e-3, decay=0.5, decay_every=10)
        yield Training("both", self.config.steps, [Descent(loss, batches, adam, [self.first, self.second])])
        yield Training("second", 5, [Descent(loss, batches, adam, [self.second], uses=[self.first])], selectable=False)


def plain_loop(view: View, ctx: Context, config: Config) -> list[Tensor]:
    """The same in plain torch."""
    first, second = nn.Linear(view.features.shape[1], 5), nn.Linear(5, view.semantics.shape[1])
    for layers, steps in (([first, second], config.steps), ([second], 5)):
        parameters = [parameter for layer in layers for parameter in layer.parameters()]
        optimiser = torch.optim.Adam(parameters, lr=config.learning_rate, weight_decay=1e-3)
        for step in range(steps):
            rows = torch.randint(len(view.labels), (8,), generator=ctx.rng)
            target = view.semantics[view.labels[rows]]
            loss = (second(first(view.features[rows]).relu()) - target).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if (step + 1) % 10 == 0:
                optimiser.param_groups[0]["lr"] *= 0.5
    return [*first.parameters(), *second.parameters()]


def make_view(seed: int = 0) -> View:
    rng = torch.Generator().manual_seed(7)
    labels = torch.arange(4).repeat_interleave(10)
    semantics = torch.rand(4, 3, generator=rng)
    features = (semantics @ torch.rand(3, 6, generator=rng))[labels] + 0.1 * torch.rand(40, 6, generator=rng)
    seeded = torch.Generator().manual_seed(seed)
    proxies, synthetic = torch.rand(20, 6, generator=seeded), torch.rand(2, 5, 6, generator=seeded)
    return View(features, labels, semantics, {Need.OUTSIDE: proxies, Need.SYNTHETIC: synthetic})


def make_context(seed: int) -> Context:
    return Context(torch.device("cpu"), seed)


def state(component: Component) -> dict[str, Tensor]:
    """Every parameter of every network that the component holds."""
    held = dict(vars(component))
    if "gan" in held:
        held |= {"generator": held["gan"].generator, "critic": held["gan"].critic}
    return {
        f"{name}.{key}": value.detach().clone()
        for name, network in held.items()
        if isinstance(network, nn.Module)
        for key, value in network.state_dict().items()
    }


def test_a_training_equals_a_plain_loop() -> None:
    view, config = make_view(), Config()
    with GlobalStreams(3):
        component = Regression(config)
        component.fit(view, make_context(3))
    with GlobalStreams(3):
        expected = plain_loop(view, make_context(3), config)
    for ours, theirs in zip(state(component).values(), expected, strict=True):
        torch.testing.assert_close(ours, theirs.detach())


class TwoRates(Trained):
    """One loss that trains two layers, each with an Adam of its own."""

    info = Info("two-rates")
    Config = Config
    RATES = (Adam(1e-2), Adam(1e-3, betas=(0.5, 0.999), decay=0.5, decay_every=10))

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train both."""
        self.first, self.second = nn.Linear(6, 5), nn.Linear(5, view.semantics.shape[1])
        target = view.semantics[view.labels]

        def loss(x: Tensor, a: Tensor) -> Tensor:
            return (self.second(self.first(x).relu()) - a).square().mean()

        def batches() -> Batches:
            yield view.features, target

        one, other = self.RATES
        descent = Descent(loss, batches, one, [self.first], also=[(self.second, other)])
        yield Training("both", self.config.steps, [descent])


def test_networks_of_one_loss_may_have_an_adam_each() -> None:
    view, config = make_view(), Config(steps=25)
    with GlobalStreams(3):
        component = TwoRates(config)
        component.fit(view, make_context(3))
    with GlobalStreams(3):
        first, second = nn.Linear(6, 5), nn.Linear(5, view.semantics.shape[1])
    slow = torch.optim.Adam(second.parameters(), lr=1e-3, betas=(0.5, 0.999))
    optimisers = [torch.optim.Adam(first.parameters(), lr=1e-2), slow]
    for step in range(config.steps):
        loss = (second(first(view.features).relu()) - view.semantics[view.labels]).square().mean()
        for optimiser in optimisers:
            optimiser.zero_grad()
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
        if (step + 1) % 10 == 0:
            slow.param_groups[0]["lr"] *= 0.5
    for ours, theirs in zip(state(component).values(), [*first.parameters(), *second.parameters()], strict=True):
        torch.testing.assert_close(ours, theirs.detach())


@pytest.mark.parametrize(
    ("cls", "settings"),
    [
        (Regression, {}),
        (TwoRates, {}),
        (Softmax, {"epochs": 5, "batch_size": 16, "class_weights": "balanced"}),
        (FClswgan, {**GAN, "class_loss": 0.5}),
        (EarlyGAN, {**GAN, "score_every": 2, "score_samples": 16}),
        (EntropySeparation, {"steps": 10, "batch_size": 8, "hidden": 12, "latent": 6}),
        (
            GSMFlow,
            {"couplings": 2, "hidden": 12, "semantic_dim": 8, "steps": 10, "batch_size": 16, "mining_steps": 2}
            | {"contrastive_hidden": 8, "contrastive_steps": 5, "contrastive_batch": 8},
        ),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_seeds_trained_together_equal_each_trained_alone(cls: type[Trained], settings: dict[str, object]) -> None:
    seeds, config = (3, 11, 12), cls.Config(**settings)
    alone, curves = [], []
    for seed in seeds:
        ctx = make_context(seed)
        with GlobalStreams(seed):
            component = cls(config)
            component.fit(make_view(seed), ctx)
        alone.append(state(component))
        curves.append(ctx.settled_curves())
    contexts = [make_context(seed) for seed in seeds]
    components = fit_together(lambda: cls(config), [make_view(seed) for seed in seeds], contexts)
    for component, expected, ctx, curve in zip(components, alone, contexts, curves, strict=True):
        together = state(component)
        assert together.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(together[name], value, atol=1e-5, rtol=1e-4, msg=name)
        assert {name: [step for step, _ in points] for name, points in ctx.settled_curves().items()} == {
            name: [step for step, _ in points] for name, points in curve.items()
        }
    assert any(not torch.equal(alone[0][name], alone[1][name]) for name in alone[0])


def test_terms_become_loss_curves_and_their_sum_descends() -> None:
    weight = nn.Parameter(torch.tensor([1.0, 1.0]))
    holder = nn.Module()
    holder.weight = weight

    class Two(Trained):
        info = Info("two")

        def trainings(self, view: View, ctx: Context) -> Trainings:
            """Pull each weight to zero, by a term of its own."""

            def loss(scale: Tensor) -> dict[str, Tensor]:
                return {"left": scale * weight[0].square(), "right": scale * weight[1].square()}

            yield Training("pull", 100, [Descent(loss, lambda: [(torch.ones(()),)], Adam(0.1), [holder])])

    ctx = make_context(0)
    Two().fit(make_view(), ctx)
    assert set(ctx.curves) == {"left", "right"}
    assert weight.abs().max() < 0.1


def test_a_descent_without_batches_in_a_step_leaves_no_point_on_any_curve() -> None:
    layer = nn.Linear(1, 1)

    class Refined(Trained):
        info = Info("refined")

        def trainings(self, view: View, ctx: Context) -> Trainings:
            """Refine at every second step alone, before the other descent takes its own."""
            turns = iter([[], [(torch.ones(2, 1),)]] * 2)

            def named(name: str):
                return lambda x: {name: layer(x).square().mean()}

            refining = Descent(named("refining"), lambda: next(turns), Adam(0.1), [layer])
            always = Descent(named("always"), lambda: [(torch.ones(2, 1),)], Adam(0.1), [layer])
            yield Training("turns", 4, [refining, always])

    ctx = make_context(0)
    Refined().fit(make_view(), ctx)
    steps = {name: [step for step, _ in curve] for name, curve in ctx.settled_curves().items()}
    assert steps == {"refining": [2, 4], "always": [1, 2, 3, 4]}


def test_a_loss_without_terms_is_named_after_its_stage() -> None:
    layer = nn.Linear(1, 1)

    class One(Trained):
        info = Info("one")

        def trainings(self, view: View, ctx: Context) -> Trainings:
            """Train one layer."""
            loss = lambda x: layer(x).square().mean()  # noqa: E731
            yield Training("only", 3, [Descent(loss, lambda: [(torch.ones(2, 1),)], Adam(0.1), [layer])])

    ctx = make_context(0)
    One().fit(make_view(), ctx)
    assert [step for step, _ in ctx.settled_curves()["only"]] == [1, 2, 3]


@pytest.mark.parametrize("together", [False, True])
def test_protocols_may_look_at_checkpoints_and_limit_selectable_stages(together: bool) -> None:
    seen: list[tuple[str, int]] = []
    contexts = [make_context(seed) for seed in (0, 1)]
    contexts[-1].on_checkpoint = lambda stage, step: seen.append((stage, step))
    for ctx in contexts:
        ctx.limits = {"both": 20, "second": 1}
    if together:
        fit_together(Regression, [make_view(), make_view()], contexts)
    else:
        Regression().fit(make_view(), contexts[-1])
    every = Config().steps // CHECKPOINTS
    assert seen == [("both", step) for step in range(every, 21, every)]


def test_divergence_is_found_at_the_next_checkpoint() -> None:
    with pytest.raises(DivergedError, match="squares was"):
        Regression(Config(learning_rate=1e38)).fit(make_view(), make_context(0))


@pytest.mark.parametrize("shared", [True, False])
def test_two_descents_that_train_a_network_share_the_moments_of_one_adam_alone(shared):
    """As two losses whose gradients differ by a factor of a hundred take turns, each step depends on the other's."""
    view, ctx = make_view(), Context(torch.device("cpu"), 0)
    ours, plain = nn.Linear(6, 3), nn.Linear(6, 3)
    plain.load_state_dict(ours.state_dict())
    x, a = view.features, view.semantics[view.labels]
    adams = [Adam(1e-2)] * 2 if shared else [Adam(1e-2), Adam(1e-2)]

    def loss(layer: nn.Linear, weight: float) -> Tensor:
        return weight * (layer(x) - a).square().mean()

    descents = [
        Descent(lambda w: loss(ours, w), lambda w=w: iter([(torch.tensor(w),)]), adam, [ours])
        for w, adam in zip((1.0, 100.0), adams, strict=True)
    ]
    run([Training("turns", 6, descents)], [ctx])

    optimisers = [torch.optim.Adam(plain.parameters(), lr=1e-2)] * 2
    if not shared:
        optimisers[1] = torch.optim.Adam(plain.parameters(), lr=1e-2)
    for _ in range(6):
        for weight, optimiser in zip((1.0, 100.0), optimisers, strict=True):
            optimiser.zero_grad()
            loss(plain, weight).backward()
            optimiser.step()
    for one, other in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other)
