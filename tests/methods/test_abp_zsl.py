"""ABP-ZSL: slopes against automatic differentiation, Langevin steps against a plain loop and a known posterior."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gzslbench.contract import Context, View
from gzslbench_plugins.abp_zsl.generator import AlternatingBackPropagation, Config
from gzslbench_plugins.abp_zsl.inference import by_adam, langevin
from gzslbench_plugins.abp_zsl.translator import LatentPosterior, Translator, negative_log_joint

from .conftest import linear_classes

SMALL = {"hidden": 32, "latent_dim": 2, "batch_size": 32, "initial_std": 0.2}


def fitted(view: View, **settings: object) -> AlternatingBackPropagation:
    torch.manual_seed(0)
    generator = AlternatingBackPropagation(Config(**{**SMALL, **settings}))  # type: ignore[arg-type]
    generator.fit(view, Context(torch.device("cpu"), 0))
    return generator


def problem() -> tuple[Translator, Tensor, Tensor, Tensor]:
    torch.manual_seed(2)
    translator = Translator(4, 3, 16, 7).double()
    X, C, Z = (torch.randn(5, width, dtype=torch.float64) for width in (7, 4, 3))
    return translator, X, C, Z


def log_joint(translator: Translator, X: Tensor, C: Tensor, Z: Tensor, sigma: float) -> Tensor:
    """log p(X, Z | C) of each sample, up to a constant, as the paper writes it."""
    return -((X - translator(C, Z)) ** 2).sum(dim=1) / (2 * sigma**2) - (Z**2).sum(dim=1) / 2


def test_the_slope_is_the_gradient_of_the_log_joint() -> None:
    translator, X, C, Z = problem()
    Z.requires_grad_()
    (expected,) = torch.autograd.grad(log_joint(translator, X, C, Z, 0.3).sum(), Z)
    found = LatentPosterior.of(translator, X, C, 0.3).slope(Z.detach())
    torch.testing.assert_close(found, expected)
    assert (translator(C, Z) == 0).any()  # where the last ReLU is shut, too


def test_the_loss_is_the_negative_log_joint() -> None:
    translator, X, C, Z = problem()
    found = negative_log_joint(X, translator(C, Z), Z, 0.3)
    torch.testing.assert_close(found, -log_joint(translator, X, C, Z, 0.3).mean())


def test_langevin_steps_sample_by_sample_and_all_at_once_are_the_same() -> None:
    translator, X, C, Z = problem()
    noise = torch.randn(4, *Z.shape, dtype=torch.float64)
    one_by_one = Z.clone()
    for i in range(len(Z)):
        for U in noise[:, i]:
            z = one_by_one[i].clone().requires_grad_()
            (slope,) = torch.autograd.grad(log_joint(translator, X[i : i + 1], C[i : i + 1], z[None], 0.5).sum(), z)
            one_by_one[i] = z.detach() + 0.1**2 / 2 * slope + 0.1 * U
    found = langevin(LatentPosterior.of(translator, X, C, 0.5), Z, noise, 0.1)
    torch.testing.assert_close(found, one_by_one)


def test_langevin_steps_end_in_the_posterior() -> None:
    """Of a translator that is linear where all its units are open, the posterior is a Gaussian in closed form."""
    translator = Translator(1, 1, 1, 1)
    with torch.no_grad():
        for parameter, value in zip(translator.parameters(), (0.0, 100.0, 1.0, 1.0, -100.0), strict=True):
            parameter.fill_(value)  # g = max(0, z + 100 - 100) = z where z is positive
    sigma, x, count = 0.5, 3.0, 4000
    rng = torch.Generator().manual_seed(3)
    posterior = LatentPosterior.of(translator, torch.full((count, 1), x), torch.zeros(count, 1), sigma)
    Z = langevin(posterior, torch.full((count, 1), 1.0), torch.randn(300, count, 1, generator=rng), 0.2)
    precision = 1 + sigma**-2
    assert Z.mean().item() == pytest.approx(x * sigma**-2 / precision, abs=0.03)
    assert Z.var().item() == pytest.approx(1 / precision, abs=0.02)


def test_steps_by_adam_are_those_of_torch() -> None:
    translator, X, C, Z = problem()
    noise = torch.randn(4, *Z.shape, dtype=torch.float64)
    moving = Z.clone().requires_grad_()
    adam = torch.optim.Adam([moving], lr=0.01)
    for U in noise:
        adam.zero_grad()
        (-log_joint(translator, X, C, moving, 0.3).sum()).backward()
        adam.step()
        moving.data += 0.1 * U
    found = by_adam(LatentPosterior.of(translator, X, C, 0.3), Z, noise, 0.1, 0.01)
    torch.testing.assert_close(found, moving.detach())


def test_latents_are_left_where_they_were_for_the_next_visit() -> None:
    view = linear_classes()[0]
    made = AlternatingBackPropagation(Config(**SMALL, steps=4, langevin_steps=1, noisy_share=0.0, rounds=2))  # type: ignore[arg-type]
    training = next(made.trainings(view, Context(torch.device("cpu"), 0)))
    (descent,) = training.descents
    visited = [z for _ in range(2) for _, _, z in descent.batches()]
    assert len(visited) == 4
    before, after = visited[:2]
    posterior_step = (after - before).abs().max()
    assert 0 < posterior_step < 1  # a step of the gradient alone, from where the first round left them


def test_samples_are_visited_equally_often() -> None:
    view = linear_classes()[0]
    made = AlternatingBackPropagation(Config(**SMALL, steps=16))  # type: ignore[arg-type]
    (descent,) = next(made.trainings(view, Context(torch.device("cpu"), 0))).descents
    passes = [x for _ in range(16) for x, *_ in descent.batches()]
    found = torch.cat(passes).sum(dim=1).sort().values
    expected = view.features.sum(dim=1).repeat(2).sort().values
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("inference", ["langevin", "adam"])
def test_unseen_classes_are_told_apart_by_what_is_translated_for_them(inference: str) -> None:
    view, unseen, centres = linear_classes()
    made = fitted(view, steps=300, learning_rate=5e-3, inference=inference)
    samples = made.generate(unseen, 30, Context(torch.device("cpu"), 5))
    assert samples.shape == (4, 30, 10)
    assert torch.cdist(samples.mean(dim=1), centres).argmin(dim=1).tolist() == [0, 1, 2, 3]


def test_latents_learn_what_semantics_do_not_say() -> None:
    """Samples of a class differ along one direction: so do those that are translated."""
    rng = torch.Generator().manual_seed(4)
    view = linear_classes()[0]
    direction = torch.linspace(-1, 1, 10)
    spread = torch.randn(len(view.features), 1, generator=rng) * direction * 0.3
    made = fitted(View(view.features + spread + 1, view.labels, view.semantics), steps=500, learning_rate=5e-3)
    samples = made.generate(view.semantics[:3], 200, Context(torch.device("cpu"), 5))
    centred = samples - samples.mean(dim=1, keepdim=True)
    along = (centred @ (direction / direction.norm())).var() / centred.square().sum(dim=2).mean()
    assert along > 0.8


@pytest.mark.parametrize(("field", "value"), [("steps", 0), ("sigma", 0), ("noisy_share", 1.5), ("inference", "mcmc")])
def test_config_refuses_what_is_out_of_range(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{field}\n  Input should be"):
        Config(**{field: value})  # type: ignore[arg-type]
