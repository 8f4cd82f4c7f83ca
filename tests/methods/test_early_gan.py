"""Early-GAN: Confidence Score, proxies, entropy separation and routing."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gzslbench.contract import Classifier, Context, Gate, Need, View
from gzslbench.contract.views import ClassSet
from gzslbench.errors import ProtocolError
from gzslbench_plugins.early_gan import (
    METHODS,
    gzslbench_classifiers,
    gzslbench_gates,
    gzslbench_generators,
    gzslbench_methods,
)
from gzslbench_plugins.early_gan.confidence import confidence_score
from gzslbench_plugins.early_gan.entropy_separation import (
    EntropyConfig,
    EntropySeparation,
    entropy,
    route,
    separation_loss,
)
from gzslbench_plugins.early_gan.generator import EarlyGAN, EarlyGANConfig

from .conftest import context

TINY_GAN = {
    "generator_hidden": 32,
    "critic_hidden": 32,
    "batch_size": 32,
    "softmax_epochs": 10,
    "score_every": 5,
    "score_samples": 64,
    "learning_rate": 5e-3,
    "initial_std": 0.2,
}
TINY = {"hidden": 32, "latent": 8, "batch_size": 32, "learning_rate": 3e-3}
INF = math.inf


def toy(**offers: Tensor) -> View:
    """Four seen classes, features being noisy semantics; the view offers nothing beyond ``offers``."""
    rng = torch.Generator().manual_seed(3)
    semantics = torch.eye(4) * 0.8 + 0.1
    labels = torch.arange(4).repeat_interleave(50)
    features = semantics[labels] + 0.05 * torch.randn(200, 4, generator=rng)
    return View(features, labels, semantics, {Need[name.upper()]: value for name, value in offers.items()})


def outside(count: int = 200) -> Tensor:
    """Samples of two classes that share their first attribute with a seen one."""
    rng = torch.Generator().manual_seed(4)
    centres = torch.tensor([[0.9, 0.6, 0.1, 0.1], [0.1, 0.1, 0.6, 0.9]])
    return centres.repeat(count // 2, 1) + 0.05 * torch.randn(count, 4, generator=rng)


def fitted_gan(**settings: object) -> tuple[EarlyGAN, Context]:
    generator, ctx = EarlyGAN(EarlyGANConfig(**{**TINY_GAN, **settings})), context()
    generator.fit(toy(), ctx)
    return generator, ctx


def fitted_module(**settings: object) -> EntropySeparation:
    module = EntropySeparation(EntropyConfig(**{**TINY, "steps": 300, **settings}))
    module.fit(toy(outside=outside()), context())
    return module


# Confidence Score, Eq. 7


def test_confidence_score_of_identical_predictions_is_one() -> None:
    p = torch.tensor([0.7, 0.2, 0.1]).expand(10, 3)
    assert confidence_score(p).item() == pytest.approx(1)


def test_confidence_score_of_perfectly_separated_samples_is_the_number_of_classes() -> None:
    assert confidence_score(torch.eye(6).repeat(4, 1)).item() == pytest.approx(6)


def test_confidence_score_by_hand() -> None:
    # p(y) = (1/2, 1/2); each KL = 0.9 ln 1.8 + 0.1 ln 0.2
    p = torch.tensor([[0.9, 0.1], [0.1, 0.9]])
    assert confidence_score(p).item() == pytest.approx(math.exp(0.9 * math.log(1.8) + 0.1 * math.log(0.2)))


@given(st.integers(2, 8), st.integers(1, 30), st.integers(0, 10_000))
def test_confidence_score_lies_between_one_and_the_number_of_classes(classes: int, samples: int, seed: int) -> None:
    logits = 5 * torch.randn(samples, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    p = logits.softmax(1)
    by_definition = (p * (p / p.mean(0)).log()).sum(1).mean().exp()
    torch.testing.assert_close(confidence_score(p), by_definition)
    assert 1 - 1e-9 <= confidence_score(p).item() <= classes + 1e-9


# Generator


def test_generator_never_asks_for_unseen_semantics() -> None:
    generator, _ = fitted_gan(steps=4)  # the toy view offers nothing: any need raises ProtocolError
    with pytest.raises(ProtocolError):
        _ = toy().unseen_semantics
    assert EarlyGAN.info.needs == ()
    assert generator.proxies(10, context()).shape == (10, 4)


@pytest.fixture(scope="module")
def banded() -> tuple[EarlyGAN, Context]:
    """A generator trained long enough to cross a band of Confidence Scores from 1.3 to 1.6."""
    return fitted_gan(steps=150, softmax_epochs=1000, score_low=0.1, score_high=0.2, score_samples=1000)


def test_admissible_states_are_those_inside_the_band(banded: tuple[EarlyGAN, Context]) -> None:
    notes = banded[1].notes
    curve = dict(zip(notes["confidence_steps"], notes["confidence_scores"], strict=True))
    assert list(curve) == list(range(0, 151, 5))
    assert notes["confidence_band"] == pytest.approx([1.3, 1.6])
    assert notes["admissible_steps"] == [step for step, score in curve.items() if 1.3 < score < 1.6]
    assert 0 < len(notes["admissible_steps"]) < 30
    assert curve[0] < 1.3
    assert curve[150] > 1.6
    assert "warning" not in notes


def test_kept_states_still_have_the_score_they_were_kept_for(banded: tuple[EarlyGAN, Context]) -> None:
    generator, _ = banded
    labels = torch.arange(2000) % 4
    for state in (generator.admissible[0], generator.admissible[-1]):
        samples = generator._sample(state.weights, labels, context(8)).detach()
        assert confidence_score(generator.ptc(samples).softmax(1)).item() == pytest.approx(state.score, abs=0.1)


def test_without_an_admissible_state_the_closest_is_used_and_noted() -> None:
    generator, ctx = fitted_gan(steps=6, score_low=0.998, score_high=0.999)
    assert ctx.notes["admissible_steps"] == []
    assert f"step {generator.closest.step}" in ctx.notes["warning"]
    middle = sum(ctx.notes["confidence_band"]) / 2
    nearest = min(ctx.notes["confidence_scores"], key=lambda score: abs(score - middle))
    assert generator.closest.score == nearest
    assert generator.proxies(9, context()).shape == (9, 4)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.25, 0.6])
def test_a_single_state_gives_the_proxies_whatever_its_score(share: float) -> None:
    _, whole = fitted_gan(steps=40)
    generator, ctx = fitted_gan(steps=40, single_state=share)
    curve, whole_curve = (
        dict(zip(each.notes["confidence_steps"], each.notes["confidence_scores"], strict=True)) for each in (ctx, whole)
    )
    assert max(curve) == round(40 * share)
    assert all(whole_curve[step] == score for step, score in curve.items() if step % 5 == 0)
    assert "warning" not in ctx.notes
    z = generator.gan.noise(8, context(4))
    expected = generator.gan.generator(z, generator.gan.semantics[torch.arange(8) % 4])
    torch.testing.assert_close(generator.proxies(8, context(4)), expected)


def test_samples_of_some_states_are_kept_for_figures() -> None:
    ctx = context()
    ctx.keeps_samples = True
    generator = EarlyGAN(EarlyGANConfig(**TINY_GAN, steps=40))
    generator.fit(toy(), ctx)
    assert list(ctx.samples) == ["step 0", "step 10", "step 20", "step 30", "step 40"]
    assert {each.shape for each in ctx.samples.values()} == {(64, 4)}


def test_proxies_are_spread_evenly_over_states_and_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, _ = fitted_gan(steps=20, score_low=0.0, score_high=1.0)
    assert len(generator.admissible) == 4
    asked: list[Tensor] = []
    sample = generator._sample
    monkeypatch.setattr(generator, "_sample", lambda w, labels, ctx: asked.append(labels) or sample(w, labels, ctx))
    states = len(generator.admissible)
    proxies = generator.proxies(8 * states, context())
    assert [len(labels) for labels in asked] == [8] * states
    assert all(labels.bincount(minlength=4).tolist() == [2, 2, 2, 2] for labels in asked)
    assert proxies.shape == (8 * states, 4)
    assert not proxies.requires_grad
    assert (proxies >= 0).all()


def test_same_seed_same_proxies() -> None:
    first, second = (fitted_gan(steps=6)[0].proxies(5, context(1)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, fitted_gan(steps=6)[0].proxies(5, context(2)))


def test_it_can_make_proxies_while_it_trains() -> None:
    generator, lent, shapes = EarlyGAN(EarlyGANConfig(**{**TINY_GAN, "steps": 10})), context(), []
    lent.on_checkpoint = lambda stage, step: shapes.append(generator.proxies(3, context()).shape)
    generator.fit(toy(), lent)
    assert len(shapes) == 10


# Entropy separation, Eq. 8 and 9


def test_entropy_is_in_nats() -> None:
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [100.0, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(entropy(logits), torch.tensor([math.log(4), 0.0]))


@pytest.mark.parametrize(("gamma", "expected"), [(1.0, 1 - math.log(4)), (2.0, 2 - math.log(4))])
def test_separation_loss_by_hand(gamma: float, expected: float) -> None:
    certain, uniform = torch.eye(4) * 100, torch.zeros(3, 4)
    assert separation_loss(certain, uniform, gamma).item() == pytest.approx(max(0, expected), abs=1e-6)
    assert separation_loss(uniform, certain, gamma).item() == pytest.approx(gamma + math.log(4), abs=1e-6)


@pytest.mark.slow
def test_training_moves_the_entropies_of_proxies_away_from_those_of_seen_samples() -> None:
    gap = {}
    for weight in (0.0, 1.0):
        module = fitted_module(separation_weight=weight)
        h_seen, h_proxy = (
            entropy(module.module.C(module.module.f_v(x))).mean().item() for x in (toy().features, outside())
        )
        gap[weight] = h_proxy - h_seen
    assert gap[1.0] > 0.9  # the margin, nearly
    assert gap[1.0] > gap[0.0] + 0.3


def test_loss_is_the_weighted_sum_of_its_terms() -> None:
    weights = dict.fromkeys(("autoencoder_weight", "latent_weight", "classifier_weight", "separation_weight"), 0.0)
    module, view = fitted_module(steps=1), toy()

    def loss(**settings: float) -> Tensor:
        module.config = EntropyConfig(**{**TINY, **weights, **settings})
        return sum(module._loss(view.semantics, view.features, view.labels, outside()).values())

    net = module.module
    latent = net.f_v(view.features)
    autoencoder = (net.g(latent) - view.features).square().mean()
    matching = (latent - net.f_s(view.semantics)[view.labels]).square().mean()
    log_p = net.C(latent).log_softmax(1)
    classification = -log_p[torch.arange(len(log_p)), view.labels].mean()
    torch.testing.assert_close(loss(autoencoder_weight=1), autoencoder)
    torch.testing.assert_close(loss(latent_weight=1), matching)
    torch.testing.assert_close(loss(classifier_weight=1), classification)
    torch.testing.assert_close(loss(autoencoder_weight=2, classifier_weight=3), 2 * autoencoder + 3 * classification)


# Inference, Eq. 10


def test_route_by_hand_including_the_thresholds_themselves() -> None:
    entropies = torch.tensor([0.49, 0.5, 1.0, 1.5, 1.51])
    seen, either, unseen = [0.0, -INF], [0.0, 0.0], [-INF, 0.0]
    assert route(entropies, 0.5, 1.5).tolist() == [seen, either, either, either, unseen]


def test_the_gate_decides_by_the_entropy_that_it_tells() -> None:
    module = EntropySeparation(EntropyConfig(**TINY, steps=50))
    proxies = torch.rand(100, 4)
    module.fit(toy(outside=proxies), context())
    told = module.unseen_score(proxies)
    p = module.module.C(module.module.f_v(proxies)).softmax(1).double()
    torch.testing.assert_close(told.double(), -(p * p.log()).sum(1), atol=1e-5, rtol=1e-4)
    assert torch.equal(module.log_prior(proxies), route(told, 0.5, 1.5))


def test_one_threshold_leaves_no_margin() -> None:
    assert route(torch.tensor([0.9, 1.1]), 1.0, 1.0).tolist() == [[0.0, -INF], [-INF, 0.0]]


def test_the_gate_sends_seen_samples_and_outsiders_apart() -> None:
    module = fitted_module(gamma=1.2, delta_l=0.5, delta_h=0.9)
    seen, unseen = module.log_prior(toy().features), module.log_prior(outside())
    assert (seen[:, 1] == -INF).float().mean() > 0.8
    assert (unseen[:, 0] == -INF).float().mean() > 0.8


def class_sets() -> tuple[ClassSet, ClassSet, ClassSet]:
    seen, unseen = toy().semantics, torch.tensor([[0.9, 0.9, 0.1, 0.1], [0.1, 0.1, 0.9, 0.9]])
    return (
        ClassSet("seen", seen, torch.arange(4)),
        ClassSet("unseen", unseen, torch.arange(4, 6)),
        ClassSet("all", torch.cat([seen, unseen]), torch.arange(6)),
    )


@pytest.mark.parametrize("compatibility", ["negative squared distance", "cosine", "inner product"])
def test_it_scores_every_domain(compatibility: str) -> None:
    module, x = fitted_module(compatibility=compatibility), toy().features
    seen, unseen, everything = (module.scores(x, classes) for classes in class_sets())
    assert (seen.shape, unseen.shape, everything.shape) == ((200, 4), (200, 2), (200, 6))
    assert all(each.isfinite().all() and not each.requires_grad for each in (seen, unseen, everything))
    assert (seen.argmax(1) == toy().labels).float().mean() > 0.95
    torch.testing.assert_close(everything[:, 4:], unseen, rtol=1e-4, atol=1e-4)


def test_negative_squared_distance_is_the_default_compatibility() -> None:
    module, x, (_, unseen, _) = fitted_module(steps=5), toy().features, class_sets()
    semantics = unseen.semantics / unseen.semantics.norm(dim=1, keepdim=True)
    v, s = module.module.f_v(x), module.module.f_s(semantics)
    torch.testing.assert_close(module.scores(x, unseen), -(v[:, None] - s).square().sum(2), rtol=1e-3, atol=1e-4)


def test_seen_scores_follow_the_order_of_the_class_set() -> None:
    module, x, (seen, _, _) = fitted_module(steps=5), toy().features, class_sets()
    order = torch.tensor([2, 0, 3, 1])
    shuffled = ClassSet("seen", seen.semantics[order], order)
    torch.testing.assert_close(module.scores(x, shuffled), module.scores(x, seen)[:, order])


def test_module_plays_both_roles_and_needs_no_unseen_semantics() -> None:
    assert issubclass(EntropySeparation, Gate)
    assert issubclass(EntropySeparation, Classifier)
    assert gzslbench_gates() == gzslbench_classifiers() == [EntropySeparation]
    assert EntropySeparation.info.needs == (Need.OUTSIDE,)
    with pytest.raises(ProtocolError):
        EntropySeparation(EntropyConfig(**TINY)).fit(toy(), context())


def test_same_seed_same_module() -> None:
    first, second = (fitted_module(steps=5).scores(outside(), class_sets()[2]) for _ in range(2))
    assert torch.equal(first, second)


def test_hooks_register_what_the_method_names() -> None:
    complete, *variants = METHODS
    assert gzslbench_methods() == METHODS
    assert [each.info.name for each in gzslbench_generators()] == [complete.generator]
    assert complete.gate == complete.classifier == EntropySeparation.info.name
    assert {each.variant_of for each in variants} == {"early-gan", ""}


@pytest.mark.parametrize(
    ("config", "settings", "field"),
    [
        (EarlyGANConfig, {"score_low": 0.5, "score_high": 0.5}, "score_low must be below score_high"),
        (EarlyGANConfig, {"score_high": 1.5}, "score_high\n"),
        (EarlyGANConfig, {"score_every": 0}, "score_every"),
        (EarlyGANConfig, {"proxy_count": 0}, "proxy_count"),
        (EarlyGANConfig, {"batch_size": 0}, "batch_size"),
        (EntropyConfig, {"delta_l": 2.0}, "delta_l must be at most delta_h"),
        (EntropyConfig, {"gamma": -1.0}, "gamma"),
        (EntropyConfig, {"steps": 0}, "steps"),
        (EntropyConfig, {"learning_rate": 0.0}, "learning_rate"),
        (EntropyConfig, {"separation_weight": -0.1}, "separation_weight"),
        (EntropyConfig, {"compatibility": "distance"}, "compatibility"),
    ],
)
def test_config_refuses_what_is_out_of_range(config: type, settings: dict[str, object], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        config(**settings)
