"""GAZSL's GAN against double backward and plain loops; GAZSL and CANZSL, which train it, on toy classes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gzslbench.contract import ClassSet, Context, Need, View
from gzslbench.training import fit_together
from gzslbench.training.loop import make_steps, run
from gzslbench_plugins.canzsl import gzslbench_methods as canzsl_methods
from gzslbench_plugins.canzsl.generator import CANZSL, CANZSLConfig
from gzslbench_plugins.gazsl import gzslbench_methods as gazsl_methods
from gzslbench_plugins.gazsl.generator import GAZSL
from gzslbench_plugins.knn.classifier import NearestNeighbours
from gzslbench_plugins.shared.pivot_gan import PivotConfig, PivotGAN, PivotGenerator, PlainCritic, pivot_loss, xavier

from .conftest import context

TINY = {
    "generator_hidden": 32,
    "critic_hidden": 32,
    "noise_dim": 3,
    "batch_size": 32,
    "learning_rate": 5e-3,
    "per_class": 30,
}
UNSEEN = torch.tensor([[0.9, 0.9, 0.1, 0.1], [0.1, 0.1, 0.9, 0.9]])


def samples_of(semantics: Tensor, per_class: int, seed: int) -> Tensor:
    """Draw features around semantics: (c * per_class, 4), class-major."""
    rng = torch.Generator().manual_seed(seed)
    noise = torch.randn(len(semantics) * per_class, 4, generator=rng)
    return (semantics.repeat_interleave(per_class, dim=0) + 0.05 * noise).clamp(0, 1)


def toy() -> View:
    """Four classes whose features are their semantics plus a little noise."""
    semantics = torch.eye(4) * 0.8 + 0.1
    return View(samples_of(semantics, 50, 3), torch.arange(4).repeat_interleave(50), semantics)


def gan(**settings: object) -> PivotGAN:
    return PivotGAN(toy(), PivotConfig(**{**TINY, **settings}), context())


def fitted(cls: type[PivotGenerator], **settings: object) -> PivotGenerator:
    generator = cls(cls.Config(**{**TINY, **settings}))
    generator.fit(toy(), context())
    return generator


def test_the_critics_loss_and_its_gradients_agree_with_double_backward() -> None:
    torch.manual_seed(1)
    critic = PlainCritic(5, 16).double()
    real, fake = torch.randn(2, 6, 5, dtype=torch.float64)
    alpha = torch.rand(6, 1, dtype=torch.float64)
    mixed = (alpha * real + (1 - alpha) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    expected = critic(fake).mean() - critic(real).mean() + 10 * ((gradient.norm(dim=1) - 1) ** 2).mean()
    loss = critic.loss(critic.shared(real), critic.shared(fake), alpha, 10.0)
    torch.testing.assert_close(loss, expected)
    parameters = [each for name, each in critic.named_parameters() if name != "value.bias"]
    torch.testing.assert_close(torch.autograd.grad(loss, parameters), torch.autograd.grad(expected, parameters))


def test_the_critic_classifies_real_and_fake_features_with_a_cross_entropy_each() -> None:
    net = gan(class_loss=0.7)
    real, fake, labels, alpha = next(iter(net.critic_batches()))
    logits = [net.critic.classes(net.critic.shared(x).relu()) for x in (real, fake)]
    expected = 0.7 * sum(cross_entropy(each, labels) for each in logits)
    torch.testing.assert_close(net.loss_of_critic(real, fake, labels, alpha)["critic_classes"], expected)


def test_the_generators_terms_are_those_of_the_samples_one_by_one() -> None:
    net = gan(class_loss=0.6, weight_loss=0.01)
    z, a, labels, averaging = next(net.generator_batches())
    terms = net.loss_of_generator(z, a, labels, averaging)
    fakes = net.generator(z, a)
    values = torch.stack([net.critic(x[None])[0] for x in fakes])
    log_p = [net.critic.classes(net.critic.shared(x).relu()).log_softmax(0) for x in fakes]
    nll = torch.stack([-p[label] for p, label in zip(log_p, labels, strict=True)])
    torch.testing.assert_close(terms["generator"], -values.mean())
    torch.testing.assert_close(terms["generator_classes"], 0.3 * nll.mean())
    squares = sum(layer.weight.square().sum() for layer in net.generator.layers if isinstance(layer, nn.Linear))
    torch.testing.assert_close(terms["weights"], 0.01 * squares)


def test_pivots_are_met_by_the_means_of_the_classes_in_the_batch_alone() -> None:
    net = gan()
    labels = torch.tensor([2, 0, 2, 2])  # neither 1 nor 3
    fake = torch.rand(4, 4, generator=torch.Generator().manual_seed(2)).requires_grad_()
    expected = torch.zeros(())
    for c in (0, 2):
        real = toy().features[toy().labels == c].mean(0)
        expected = expected + (fake[labels == c].mean(0) - real).square().sum().sqrt() / 4
    loss = pivot_loss(fake, net._averaging(labels), net.pivots)
    torch.testing.assert_close(loss, expected)
    (ours,) = torch.autograd.grad(loss, fake)
    torch.testing.assert_close(ours, torch.autograd.grad(expected, fake)[0])


def test_weights_start_with_glorots_deviation() -> None:
    layer = nn.Linear(300, 500)
    torch.manual_seed(0)
    xavier(layer)
    assert float(layer.weight.detach().std()) == pytest.approx((2 / 800) ** 0.5, rel=0.02)
    assert not layer.bias.any()


def test_a_step_holds_as_many_critic_batches_as_configured() -> None:
    assert [real.shape for real, *_ in gan(critic_steps=3).critic_batches()] == [(32, 4)] * 3


@pytest.mark.parametrize(("output", "low", "high"), [("tanh", -1, 1), ("relu", 0, 99), ("linear", -99, 99)])
def test_the_last_activation_is_as_configured(output: str, low: float, high: float) -> None:
    samples = gan(output=output).generate(10 * torch.randn(50, 4), 20, context())
    assert samples.min() >= low
    assert samples.max() <= high
    assert bool((samples < 0).any()) == (output != "relu")


@pytest.fixture(scope="module")
def gazsl() -> PivotGenerator:
    return fitted(GAZSL, steps=120)


@pytest.fixture(scope="module")
def canzsl() -> PivotGenerator:
    return fitted(CANZSL, steps=60, inverse_hidden=32, cycle_steps=3)


@pytest.mark.parametrize("name", ["gazsl", "canzsl"])
def test_neighbours_of_synthetic_samples_tell_classes_seen_and_unseen(
    name: str, request: pytest.FixtureRequest
) -> None:
    generator, ctx = request.getfixturevalue(name), context(5)
    features, labels = generator.training_set(toy(), ctx)
    made = generator.generate(UNSEEN, 30, ctx)
    knn = NearestNeighbours()
    knn.fit(View(features, labels, toy().semantics, {Need.SYNTHETIC: made}), ctx)
    classes = ClassSet("all", torch.cat([toy().semantics, UNSEEN]), torch.arange(6))
    predicted = knn.scores(samples_of(classes.semantics, 20, 9), classes).argmax(1)
    right = (predicted == torch.arange(6).repeat_interleave(20)).float()
    assert right[:80].mean() > 0.8
    assert right[80:].mean() > 0.6


def test_samples_of_seen_classes_are_synthetic_unless_switched_off(gazsl: PivotGenerator) -> None:
    features, labels = gazsl.training_set(toy(), context())
    assert torch.bincount(labels).tolist() == [30] * 4
    assert torch.cdist(features.view(4, 30, 4).mean(1), toy().semantics).argmin(1).tolist() == [0, 1, 2, 3]
    real, of_real = fitted(GAZSL, steps=1, synthetic_seen=False).training_set(toy(), context())
    assert torch.equal(real, toy().features)
    assert torch.equal(of_real, toy().labels)


def test_the_inverse_gives_the_semantics_of_seen_classes_back(canzsl: CANZSL) -> None:
    noise = torch.randn(80, 3, generator=torch.Generator().manual_seed(1))
    back = canzsl.inverse(noise, samples_of(toy().semantics, 20, 8)).detach()
    assert (torch.cdist(back, toy().semantics).argmin(1) == torch.arange(4).repeat_interleave(20)).float().mean() > 0.9


def test_without_a_cycle_loss_it_is_gazsl() -> None:
    without, plain = (fitted(cls, steps=5, **more) for cls, more in ((CANZSL, {"cycle_loss": 0.0}), (GAZSL, {})))
    assert torch.equal(*(each.generate(UNSEEN, 5, context(1)) for each in (without, plain)))


def test_the_losses_of_a_step_follow_in_turn_and_move_the_networks_they_are_about() -> None:
    generator, ctx = CANZSL(CANZSLConfig(**TINY, steps=1, inverse_hidden=8, critic_steps=1, cycle_steps=2)), context()
    training = next(generator.trainings(toy(), ctx))
    turns = [(descent, batch) for descent in training.descents for batch in descent.batches()]
    named = [next(iter(descent.loss(*batch))) for descent, batch in turns]
    assert named == ["critic", "generator", "inverse_critic", "inverse", "cycle", "cycle"]
    networks = [generator.gan.critic, generator.gan.generator, generator.inverse_critic, generator.inverse]
    for (descent, batch), moved in zip(turns, ["1000", "0100", "0010", "0001", "0101", "0101"], strict=True):
        before = [nn.utils.parameters_to_vector(each.parameters()).clone() for each in networks]
        run([replace(training, descents=[replace(descent, batches=lambda batch=batch: [batch])])], [ctx])
        after = [nn.utils.parameters_to_vector(each.parameters()) for each in networks]
        assert "".join(str(int(not torch.equal(*pair))) for pair in zip(before, after, strict=True)) == moved


def test_each_network_has_one_adam_for_all_its_losses() -> None:
    generator, ctx = CANZSL(CANZSLConfig(**TINY, steps=1, inverse_hidden=8, critic_steps=2, cycle_steps=3)), context()
    training = next(generator.trainings(toy(), ctx))
    steps = make_steps([training], ctx)
    for step, descent in zip(steps, training.descents, strict=True):
        for batch in descent.batches():
            step(*batch)
    taken: dict[nn.Parameter, list[int]] = {}
    for adam in {adam for step in steps for adam in step._optimisers}:
        for parameter, state in adam.state.items():
            taken.setdefault(parameter, []).append(int(state["step"]))
    networks = [generator.gan.critic, generator.gan.generator, generator.inverse_critic, generator.inverse]
    assert [taken[next(each.parameters())] for each in networks] == [[2], [4], [2], [4]]


def test_the_cycle_and_inverse_losses_are_those_of_the_samples_one_by_one() -> None:
    generator, ctx = CANZSL(CANZSLConfig(**TINY, inverse_hidden=8, weight_loss=0.01, cycle_loss=2.0)), context()
    training = next(generator.trainings(toy(), ctx))
    (z, x), (z1, z2, a), *_ = training.descents[3].batches()
    inverse, G = generator.inverse, generator.gan.generator
    each = [(inverse(z2[i : i + 1], G(z1[i : i + 1], a[i : i + 1])) - a[i]).square().mean() for i in range(32)]
    torch.testing.assert_close(generator._cycle_loss(z1, z2, a)["cycle"], 2 * torch.stack(each).mean())
    terms = generator._inverse_loss(z, x)
    torch.testing.assert_close(terms["inverse"], -generator.inverse_critic(inverse(z, x)).mean())
    squares = sum(layer.weight.square().sum() for layer in inverse.layers if isinstance(layer, nn.Linear))
    torch.testing.assert_close(terms["inverse_weights"], 0.01 * squares)


def test_seeds_trained_together_come_out_as_apart() -> None:
    config = CANZSLConfig(**TINY, steps=2, inverse_hidden=8, cycle_steps=1)
    contexts = [Context(torch.device("cpu"), seed) for seed in (0, 1)]
    together = fit_together(lambda: CANZSL(config), [toy(), toy()], contexts)
    for seed, one in enumerate(together):
        apart = fit_together(lambda: CANZSL(config), [toy()], [Context(torch.device("cpu"), seed)])[0]
        samples = [each.generate(UNSEEN, 3, context(7)) for each in (one, apart)]
        torch.testing.assert_close(*samples, rtol=1e-3, atol=1e-4)


def test_the_methods_classify_by_neighbours() -> None:
    assert {each.classifier for each in [*gazsl_methods(), *canzsl_methods()]} == {"knn"}


@pytest.mark.parametrize(("field", "value"), [("output", "softplus"), ("beta2", 1.0), ("noise_dim", 0), ("steps", 0)])
def test_config_refuses_what_is_out_of_range(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{field}\n  Input should be"):
        PivotConfig(**{field: value})
