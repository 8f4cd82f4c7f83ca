"""IZF: the flow against its Jacobian, each loss against its definition, the Bayes rule against densities."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal

from gzslbench.contract import ClassSet, Need, View
from gzslbench.errors import ProtocolError
from gzslbench.training.loop import Objective
from gzslbench.training.replicas import Replicas
from gzslbench_plugins.izf.flow import ShuffledFlow
from gzslbench_plugins.izf.generator import IZF, Config
from gzslbench_plugins.izf.losses import centring, negative_discrepancy, negative_log_likelihood
from gzslbench_plugins.nearest_prototype.classifier import NearestPrototype

from .conftest import context

TINY = {"couplings": 3, "hidden": 48, "steps": 5, "batch_size": 32, "learning_rate": 1e-2}


def toy(seen: int = 12, unseen: int = 4) -> tuple[View, Tensor, Tensor]:
    """A view, and features and labels of its unseen classes; features are linear in semantics."""
    rng = torch.Generator().manual_seed(3)
    semantics, lift = torch.rand(seen + unseen, 4, generator=rng), torch.rand(4, 10, generator=rng)
    labels = torch.arange(seen + unseen).repeat_interleave(30)
    features = (semantics[labels] @ lift + 0.1 * torch.randn(len(labels), 10, generator=rng)) / 3
    known = labels < seen
    view = View(features[known], labels[known], semantics[:seen], {Need.UNSEEN_SEMANTICS: semantics[seen:]})
    return view, features[~known], labels[~known] - seen


def fitted(**settings: object) -> IZF:
    generator, ctx = IZF(Config(**{**TINY, **settings})), context()  # type: ignore[arg-type]
    generator.fit(toy()[0], ctx)
    return generator


def double_flow(dim: int = 7) -> ShuffledFlow:
    """A flow in float64 far from the identity, so that each error shows."""
    torch.manual_seed(0)
    flow = ShuffledFlow(dim, couplings=3, hidden=16, clamp=1.0).double()
    for parameter in flow.parameters():
        nn.init.normal_(parameter, std=0.3)
    return flow


def test_the_log_determinant_is_that_of_the_jacobian() -> None:
    flow, x = double_flow(), torch.randn(7, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda row: flow(row[None])[0][0], x)
    assert flow(x[None])[1].item() == pytest.approx(torch.linalg.slogdet(jacobian).logabsdet.item(), abs=1e-9)


def test_the_reverse_pass_undoes_the_forward_one() -> None:
    flow, x = double_flow(), torch.randn(5, 7, dtype=torch.float64)
    latents, _ = flow(x)
    torch.testing.assert_close(flow.inverse(latents), x)
    assert (latents - x).abs().max() > 0.1


def test_dimensions_are_shuffled_before_each_coupling() -> None:
    flow = double_flow()
    assert len({tuple(order.tolist()) for order in flow.orders}) == 3
    for parameter in flow.parameters():
        nn.init.zeros_(parameter)  # what is left are the shuffles
    x = torch.arange(7.0, dtype=torch.float64)[None]
    expected = x[0]
    for order in flow.orders:
        expected = expected[order]
    torch.testing.assert_close(flow(x)[0][0], expected)


def test_the_likelihood_is_that_of_a_normal_by_the_change_of_variables() -> None:
    latents, means, log_determinant = torch.randn(4, 6), torch.randn(4, 6), torch.randn(4)
    log_p = Normal(means, 1.0).log_prob(latents).sum(dim=1) + log_determinant
    torch.testing.assert_close(negative_log_likelihood(latents, means, log_determinant), -log_p.mean() / 6)


def test_centring_is_the_mean_square() -> None:
    assert centring(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 0.0], [0.0, 4.0]])) == (4 + 9) / 4


def test_the_discrepancy_is_an_average_over_pairs_of_different_samples() -> None:
    torch.manual_seed(1)
    x, y = torch.randn(5, 3), torch.randn(4, 3) + 0.5

    def kernel(one: Tensor, other: Tensor) -> float:
        return float(6 / (6 + (one - other).square().sum()))

    def within(sample: Tensor) -> float:
        pairs = [(i, j) for i in range(len(sample)) for j in range(len(sample)) if i != j]
        return sum(kernel(sample[i], sample[j]) for i, j in pairs) / len(pairs)

    across = sum(kernel(one, other) for one in x for other in y) / 20
    assert negative_discrepancy(x, y).item() == pytest.approx(2 * across - within(x) - within(y), abs=1e-5)


def test_the_discrepancy_of_one_distribution_is_0_on_average() -> None:
    torch.manual_seed(2)
    drawn = torch.stack([negative_discrepancy(*torch.randn(2, 8, 3)) for _ in range(400)])
    assert drawn.mean().abs() < 4 * drawn.std() / 20
    apart = negative_discrepancy(torch.randn(50, 3), torch.randn(50, 3) + 2)
    assert apart < -0.3


def test_generated_samples_have_the_semantics_of_their_class_in_their_latents() -> None:
    generator, semantics = fitted(), toy()[0].unseen_semantics
    made = generator.generate(semantics, 50, context())
    assert made.shape == (4, 50, 10)
    latents, _ = generator.flow((made.flatten(0, 1) - generator.centre) / generator.scale)
    semantic, rest = latents.view(4, 50, 10).split([4, 6], dim=2)
    centred = semantics - toy()[0].semantics.mean(dim=0)
    torch.testing.assert_close(semantic, centred[:, None].expand(-1, 50, -1), atol=1e-4, rtol=1e-4)
    assert rest.mean().abs() < 0.1
    assert 0.9 < rest.std() < 1.1


def test_semantics_of_a_class_have_at_most_half_of_the_latent() -> None:
    view = toy()[0]
    wide = torch.rand(16, 30, generator=torch.Generator().manual_seed(4))
    generator = IZF(Config(**TINY))  # type: ignore[arg-type]
    generator.fit(View(view.features, view.labels, wide[:12], {Need.UNSEEN_SEMANTICS: wide[12:]}), context())
    assert generator.generate(wide[12:], 3, context()).shape == (4, 3, 10)
    assert generator.mean(wide).count_nonzero(dim=1).tolist() == [5] * 16


def test_naive_bayes_is_the_likeliest_class_by_the_semantic_part() -> None:
    generator, (view, features, _) = fitted(space="semantics", semantic_norm=3.0), toy()
    ctx, unseen = context(), view.unseen_semantics
    points, labels = generator.training_set(view, ctx)
    synthetic = generator.generate(unseen, 2, ctx)
    classifier = NearestPrototype()
    classifier.fit(View(points, labels, view.semantics, {Need.SYNTHETIC: synthetic}), ctx)
    every = ClassSet("all", torch.cat([view.semantics, unseen]), torch.arange(16))
    scores = classifier.scores(generator.encode(features), every)
    means = generator.mean(every.semantics)
    latents = generator.flow((features - generator.centre) / generator.scale)[0].detach()
    log_p = torch.stack([Normal(mean, 1.0).log_prob(latents).sum(dim=1) for mean in means], dim=1)
    torch.testing.assert_close(scores.argmax(dim=1), log_p.argmax(dim=1))
    torch.testing.assert_close((scores / 2).diff(dim=1), log_p.diff(dim=1), atol=1e-3, rtol=1e-3)


def test_the_features_themselves_are_classified_otherwise() -> None:
    view = toy()[0]
    features, labels = fitted().training_set(view, context())
    assert torch.equal(features, view.features)
    assert torch.equal(labels, view.labels)


def test_unseen_classes_are_recognised() -> None:
    _, features, labels = toy()
    generator = fitted(steps=100, semantic_norm=5.0)
    centres = generator.generate(toy()[0].unseen_semantics, 50, context()).mean(dim=1)
    assert (torch.cdist(features, centres).argmin(dim=1) == labels).double().mean() > 0.5  # chance is a quarter


def test_the_discrepancy_keeps_generated_features_off_the_seen_ones() -> None:
    def distance(weight: float) -> Tensor:
        made = fitted(steps=60, discrepancy_weight=weight).generate(toy()[0].unseen_semantics, 20, context())
        return torch.cdist(made.flatten(0, 1), toy()[0].features).amin(dim=1).mean()

    assert distance(300.0) > 1.2 * distance(0.0)


def test_the_objective_is_the_papers_divided_by_the_number_of_dimensions() -> None:
    generator, (view, _, _) = fitted(steps=1), toy()
    x, means = torch.randn(6, 10), generator.mean(view.semantics)[:6]
    seen, centres, unseen = generator.mean(view.semantics), torch.randn(12, 10), torch.randn(5, 10)
    terms = generator._loss(seen, centres, x, means, unseen)
    latents, log_determinant = generator.flow(x)
    log_likelihood = Normal(means, 1.0).log_prob(latents).sum(dim=1) + log_determinant
    off_centre = (generator.flow.inverse(seen) - centres).square().sum(dim=1)
    discrepancy = negative_discrepancy(x, generator.flow.inverse(unseen))
    expected = -2 * log_likelihood.mean() + off_centre.mean() + 0.1 * discrepancy
    torch.testing.assert_close(10 * sum(terms.values()), expected)


def test_semantics_of_unseen_classes_have_to_be_shown() -> None:
    view = toy()[0]
    hidden = View(view.features, view.labels, view.semantics, protocol="strict")
    with pytest.raises(ProtocolError):
        IZF(Config(**TINY)).fit(hidden, context())  # type: ignore[arg-type]


def test_gradients_of_seeds_together_are_those_of_each_alone() -> None:
    config = Config(**TINY)  # type: ignore[arg-type]
    (one, other), (again, too) = (  # twins, since stacking replaces what the networks hold
        [next(IZF(config).trainings(toy()[0], context(seed))).descents[0] for seed in (0, 1)] for _ in range(2)
    )
    batches = [next(iter(descent.batches())) for descent in (one, other)]
    replicas = Replicas()
    evaluate = replicas.evaluate([Objective(one, ""), Objective(other, "")])
    stacks = [replicas.stack(pair) for pair in zip(one.parameters(), other.parameters(), strict=True)]
    terms = evaluate(*map(torch.stack, zip(*batches, strict=True)))
    together = torch.autograd.grad(sum(term.sum() for term in terms.values()), stacks)
    for position, (descent, batch) in enumerate(zip((again, too), batches, strict=True)):
        alone = torch.autograd.grad(sum(descent.loss(*batch).values()), descent.parameters())
        for ours, expected in zip(together, alone, strict=True):
            torch.testing.assert_close(ours[position], expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(
    ("field", "value"), [("couplings", 0), ("batch_size", 1), ("flow_weight", 0.0), ("noise", -1.0), ("space", "both")]
)
def test_config_refuses_what_is_out_of_range(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        Config(**{field: value})  # type: ignore[arg-type]
