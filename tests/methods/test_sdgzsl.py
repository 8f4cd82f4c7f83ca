"""SDGZSL on toy classes, and its losses beside the sample-wise ones of the released code."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from gzslbench.contract import View
from gzslbench.training import Terms
from gzslbench.training.loop import Objective
from gzslbench.training.replicas import Replicas
from gzslbench_plugins.sdgzsl.config import SDGZSLConfig
from gzslbench_plugins.sdgzsl.disentangling import (
    Discriminator,
    RelationNetwork,
    Standardised,
    columns,
    permute_parts,
    relation_loss,
)
from gzslbench_plugins.sdgzsl.dropout import draw_mask
from gzslbench_plugins.sdgzsl.generator import SDGZSL
from gzslbench_plugins.sdgzsl.networks import Decoder, Encoder

from .conftest import context

TINY = {
    "hidden": 48,
    "bottleneck": 16,
    "latent_dim": 4,
    "part_dim": 16,
    "batch_size": 32,
    "learning_rate": 3e-3,
    "encoder_dropout": 0.1,
    "decoder_dropout": 0.1,
    "batch_norm_eps": 0.01,
}


def toy(classes: int = 12, unseen: int = 4) -> tuple[View, Tensor, Tensor]:
    """Classes whose features are a linear map of their semantics plus noise; samples and semantics of unseen ones."""
    rng = torch.Generator().manual_seed(3)
    semantics = torch.rand(classes + unseen, 6, generator=rng)
    labels = torch.arange(classes + unseen).repeat_interleave(30)
    features = (semantics @ torch.rand(6, 10, generator=rng) / 3)[labels]
    features = features + 0.03 * torch.randn(len(labels), 10, generator=rng)
    seen = labels < classes
    return View(features[seen], labels[seen], semantics[:classes]), features[~seen], semantics[classes:]


def fitted(**settings: object) -> SDGZSL:
    generator = SDGZSL(SDGZSLConfig(**{**TINY, **settings}))
    generator.fit(toy()[0], context())
    return generator


@pytest.fixture(scope="module")
def trained() -> SDGZSL:
    return fitted(steps=80, kl_growth=0.1, relation_weight=10.0, learning_rate=6e-3)


def test_parts_of_unseen_samples_lie_near_those_made_for_their_class(trained: SDGZSL) -> None:
    _, samples, semantics = toy()
    centres = trained.generate(semantics, 100, context()).mean(dim=1)
    found = torch.cdist(trained.encode(samples), centres).argmin(dim=1)
    assert (found == torch.arange(4).repeat_interleave(30)).float().mean() > 0.6  # chance is 0.25


def test_relations_start_at_the_share_that_matches_and_become_better_than_it(trained: SDGZSL) -> None:
    view, _, _ = toy()
    network = RelationNetwork(16, view.semantics, 64, compared=12)
    nn.init.zeros_(network.head.weight)
    torch.testing.assert_close(network(torch.randn(3, 16), view.semantics), torch.full((3, 12), 1 / 12))
    relations = trained.relation(trained.encode(view.features), view.semantics)
    errors = (relations - nn.functional.one_hot(view.labels, 12)).square().mean()
    assert errors < 0.75 * (1 / 12) * (11 / 12)  # that of the share for all


@pytest.mark.parametrize("classes", [3, 40])
def test_relation_loss_is_that_over_the_classes_present(classes: int) -> None:
    rng = torch.Generator().manual_seed(5)
    labels, parts = torch.randint(classes, (8,), generator=rng), torch.randn(8, 5, generator=rng)
    semantics, network = torch.randn(classes, 4, generator=rng), RelationNetwork(5, torch.randn(7, 4), 16, compared=7)
    others, shares = columns(labels, classes)
    loss = relation_loss(network(parts, semantics[others]), labels[:, None] == others, shares)
    present = labels.unique()
    errors = [
        (network(parts[i : i + 1], semantics[c][None]).squeeze() - float(labels[i] == c)) ** 2
        for i in range(8)
        for c in present
    ]
    torch.testing.assert_close(loss, torch.stack(errors).mean())


def test_relation_network_is_one_on_pairs() -> None:
    network = RelationNetwork(5, torch.randn(7, 4), 16, compared=7)
    first = nn.Linear(9, 16)
    first.weight.data = torch.cat([network.of_part.weight, network.of_semantics.weight], dim=1)
    first.bias.data = network.of_part.bias
    parts, semantics = torch.randn(3, 5), torch.randn(7, 4)
    standardised = (semantics - network.standardised.centre) / network.standardised.scale
    pairs = torch.stack([torch.stack([torch.cat([part, a]) for a in standardised]) for part in parts])
    expected = network.head(first(pairs).relu()).sigmoid().squeeze(-1)
    torch.testing.assert_close(network(parts, semantics), expected)


def test_standardised_inputs_have_mean_0_and_variance_1() -> None:
    sample = 5 + torch.randn(300, 4) * torch.tensor([1.0, 2.0, 3.0, 4.0])
    standardised = Standardised(sample)(sample)
    torch.testing.assert_close(standardised.mean(dim=0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(standardised.square().mean(), torch.tensor(1.0))
    ratios = standardised.std(dim=0) / sample.std(dim=0)
    torch.testing.assert_close(ratios, ratios[:1].expand(4))


def test_decoders_start_at_the_mean_of_features() -> None:
    view = toy()[0]
    generator = SDGZSL(SDGZSLConfig(steps=1, **TINY))
    next(iter(generator.trainings(view, context())))
    for network in (generator.decoder, generator.autoencoder):
        torch.testing.assert_close(network.last.bias, view.features.mean(dim=0))


def test_total_correlation_is_the_mean_log_odds_that_the_discriminator_learns() -> None:
    discriminator, h, permuted = Discriminator(SDGZSLConfig(part_dim=3)), torch.randn(9, 6), torch.randn(9, 6)
    discriminator.layers[0].bias.data[0] += 2  # far enough for an estimate above 0
    of_one = discriminator.layers(h).softmax(dim=1)
    torch.testing.assert_close(discriminator.total_correlation(h), (of_one[:, 0] / of_one[:, 1]).log().mean())
    of_two = discriminator.layers(permuted).softmax(dim=1)
    torch.testing.assert_close(discriminator.loss(h, permuted), -of_one[:, 0].log().mean() - of_two[:, 1].log().mean())


def test_no_estimate_of_the_total_correlation_is_negative() -> None:
    discriminator, h = Discriminator(SDGZSLConfig(part_dim=3, discriminator_hidden=8)), torch.randn(9, 6)
    discriminator.layers[-1].bias.data[1] += 100
    assert discriminator.total_correlation(h) == 0


@pytest.mark.parametrize(("hidden", "dependence_is_seen"), [(0, False), (16, True)])
def test_only_a_hidden_layer_sees_dependence(hidden: int, dependence_is_seen: bool) -> None:
    ctx = context()
    discriminator = Discriminator(SDGZSLConfig(part_dim=1, discriminator_hidden=hidden))
    adam = torch.optim.Adam(discriminator.parameters(), lr=0.02)
    for _ in range(200):
        h = torch.randn(256, 1, generator=ctx.rng).expand(-1, 2).contiguous()  # h_n is h_s
        loss = discriminator.loss(h, permute_parts(h, ctx))
        adam.zero_grad()
        loss.backward()
        adam.step()
    knows_nothing = 2 * math.log(2)
    assert (float(loss.detach()) < 0.8 * knows_nothing) == dependence_is_seen


def test_squashed_scores_are_bounded() -> None:
    discriminator = Discriminator(SDGZSLConfig(part_dim=3, squashed_scores=True))
    assert discriminator.total_correlation(1e4 * torch.randn(9, 6)).abs() <= 1


def test_permuted_parts_are_the_same_in_other_company() -> None:
    h = torch.arange(40.0).reshape(10, 4)
    permuted = permute_parts(h, context())
    for half, original in zip(permuted.chunk(2, dim=1), h.chunk(2, dim=1), strict=True):
        assert torch.equal(half[half[:, 0].argsort()], original)
    assert not torch.equal(permuted[:, 2] - permuted[:, 0], h[:, 2] - h[:, 0])


def test_weights_and_turns_are_those_of_a_plain_loop() -> None:
    settings = {"kl_growth": 0.3, "correlation_growth": 0.2, "correlation_weight": 0.5, "discriminator_rest": 2}
    weights = SDGZSL(SDGZSLConfig(steps=40, **settings))._weights(5, torch.device("cpu"))
    coin = 0
    for step in range(40):
        learns, coin = coin == 0, 2 if coin == 0 else coin - 1
        divergence, correlation = min(0.3 * (step // 5), 1), 0.5 * min(0.2 * (step // 5), 1)
        expected = torch.tensor([divergence, 0.0 if learns else correlation])
        torch.testing.assert_close(weights[step], expected)


def test_the_discriminator_learns_in_its_turns_alone() -> None:
    generator, view, ctx = SDGZSL(SDGZSLConfig(steps=6, **TINY)), toy()[0], context()
    (training,) = generator.trainings(view, ctx)
    discriminator, autoencoders = training.descents
    assert [len(list(discriminator.batches())) for _ in range(6)] == [1, 0, 0, 1, 0, 0]
    assert [len(list(autoencoders.batches())) for _ in range(6)] == [1] * 6


def test_the_objective_is_the_sum_that_the_released_code_takes() -> None:
    generator, (view, _, _) = fitted(steps=1, relation_weight=3.0), toy()
    n, rng = 6, torch.Generator().manual_seed(1)
    x, labels = view.features[::50][:n], view.labels[::50][:n]
    a, noise = view.semantics[labels], torch.randn(n, 4, generator=rng)
    masks = [torch.ones(1, 1)] * 8  # nothing is dropped
    same = labels[:, None] == torch.arange(12)
    present = (labels.bincount(minlength=12) > 0).float()
    terms = generator._loss(torch.tensor([0.3, 0.7]), view.semantics, same, present, x, a, noise, *masks)
    mean, log_variance = generator.encoder(x, a)
    estimate = generator.decoder(mean + noise * log_variance.exp().sqrt(), a)
    variance = log_variance.exp()
    expected = {
        "estimate": nn.functional.mse_loss(estimate, x, reduction="sum") / n,
        "divergence": -0.3 * 0.5 * (1 + variance.log() - mean**2 - variance).sum() / n,
        "reconstruction": torch.zeros(()),
        "relation": torch.zeros(()),
        "total_correlation": torch.zeros(()),
    }
    for features in (estimate, x):
        h = generator.autoencoder.encode(features)
        relations = generator.relation(h[:, :16], view.semantics[labels.unique()])
        truth = (labels[:, None] == labels.unique()).float()
        scores = generator.discriminator(h)
        expected["reconstruction"] += nn.functional.mse_loss(generator.autoencoder.decode(h), x)
        expected["relation"] += 3.0 * nn.functional.mse_loss(relations, truth)
        expected["total_correlation"] += 0.7 * (scores[:, :1] - scores[:, 1:]).mean()
    expected["total_correlation"].clamp_(min=0)
    assert terms.keys() == expected.keys()
    for name, term in terms.items():
        torch.testing.assert_close(term, expected[name])


def test_networks_without_masks_are_those_of_torch_at_rest() -> None:
    config = SDGZSLConfig(**TINY)
    encoder, decoder = Encoder(10, 6, config), Decoder(torch.rand(10), 6, config).eval()
    slope = nn.LeakyReLU(0.2)
    plain_encoder = nn.Sequential(encoder.first, slope, encoder.second, nn.Dropout(), slope, encoder.bottleneck).eval()
    x, a, z = torch.rand(5, 10), torch.rand(5, 6), torch.randn(5, 4)
    h = plain_encoder(torch.cat([x, a], dim=1))
    torch.testing.assert_close(encoder(x, a), (encoder.mean(h), nn.Softplus()(encoder.variance(h)).log()))
    blocks = (decoder.first, nn.Dropout(), slope, decoder.second, decoder.third, slope, decoder.last, slope)
    torch.testing.assert_close(decoder(z, a), nn.Sequential(*blocks).eval()(torch.cat([z, a], dim=1)))


def test_masks_drop_their_share_and_keep_the_mean() -> None:
    mask = draw_mask(0.4, 300, 300, context())
    assert float((mask == 0).float().mean()) == pytest.approx(0.4, abs=0.01)
    assert float(mask.mean()) == pytest.approx(1.0, abs=0.01)
    assert torch.equal(draw_mask(0.0, 2, 3, context()), torch.ones(2, 3))


def test_samples_are_class_major_and_alike_after_training_has_gone_on() -> None:
    generator, (_, _, semantics) = fitted(steps=3), toy()
    first, second = (generator.generate(semantics, 7, context(4)) for _ in range(2))
    assert first.shape == (4, 7, 16)
    assert torch.equal(first, second)  # making them leaves the statistics of batch normalisation alone
    assert generator.decoder.training


@pytest.mark.parametrize("which", [0, 1])
def test_gradients_of_seeds_together_are_those_of_each_alone(which: int) -> None:
    config = SDGZSLConfig(**TINY, discriminator_hidden=8)
    (one, other), (again, too) = (  # twins, since stacking replaces what the networks hold
        [next(iter(SDGZSL(config).trainings(toy()[0], context(seed)))).descents[which] for seed in (0, 1)]
        for _ in range(2)
    )
    batches = [next(iter(descent.batches())) for descent in (one, other)]
    replicas = Replicas()
    evaluate = replicas.evaluate([Objective(one, ""), Objective(other, "")])
    stacks = [replicas.stack(pair) for pair in zip(one.parameters(), other.parameters(), strict=True)]
    terms = evaluate(*map(torch.stack, zip(*batches, strict=True)))
    together = torch.autograd.grad(total(terms), stacks)
    for position, (descent, batch) in enumerate(zip((again, too), batches, strict=True)):
        alone = torch.autograd.grad(total(descent.loss(*batch)), descent.parameters())
        for ours, expected in zip(together, alone, strict=True):
            torch.testing.assert_close(ours[position], expected, atol=1e-5, rtol=1e-4)


def total(loss: Terms | Tensor) -> Tensor:
    return loss.sum() if isinstance(loss, Tensor) else torch.stack([term.sum() for term in loss.values()]).sum()


@pytest.mark.parametrize(("name", "value"), [("steps", 0), ("decoder_dropout", 1.0), ("relation_weight", -1.0)])
def test_settings_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        SDGZSLConfig(**{name: value})
