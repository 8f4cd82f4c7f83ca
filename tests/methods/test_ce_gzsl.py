"""CE-GZSL: its losses against loops over samples, its comparator against pairs side by side, its quirk in a loop."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, leaky_relu

from gzslbench.contract import View
from gzslbench.training.loop import Objective, run
from gzslbench.training.replicas import Replicas
from gzslbench_plugins.ce_gzsl import comparator
from gzslbench_plugins.ce_gzsl.accumulation import PiledGradients
from gzslbench_plugins.ce_gzsl.comparator import Comparator, class_loss, pair_scores
from gzslbench_plugins.ce_gzsl.embedding import Embedding, instance_loss
from gzslbench_plugins.ce_gzsl.generator import CEGZSL, CEGZSLConfig

from .conftest import context

TINY = {
    "steps": 6,
    "critic_steps": 2,
    "batch_size": 32,
    "generator_hidden": 32,
    "critic_hidden": 32,
    "embedding_dim": 16,
    "projection_dim": 8,
    "comparator_hidden": 24,
    "learning_rate": 5e-3,
    "initial_std": 0.2,
}


def toy(classes: int = 4) -> View:
    """Classes whose features are their semantics plus a little noise."""
    rng = torch.Generator().manual_seed(3)
    semantics = torch.eye(classes) * 0.8 + 0.1
    labels = torch.arange(classes).repeat_interleave(50)
    features = semantics[labels] + 0.05 * torch.randn(len(labels), classes, generator=rng)
    return View(features.clamp(0, 1), labels, semantics)


def fitted(view: View | None = None, **settings: object) -> CEGZSL:
    ctx = context()
    generator = CEGZSL(CEGZSLConfig(**{**TINY, **settings}))  # type: ignore[arg-type]
    generator.fit(view or toy(), ctx)
    return generator


@pytest.fixture
def instances() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    z = nn.functional.normalize(torch.randn(7, 5, dtype=torch.float64), dim=1)
    return z, torch.tensor([0, 1, 1, 2, 0, 1, 3])  # 2 and 3 stand alone


@pytest.mark.parametrize("competing", [False, True])
def test_the_instance_loss_is_eq_3_averaged_over_pairs_of_a_class(
    instances: tuple[Tensor, Tensor], competing: bool
) -> None:
    z, labels = instances
    samples = []
    for i, own in enumerate(labels):
        others = [j for j in range(len(z)) if j != i]
        positives = [j for j in others if labels[j] == own]
        losses = []
        for j in positives:
            rivals = others if competing else [j, *(k for k in others if labels[k] != own)]
            weights = {k: math.exp(float(z[i] @ z[k]) / 0.3) for k in rivals}
            losses.append(-math.log(weights[j] / sum(weights.values())))
        samples += [sum(losses) / len(losses)] if losses else []
    assert len(samples) == 5
    assert instance_loss(z, labels, 0.3, competing).item() == pytest.approx(sum(samples) / len(samples), rel=1e-9)


@pytest.mark.parametrize("competing", [False, True])
def test_the_gradient_of_the_instance_loss(instances: tuple[Tensor, Tensor], competing: bool) -> None:
    z, labels = instances
    assert torch.autograd.gradcheck(lambda z: instance_loss(z, labels, 0.3, competing), z.requires_grad_())


def test_a_batch_without_pairs_of_a_class_teaches_nothing() -> None:
    z = torch.eye(3).requires_grad_()
    loss = instance_loss(z, torch.arange(3), 0.1, competing_positives=False)
    loss.backward()
    assert loss == 0
    assert not z.grad.any()


@pytest.mark.parametrize("block", [1, 50, 1 << 18])
def test_pairs_are_scored_as_if_they_stood_side_by_side(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setitem(comparator.BLOCK, "cpu", block)
    torch.manual_seed(2)
    net = Comparator(6, 4, 9).double()
    h, a = torch.randn(11, 6, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    first = torch.cat([net.from_embedding.weight, net.from_semantics.weight], dim=1)
    pairs = torch.cat([h.repeat_interleave(3, dim=0), a.repeat(11, 1)], dim=1)
    hidden = leaky_relu(pairs @ first.T + net.from_semantics.bias, 0.2)
    torch.testing.assert_close(net(h, a), net.head(hidden).reshape(11, 3))


@pytest.mark.parametrize("block", [1, 50, 1 << 18])
def test_the_gradient_of_pair_scores(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setitem(comparator.BLOCK, "cpu", block)
    torch.manual_seed(3)
    u, v, w = (torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in ((8, 5), (3, 5), (5,)))
    assert torch.autograd.gradcheck(pair_scores, (u, v, w))


def test_the_class_loss_is_the_mean_surprise_at_the_class() -> None:
    scores, labels = torch.randn(5, 3, generator=torch.Generator().manual_seed(4)), torch.tensor([0, 2, 2, 1, 0])
    shares = (scores / 0.1).double().exp()
    expected = -(shares[torch.arange(5), labels] / shares.sum(dim=1)).log().mean()
    assert class_loss(scores, labels, 0.1).item() == pytest.approx(expected.item(), rel=1e-5)


def test_h_is_not_negative_and_z_of_length_one() -> None:
    torch.manual_seed(0)
    h, z = Embedding(5, 7, 3)(torch.randn(6, 5))
    assert (h >= 0).all()
    torch.testing.assert_close(z.norm(dim=1), torch.ones(6))


def test_gradients_pile_up_until_they_are_reset() -> None:
    torch.manual_seed(5)
    net, other = Comparator(3, 2, 4), Comparator(3, 2, 4)
    other.load_state_dict(net.state_dict())
    piled, a = PiledGradients(net), torch.randn(5, 2)
    optimisers = [torch.optim.Adam(each.parameters(), lr=1e-2) for each in (net, other)]
    for step in range(6):
        if step == 3:  # a new epoch, for the released code
            piled.reset()
            other.zero_grad()
        h = torch.randn(8, 3)
        optimisers[0].zero_grad()
        piled(h, a).square().sum().backward()
        other(h, a).square().sum().backward()  # never reset within an epoch
        for optimiser in optimisers:
            optimiser.step()
        for ours, released in zip(net.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(ours, released)


def test_the_comparator_follows_one_step_or_all_of_an_epoch() -> None:
    for critic_steps, alike in ((1, True), (2, False)):
        made = [fitted(comparator_gradients=which, critic_steps=critic_steps, steps=1) for which in ("step", "epoch")]
        one, other = (each.comparator.from_embedding.weight for each in made)
        assert torch.allclose(one, other, atol=1e-6) == alike


@pytest.mark.parametrize("gradients", ["step", "epoch"])
@pytest.mark.parametrize("turn", [1, 2])
def test_gradients_of_seeds_together_are_those_of_each_alone(turn: int, gradients: str) -> None:
    config = CEGZSLConfig(**{**TINY, "comparator_gradients": gradients})  # type: ignore[arg-type]
    (one, other), (again, too) = (  # twins, since stacking replaces what the networks hold
        [next(CEGZSL(config).trainings(toy(), context(seed))).descents[turn] for seed in (0, 1)] for _ in range(2)
    )
    batches = [next(iter(descent.batches())) for descent in (one, other)]
    replicas = Replicas()
    evaluate = replicas.evaluate([Objective(one, ""), Objective(other, "")])
    stacks = [replicas.stack(pair) for pair in zip(one.parameters(), other.parameters(), strict=True)]
    for _ in range(2):
        terms = evaluate(*map(torch.stack, zip(*batches, strict=True)))
        together = torch.autograd.grad(sum(term.sum() for term in terms.values()), stacks, allow_unused=True)
        for position, (descent, batch) in enumerate(zip((again, too), batches, strict=True)):
            loss = sum(descent.loss(*batch).values())
            alone = torch.autograd.grad(loss, descent.parameters(), allow_unused=True)
            for ours, expected in zip(together, alone, strict=True):
                torch.testing.assert_close(ours[position], expected, atol=1e-6, rtol=1e-4)


def test_batches_hold_no_sample_twice() -> None:
    view, ctx = toy(), context()
    generator = CEGZSL(CEGZSLConfig(**{**TINY, "batch_size": 200}))  # type: ignore[arg-type]
    (training,) = generator.trainings(view, ctx)
    _, embedding, _ = training.descents
    (first, labels), _ = embedding.batches()
    assert len(first.unique(dim=0)) == len(view.features.unique(dim=0))
    assert labels.bincount().tolist() == [50] * 4


def test_each_descent_trains_its_own_networks() -> None:
    view, ctx = toy(), context()
    generator = CEGZSL(CEGZSLConfig(**TINY))  # type: ignore[arg-type]
    (training,) = generator.trainings(view, ctx)
    trained = [list(descent.trains) for descent in training.descents]
    gan = generator.gan
    assert trained == [[gan.critic], [generator.embedding, generator.comparator], [gan.generator]]


def test_the_rate_falls_once_in_so_many_epochs() -> None:
    (training,) = CEGZSL(CEGZSLConfig(**TINY, lr_decay=0.9, lr_decay_epochs=3)).trainings(toy(), context())  # type: ignore[arg-type]
    # 200 samples are 7 batches of 32, and D, E, H and F take two steps to one of G
    assert [each.adam.decay_every for each in training.descents] == [42, 42, 21]
    run([training], [context()])


def test_samples_are_embedded_and_class_major() -> None:
    generator = fitted()
    made = generator.generate(torch.rand(3, 4), 7, context())
    assert made.shape == (3, 7, 16)
    assert not made.requires_grad
    real, labels = generator.training_set(toy(), context())
    torch.testing.assert_close(real, generator.encode(toy().features))
    assert torch.equal(labels, toy().labels)


def test_unseen_classes_are_recognised_in_the_embedding() -> None:
    rng = torch.Generator().manual_seed(6)
    semantics, lift = torch.rand(24, 4, generator=rng), torch.rand(4, 12, generator=rng)
    labels = torch.arange(24).repeat_interleave(30)
    features = (semantics[labels] @ lift + 0.05 * torch.randn(720, 12, generator=rng)) / 3
    seen = labels < 18
    view = View(features[seen].clamp(0, 1), labels[seen], semantics[:18])
    generator = fitted(view, steps=150, batch_size=64, semantic_norm=2.0, class_weight=0.1)
    centres = generator.generate(semantics[18:], 60, context()).mean(dim=1)
    nearest = torch.cdist(generator.encode(features[~seen]), centres).argmin(dim=1)
    assert (nearest == labels[~seen] - 18).double().mean() > 0.4  # chance is a sixth


def test_the_class_loss_of_the_generator_reaches_its_samples() -> None:
    def surprise(weight: float) -> Tensor:
        generator = fitted(steps=60, class_weight=weight)
        made = generator.generate(toy().semantics, 50, context(5)).flatten(0, 1)
        scores = generator.comparator(made, generator.gan.semantics)
        return cross_entropy(scores, torch.arange(4).repeat_interleave(50))

    assert surprise(3.0) < surprise(0.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [("embedding_dim", 0), ("instance_temperature", 0.0), ("class_weight", -1.0), ("comparator_gradients", "never")],
)
def test_config_refuses_what_is_out_of_range(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        CEGZSLConfig(**{field: value})  # type: ignore[arg-type]
