"""LisGAN: k-means against scikit-learn, its losses against plain loops, and the cascade of its last stage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.cluster import KMeans
from torch import Tensor

from gzslbench.contract import ClassSet, Context, Need, View
from gzslbench.contract.compatibility import obstacle
from gzslbench.contract.parts import Parts
from gzslbench.contract.protocol import protocol_named
from gzslbench.training import fit_together
from gzslbench.training.loop import run
from gzslbench_plugins.lisgan import gzslbench_classifiers, gzslbench_generators, gzslbench_methods
from gzslbench_plugins.lisgan.cascade import Cascade, CascadeConfig, confident
from gzslbench_plugins.lisgan.generator import LisGAN, LisGANConfig
from gzslbench_plugins.lisgan.souls import SoulSamples, k_means, soul_samples
from gzslbench_plugins.no_gate.gate import NoGate

from .conftest import context, four_classes

TINY = {
    "generator_hidden": 32,
    "critic_hidden": 32,
    "batch_size": 32,
    "softmax_epochs": 5,
    "mean_samples": 4,
    "learning_rate": 5e-3,
    "initial_std": 0.2,
}
UNSEEN = torch.tensor([[0.9, 0.9, 0.1, 0.1], [0.1, 0.1, 0.9, 0.9]])


def groups(rng: torch.Generator) -> Tensor:
    """Draw thirty samples around each of three points that lie well apart."""
    centres = torch.tensor([[0.0, 0.0, 4.0], [4.0, 0.0, 0.0], [0.0, 4.0, 0.0]])
    return centres.repeat_interleave(30, dim=0) + 0.3 * torch.randn(90, 3, generator=rng)


@pytest.mark.parametrize("seed", range(3))
def test_k_means_finds_scikit_learns_groups(seed: int) -> None:
    X = groups(torch.Generator().manual_seed(seed))
    theirs = KMeans(3, n_init=5, random_state=0).fit(X.numpy()).cluster_centers_
    ours = k_means(X, 3, context(seed)).numpy()
    np.testing.assert_allclose(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)], atol=1e-4)


def test_samples_all_alike_or_fewer_than_groups_are_grouped_all_the_same() -> None:
    for X in (torch.ones(5, 2), torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 2.0], [3.0, 4.0]])):
        means = k_means(X, 3, context())
        assert means.shape == (3, 2)
        assert torch.cdist(means, X).amin(1).max() < 1e-6


def test_souls_are_of_each_class_by_itself() -> None:
    data = four_classes()
    shuffled = torch.randperm(200, generator=torch.Generator().manual_seed(1))
    souls = soul_samples(View(data.features[shuffled], data.labels[shuffled], data.semantics), 3, context()).souls
    assert souls.shape == (4, 3, 4)
    assert torch.equal(torch.cdist(souls, data.semantics).argmin(2), torch.arange(4)[:, None].expand(4, 3))


def test_the_distances_from_souls_are_those_of_the_samples_one_by_one() -> None:
    rng = torch.Generator().manual_seed(2)
    souls, fake = torch.rand(4, 3, 5, generator=rng), torch.rand(8, 5, generator=rng)
    labels, net = torch.tensor([3, 0, 0, 2, 1, 1, 3, 2]), SoulSamples(souls)
    by_sample = [min(float(((x - s) ** 2).sum()) for s in souls[c]) for x, c in zip(fake, labels, strict=True)]
    assert float(net.sample_loss(fake, labels)) == pytest.approx(np.mean(by_sample), rel=1e-5)
    means = [(fake[2 * c] + fake[2 * c + 1]) / 2 for c in range(4)]  # two fakes a class, class-major
    by_class = [min(float(((mean - s) ** 2).sum()) for s in souls[c]) for c, mean in enumerate(means)]
    assert float(net.mean_loss(fake)) == pytest.approx(np.mean(by_class), rel=1e-5)


def fitted(**settings: object) -> LisGAN:
    generator = LisGAN(LisGANConfig(**{**TINY, **settings}))
    generator.fit(four_classes(), context())
    return generator


def test_a_step_judges_a_batch_and_the_means_of_all_classes() -> None:
    generator, ctx = LisGAN(LisGANConfig(**TINY, class_loss=0.5)), context()
    stages = generator.trainings(four_classes(), ctx)
    run([next(stages)], [ctx])
    z, a, labels = next(iter(next(stages).descents[1].batches()))
    assert (len(z), len(labels)) == (32 + 4 * 4, 32)
    assert torch.equal(a[32:], four_classes().semantics.repeat_interleave(4, dim=0))
    assert torch.equal(a[:32], four_classes().semantics[labels])
    terms, config = generator._loss(z, a, labels), generator.config
    fake = generator.gan.generator(z, a)
    expected = {
        "generator": -generator.gan.critic(fake[:32], a[:32]).mean(),
        "class_loss": 0.5 * torch.nn.functional.cross_entropy(generator.classifier(fake[:32]), labels),
        "sample_loss": config.sample_loss * generator.souls.sample_loss(fake[:32], labels),
        "mean_loss": config.mean_loss * generator.souls.mean_loss(fake[32:]),
    }
    torch.testing.assert_close(terms, expected)


def test_souls_draw_samples_to_them() -> None:
    near, far = (fitted(steps=60, **weights) for weights in ({"sample_loss": 3.0}, {"sample_loss": 0.0}))
    labels = torch.arange(4).repeat_interleave(50)
    distances = [
        float(near.souls.sample_loss(each.generate(four_classes().semantics, 50, context(2)).flatten(0, 1), labels))
        for each in (near, far)
    ]
    assert distances[0] < distances[1] / 2


def test_samples_resemble_their_class_seen_or_unseen() -> None:
    generator = fitted(steps=150, sample_loss=1.0)
    seen, unseen = (generator.generate(each, 100, context(4)).mean(1) for each in (four_classes().semantics, UNSEEN))
    assert torch.cdist(seen, four_classes().semantics).argmin(1).tolist() == [0, 1, 2, 3]
    assert torch.cdist(unseen, UNSEEN).argmin(1).tolist() == [0, 1]


def test_seeds_trained_together_come_out_as_apart() -> None:
    config = LisGANConfig(**{**TINY, "steps": 2, "softmax_epochs": 1, "sample_loss": 1.0})
    together = fit_together(
        lambda: LisGAN(config), [four_classes()] * 2, [Context(torch.device("cpu"), s) for s in (0, 1)]
    )
    for seed, one in enumerate(together):
        apart = fit_together(lambda: LisGAN(config), [four_classes()], [Context(torch.device("cpu"), seed)])[0]
        samples = [each.generate(UNSEEN, 3, context(7)) for each in (one, apart)]
        torch.testing.assert_close(*samples, rtol=1e-3, atol=1e-4)


def test_the_surest_rows_have_the_least_entropy() -> None:
    logits = 3 * torch.randn(40, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    p = logits.softmax(1).numpy()
    surest = scipy.stats.entropy(p, axis=1).argsort()[:10]
    assert confident(logits, 0.25).tolist() == surest.tolist()
    released = scipy.stats.entropy(np.log(p), axis=1)  # divides by the sum
    assert set(confident(logits, 0.25, "entropy of log-probabilities").tolist()) == set((-released).argsort()[:10])


def cascade(test_features: Tensor, **settings: object) -> tuple[Cascade, Context]:
    """Fit on toy classes and on two unseen ones, whose synthetic samples lie beside their real ones."""
    rng = torch.Generator().manual_seed(6)
    synthetic = UNSEEN[:, None] + torch.tensor([0.0, -0.5, 0.0, 0.0]) + 0.05 * torch.randn(2, 50, 4, generator=rng)
    view = replace(four_classes(), offers={Need.SYNTHETIC: synthetic, Need.TEST_FEATURES: test_features})
    classifier, ctx = (
        Cascade(CascadeConfig(**{"epochs": 40, "learning_rate": 1e-2, "ratio": 0.5, **settings})),
        context(),
    )
    classifier.fit(view, ctx)
    return classifier, ctx


def unseen_samples(count: int) -> Tensor:
    return UNSEEN.repeat(count, 1) + 0.05 * torch.randn(2 * count, 4, generator=torch.Generator().manual_seed(8))


def test_the_second_stage_learns_from_the_share_of_test_samples_it_is_told_to() -> None:
    features = unseen_samples(60)
    scores = []
    for ratio in (0.0, 0.5):
        classifier, ctx = cascade(features, ratio=ratio)
        assert ctx.settled_notes() == {"learned_from_test_samples": int(ratio * 120)}
        classes = ClassSet("all", torch.cat([four_classes().semantics, UNSEEN]), torch.arange(6))
        scores.append(classifier.scores(features, classes).softmax(1)[torch.arange(120), 4 + torch.arange(120) % 2])
    assert scores[1].mean() > scores[0].mean()


def test_the_cascade_needs_test_features_and_so_a_transductive_protocol() -> None:
    parts = Parts(LisGAN.info, NoGate.info, Cascade.info)
    assert obstacle(parts, protocol_named("inductive"))
    assert not obstacle(parts, protocol_named("transductive"))


def test_hooks_register_what_the_methods_name() -> None:
    methods = gzslbench_methods()
    assert gzslbench_generators() == [LisGAN]
    assert gzslbench_classifiers() == [Cascade]
    assert [each.name for each in methods if each.classifier == "lisgan-cascade"] == ["lisgan-transductive"]


@pytest.mark.parametrize(("field", "value"), [("souls", 0), ("mean_loss", -1), ("mean_samples", 0), ("per_class", 0)])
def test_config_refuses_what_is_out_of_range(field: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"{field}\n  Input should be"):
        LisGANConfig(**{field: value})
