"""CEWGAN: its losses against a library and plain loops, what each descent trains, and what comes out on toy classes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, linear

from gzslbench.contract import Context
from gzslbench.training.loop import Training, run
from gzslbench_plugins.cewgan import gzslbench_generators, gzslbench_methods
from gzslbench_plugins.cewgan.generator import CEWGAN, CEWGANConfig
from gzslbench_plugins.cewgan.losses import embedding_loss
from gzslbench_plugins.cewgan.networks import DeepFeatureGenerator

from .conftest import context, four_classes

TINY = {
    "generator_hidden": 32,
    "critic_hidden": 32,
    "decoder_hidden": 32,
    "batch_size": 32,
    "learning_rate": 5e-3,
    "initial_std": 0.2,
}


def prepared(**settings: object) -> tuple[CEWGAN, Training, Context]:
    """Make the networks and what trains them, without a step."""
    generator, ctx = CEWGAN(CEWGANConfig(**{**TINY, **settings})), context()
    return generator, next(generator.trainings(four_classes(), ctx)), ctx


@pytest.fixture(scope="module")
def fitted() -> CEWGAN:
    generator = CEWGAN(CEWGANConfig(**{**TINY, "steps": 150}))
    generator.fit(four_classes(), context())
    return generator


def test_the_embedding_loss_is_torchs_for_matching_and_for_drawn_pairs() -> None:
    rng = torch.Generator().manual_seed(1)
    fake, match, other = torch.randn(3, 20, 6, generator=rng, dtype=torch.float64)
    same = torch.rand(20, generator=rng) < 0.3
    library = nn.CosineEmbeddingLoss(margin=0)
    expected = library(fake, match, torch.ones(20)) + library(fake, other, torch.where(same, 1.0, -1.0))
    torch.testing.assert_close(embedding_loss(fake, match, other, same), expected)


def test_the_generator_has_two_hidden_layers_the_second_a_relu() -> None:
    generator = DeepFeatureGenerator(2, 3, 8, 5)
    z, a = torch.randn(7, 2), torch.randn(7, 3)
    first, second, last = (layer for layer in generator.layers if isinstance(layer, nn.Linear))
    h = leaky_relu(linear(torch.cat([z, a], 1), first.weight, first.bias), 0.2)
    expected = last(second(h).clamp(min=0)).clamp(min=0)
    torch.testing.assert_close(generator(z, a), expected)
    assert [tuple(layer.weight.shape) for layer in (first, second, last)] == [(8, 5), (8, 8), (5, 8)]


def test_the_generators_terms_are_those_of_the_samples_one_by_one() -> None:
    generator, training, _ = prepared(embedding_loss=0.7, cycle_loss=0.3)
    z, a, match, other, same = next(iter(training.descents[1].batches()))
    terms = generator._generator_loss(z, a, match, other, same)
    cosine = nn.CosineSimilarity(dim=0)
    critics, embeddings, cycles = [], [], []
    for i in range(len(z)):
        fake = generator.gan.generator(z[i : i + 1], a[i : i + 1])
        critics.append(-generator.gan.critic(fake, a[i : i + 1])[0])
        to_other = cosine(fake[0], other[i])
        embeddings.append(1 - cosine(fake[0], match[i]) + (1 - to_other if same[i] else max(to_other, 0 * to_other)))
        cycles.append((generator.decoder(fake)[0] - a[i]).square().mean())
    expected = [torch.stack(critics), 0.7 * torch.stack(embeddings), 0.3 * torch.stack(cycles)]
    torch.testing.assert_close(torch.stack(list(terms.values())), torch.stack([each.mean() for each in expected]))


def test_matching_features_are_of_the_fakes_class_and_drawn_ones_as_marked() -> None:
    _, training, _ = prepared()
    _, a, match, other, same = next(iter(training.descents[1].batches()))
    classes, others = (torch.cdist(each, four_classes().semantics).argmin(1) for each in (match, other))
    assert torch.equal(four_classes().semantics[classes], a)
    assert torch.equal(classes == others, same)
    assert torch.equal(match.sum(1).sort().values, other.sum(1).sort().values)  # a permutation of the batch


def flat(*networks: nn.Module) -> list[Tensor]:
    return [nn.utils.parameters_to_vector(each.parameters()).clone() for each in networks]


@pytest.mark.parametrize(("turn", "moved"), [(0, [False, True, True]), (1, [True, False, False])])
def test_the_decoder_learns_with_the_critic_and_rests_with_it(turn: int, moved: list[bool]) -> None:
    generator, training, ctx = prepared(steps=1)
    networks = (generator.gan.generator, generator.gan.critic, generator.decoder)
    before = flat(*networks)
    run([replace(training, descents=[training.descents[turn]])], [ctx])
    assert [not torch.equal(*pair) for pair in zip(before, flat(*networks), strict=True)] == moved


def test_samples_resemble_their_class_and_decode_to_its_semantics(fitted: CEWGAN) -> None:
    samples = fitted.generate(four_classes().semantics, 100, context())
    assert samples.shape == (4, 100, 4)
    assert torch.cdist(samples.mean(1), four_classes().semantics).argmin(1).tolist() == [0, 1, 2, 3]
    decoded = fitted.decoder(samples.mean(1)).detach()
    assert torch.cdist(decoded, four_classes().semantics).argmin(1).tolist() == [0, 1, 2, 3]


def test_samples_of_unseen_classes_are_nearer_to_their_own_than_to_others(fitted: CEWGAN) -> None:
    unseen = torch.tensor([[0.9, 0.9, 0.1, 0.1], [0.1, 0.1, 0.9, 0.9]])
    samples = fitted.generate(unseen, 100, context())
    nearest = torch.cdist(samples.flatten(0, 1), unseen).argmin(1).view(2, 100)
    assert (nearest == torch.tensor([[0], [1]])).float().mean() > 0.8


def test_the_method_is_the_generator_behind_its_detector() -> None:
    method = gzslbench_methods()[0]
    assert (method.name, method.generator, method.gate) == ("cewgan", "cewgan", "cewgan-ood")
    assert gzslbench_generators() == [CEWGAN]


@pytest.mark.parametrize(
    ("field", "value"), [("embedding_loss", -1), ("cycle_loss", -1), ("generator_layers", 3), ("decoder_hidden", 0)]
)
def test_config_refuses_what_is_out_of_range(field: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"{field}\n  Input should be"):
        CEWGANConfig(**{field: value})
