"""The generator: Config, Eq. 5-7 and 17-19, and a fit from end to end on synthetic classes."""

import math
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
import torch

import gzslbench_plugins.gsmflow as plugin
from gzslbench.contract import Context, Makes, View
from gzslbench.training import Adam
from gzslbench_plugins.gsmflow.generator import GSMFlow, class_means

Config = GSMFlow.Config

SMALL = {
    "couplings": 2,
    "hidden": 32,
    "semantic_dim": 16,
    "steps": 20,
    "batch_size": 32,
    "mining_steps": 2,
    "contrastive_hidden": 8,
    "contrastive_steps": 5,
    "contrastive_batch": 8,
}


def make_context(seed: int = 0) -> Context:
    return Context(torch.device("cpu"), seed=seed)


def make_view(classes: int = 5, per_class: int = 8, noise: float = 0.1) -> tuple[View, torch.Tensor]:
    """Seen classes, and a map from semantics to class means that unseen classes share."""
    rng = torch.Generator().manual_seed(0)
    semantics = torch.rand(classes, 4, generator=rng)
    means = torch.rand(4, 6, generator=rng)
    labels = torch.arange(classes).repeat_interleave(per_class)
    features = (semantics @ means)[labels] + noise * torch.randn(len(labels), 6, generator=rng)
    return View(features, labels, semantics), means


def fitted(**settings: object) -> tuple[GSMFlow, View, Context]:
    view, _ = make_view()
    torch.manual_seed(0)
    generator, context = GSMFlow(Config(**{**SMALL, **settings})), make_context()
    generator.fit(view, context)
    return generator, view, context


def test_generate_is_class_major_and_conditioned() -> None:
    generator, view, _ = fitted(steps=200, learning_rate=1e-2, perturbation=0.0, mining_steps=0)
    features = generator.generate(view.semantics, 50, make_context())
    assert features.shape == (5, 50, 6)
    means = class_means(view.features, view.labels, 5)
    assert (torch.cdist(features.mean(dim=1), means).argmin(dim=1) == torch.arange(5)).all()


def test_generate_is_determined_by_the_context() -> None:
    generator, view, _ = fitted()
    first, again, other = (generator.generate(view.semantics, 4, make_context(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not first.requires_grad


def test_generate_equals_the_inverse_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, view, _ = fitted()
    monkeypatch.setattr("gzslbench_plugins.gsmflow.generator.CHUNK", 3)
    features = generator.generate(view.semantics, 7, make_context(1))
    z = torch.randn(5, 7, 6, generator=make_context(1).rng).flatten(0, 1)
    embedded = generator.flow.embed(generator.condition(view.semantics)).repeat_interleave(7, dim=0)
    torch.testing.assert_close(features.flatten(0, 1), generator.flow.inverse(z, embedded))


def trained_flow(evaluated: bool) -> dict[str, torch.Tensor]:
    view, _ = make_view()
    torch.manual_seed(0)
    generator, context = GSMFlow(Config(**SMALL)), make_context()
    if evaluated:
        context.on_checkpoint = lambda *_: generator.generate(view.semantics, 3, make_context(9))
    generator.fit(view, context)
    return generator.flow.state_dict()


def test_generating_while_training_changes_nothing() -> None:
    watched = trained_flow(evaluated=True)
    for name, value in trained_flow(evaluated=False).items():
        assert torch.equal(value, watched[name]), name


def test_fit_leaves_its_inputs_unchanged() -> None:
    view, _ = make_view()
    copies = [t.clone() for t in (view.features, view.labels, view.semantics)]
    GSMFlow(Config(**SMALL)).fit(view, make_context())
    for value, copy in zip((view.features, view.labels, view.semantics), copies, strict=True):
        assert torch.equal(value, copy)


def test_class_means_against_a_loop() -> None:
    view, _ = make_view()
    shuffled = torch.randperm(40)
    means = class_means(view.features[shuffled], view.labels[shuffled], 5)
    for label in range(5):
        torch.testing.assert_close(means[label], view.features[view.labels == label].mean(dim=0))


def test_prototype_loss_against_eq_7() -> None:
    generator, view, _ = fitted()
    prototypes = class_means(view.features, view.labels, 5)
    conditions = generator.condition(view.semantics)
    loss = generator._prototype_loss(generator.flow.embed(conditions), prototypes, generator.prior_mean(view.semantics))
    distances = [
        (generator.flow.inverse(torch.zeros(1, 6), generator.flow.embed(conditions[c : c + 1])) - prototypes[c])
        .square()
        .sum()
        for c in range(5)
    ]
    assert loss.item() == pytest.approx(sum(d.item() for d in distances) / 5 / 6, rel=1e-4)


@pytest.mark.parametrize("reaches", [True, False])
def test_prototype_gradient_reaches_the_positioning_only_on_demand(reaches: bool) -> None:
    generator, view, _ = fitted(prototype_trains_positioning=reaches)
    prototypes = class_means(view.features, view.labels, 5)
    terms = generator._loss(view.semantics, prototypes, view.features, view.labels)
    gradients = torch.autograd.grad(terms["prototype_loss"], list(generator.positioning.parameters()))
    assert any(bool(gradient.abs().sum() > 0) for gradient in gradients) is reaches


def test_flow_loss_is_the_negative_log_likelihood_per_dimension() -> None:
    generator, view, _ = fitted()
    embedded = generator.flow.embed(generator.condition(view.semantics))
    total = 0.0
    for x, label in zip(view.features, view.labels, strict=True):
        z, log_determinant = generator.flow(x[None], embedded[label : label + 1])
        total += (0.5 * z.square().sum() + 3 * math.log(2 * math.pi) - log_determinant.sum()).item()
    loss = generator._flow_loss(view.features, embedded, view.labels, generator.prior_mean(view.semantics))
    assert loss.item() == pytest.approx(total / 40 / 6, rel=1e-4)


def test_perturbation_adds_noise_of_its_weight() -> None:
    x = torch.zeros(400, 50)
    noisy = GSMFlow(Config(perturbation=0.15))._perturb(x, make_context())
    assert noisy.std().item() == pytest.approx(0.15, rel=0.05)
    assert torch.equal(GSMFlow(Config(perturbation=0.0))._perturb(x, make_context()), x)


def test_boundary_samples_are_appended_to_the_real_ones() -> None:
    view, _ = make_view()
    generator, drawn = GSMFlow(Config(**{**SMALL, "perturbation": 0.0})), []
    for training in generator.trainings(view, make_context()):
        drawn = [next(iter(training.descents[0].batches())) for _ in range(20)]  # the last stage's remain
    real = {tuple(row): label for row, label in zip(view.features.tolist(), view.labels.tolist(), strict=True)}
    samples, labels = (torch.cat(column) for column in zip(*drawn, strict=True))
    known = [tuple(row) in real for row in samples.tolist()]
    assert 0.4 < sum(known) / len(known) < 0.6
    assert set(labels.tolist()) == set(range(5))
    for row, label in zip(samples.tolist(), labels.tolist(), strict=True):
        assert real.get(tuple(row), label) == label


def test_parts_are_switched_off() -> None:
    generator, _, context = fitted(mining_steps=0, perturbation=0.0, positioning=False, prototype_weight=0.0)
    assert not list(generator.positioning.parameters())
    assert set(context.curves) == {"flow_loss"}
    assert generator.flow.conditions.in_features == 4


def test_semantic_norm_makes_the_length_of_semantics_irrelevant() -> None:
    view, _ = make_view()
    conditions = []
    for factor in (1.0, 8.0):
        torch.manual_seed(0)
        generator = GSMFlow(Config(**{**SMALL, "semantic_norm": 3.0, "steps": 1}))
        scaled = View(view.features, view.labels, factor * view.semantics)
        generator.fit(scaled, make_context())
        conditions.append(generator.condition(scaled.semantics))
        length = (generator.semantic_scale * scaled.semantics).norm(dim=1).mean()
        assert length.item() == pytest.approx(3.0, rel=1e-5)
    torch.testing.assert_close(*conditions, atol=1e-3, rtol=1e-3)


def test_learning_rate_falls_by_stages() -> None:
    generator, view, _ = fitted()
    adam = generator._adam(len(view.labels))
    assert adam == Adam(3e-4, weight_decay=1e-5, decay=0.8, decay_every=15 * 2)


def test_unseen_classes_are_synthesised_where_they_are() -> None:
    torch.manual_seed(0)
    view, means = make_view(classes=30, per_class=20, noise=0.03)
    generator = GSMFlow(
        Config(**{**SMALL, "steps": 250, "learning_rate": 5e-3, "perturbation": 0.02, "mining_rate": 1e-3})
    )
    generator.fit(view, make_context())
    rng = torch.Generator().manual_seed(5)
    unseen = torch.rand(10, 4, generator=rng)
    truth = torch.arange(10).repeat_interleave(20)
    real = (unseen @ means)[truth] + 0.03 * torch.randn(200, 6, generator=rng)
    centres = generator.generate(unseen, 100, make_context()).mean(dim=1)
    accuracy = (torch.cdist(real, centres).argmin(dim=1) == truth).float().mean()
    assert accuracy > 0.6  # chance is 0.1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("semantic_norm", -1.0),
        ("couplings", 0),
        ("hidden", 0),
        ("semantic_dim", 0),
        ("per_class", 0),
        ("steps", 0),
        ("batch_size", 0),
        ("clamp", -1.0),
        ("perturbation", -0.1),
        ("prototype_weight", -1.0),
        ("mining_steps", -1),
        ("mining_rate", 0.0),
        ("entropy_weight", -1.0),
        ("entropy", "shannon"),
        ("learning_rate", 0.0),
        ("lr_decay", 1.5),
        ("lr_decay_epochs", 0),
        ("weight_decay", -1.0),
        ("contrastive_steps", 0),
    ],
)
def test_config_refuses_values_out_of_range(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{field}\n  Input should be"):
        Config(**{field: value})


def test_hooks_offer_the_method_its_variants_and_its_generator() -> None:
    method, *variants = plugin.gzslbench_methods()
    (generator,) = plugin.gzslbench_generators()
    assert (method.name, method.generator) == ("gsmflow", generator.info.name)
    assert [each.variant_of for each in variants] == ["gsmflow"] * 6
    assert generator.info.makes == (Makes.SYNTHETIC,)
    assert generator.info.needs == ()


def test_recipes_make_valid_configs() -> None:
    recipes = tomllib.loads((Path(plugin.__file__).parent / "recipes.toml").read_text())
    names = {field.name for field in fields(Config)}
    budgets = recipes.pop("budgets")
    del recipes["space"]  # ranges, not values
    groups = (recipes, *budgets.values())
    sections = [section["gsmflow"] for group in groups for section in group.values() if "gsmflow" in section]
    assert len(sections) > 4
    for section in sections:
        assert set(section) <= names
        for entry in section.values():
            assert entry["origin"] in {"paper", "released code", "descendants", "ours"}
            assert entry["origin"] != "ours" or entry["why"]
        Config(**{name: entry["value"] for name, entry in section.items()})
