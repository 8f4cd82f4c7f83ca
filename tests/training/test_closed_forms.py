"""Closed forms against finite differences and autograd."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.nn.functional import leaky_relu, linear

from gzslbench.training import distance_and_penalty, linear_for_two, penalised_distance

SLOPE, PENALTY = 0.2, 10.0


def batch() -> tuple[list[Tensor], list[Tensor]]:
    """Weights of a critic, and real, fake, a, alpha."""
    torch.manual_seed(1)
    shapes = ((16, 5), (16,), (16, 3), (1, 16))
    weights = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    real, fake, a = (torch.randn(6, width, dtype=torch.float64) for width in (5, 5, 3))
    return weights, [real, fake, a, torch.rand(6, 1, dtype=torch.float64)]


def by_finite_differences(W_x: Tensor, c: Tensor, W_a: Tensor, w: Tensor, *data: Tensor) -> Tensor:
    """The loss with the inner gradient from differences of the critic's values."""
    real, fake, a, alpha = data

    def critic(x: Tensor) -> Tensor:
        return leaky_relu(linear(x, W_x, c) + linear(a, W_a), SLOPE) @ w[0]

    mixed, unit = alpha * real + (1 - alpha) * fake, 1e-6 * torch.eye(5, dtype=torch.float64)
    slopes = torch.stack([(critic(mixed + step) - critic(mixed - step)) / 2e-6 for step in unit], dim=1)
    return critic(fake).mean() - critic(real).mean() + PENALTY * (slopes.norm(dim=1) - 1).square().mean()


def test_the_loss_agrees_with_finite_differences_of_the_critic() -> None:
    weights, data = batch()
    loss = penalised_distance(*weights, *data, PENALTY, SLOPE)
    torch.testing.assert_close(loss, by_finite_differences(*weights, *data), rtol=1e-6, atol=1e-6)


def test_its_gradient_agrees_with_finite_differences_of_the_loss() -> None:
    weights, data = batch()
    loss = lambda *weights: penalised_distance(*weights, *data, PENALTY, SLOPE)  # noqa: E731
    assert torch.autograd.gradcheck(loss, weights, eps=1e-7, atol=1e-4)


def by_autograd(W_x: Tensor, c: Tensor, W_a: Tensor, w: Tensor, *data: Tensor) -> Tensor:
    """The loss with the inner gradient from autograd."""
    real, fake, a, alpha = data

    def critic(x: Tensor) -> Tensor:
        return leaky_relu(linear(x, W_x, c) + linear(a, W_a), SLOPE) @ w[0]

    mixed = (alpha * real + (1 - alpha) * fake).requires_grad_()
    (slopes,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    return critic(fake).mean() - critic(real).mean() + PENALTY * (slopes.norm(dim=1) - 1).square().mean()


@pytest.mark.parametrize("zero", [(), (0,), (3,), (0, 1, 2, 3)], ids=["none", "W_x", "w", "all weights"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_its_gradient_is_that_of_autograd_also_where_the_critic_is_flat(
    zero: tuple[int, ...], dtype: torch.dtype
) -> None:
    given, data = batch()
    weights = [torch.zeros_like(each) if i in zero else each.detach() for i, each in enumerate(given)]
    weights, data = ([each.to(dtype) for each in tensors] for tensors in (weights, data))
    for each in weights:
        each.requires_grad_()
    expected = torch.autograd.grad(by_autograd(*weights, *data), weights)
    tolerance = {torch.float32: 1e-4, torch.float64: 1e-12}[dtype]  # float32's 0.2 in float64 would be off by 3e-9
    ours = torch.autograd.grad(penalised_distance(*weights, *data, PENALTY, SLOPE), weights)
    for one, other in zip(ours, expected, strict=True):
        assert one.dtype == dtype
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


def test_critics_side_by_side_have_the_gradients_that_they_have_alone() -> None:
    weights, data = batch()
    stacks = [torch.stack([each.detach(), torch.zeros_like(each)]) for each in weights]
    of_W_x = grad(lambda *weights: penalised_distance(*weights, *data, PENALTY, SLOPE))
    together = vmap(of_W_x)(*stacks)
    assert together.isfinite().all()
    for ours, alone in zip(together, zip(*stacks, strict=True), strict=True):
        torch.testing.assert_close(ours, of_W_x(*alone))


@pytest.mark.parametrize("weight", [0.5, 3.0])
def test_a_weight_in_a_tensor_is_one_in_a_number_and_the_penalty_comes_without_it(weight: float) -> None:
    weights, data = batch()
    loss, penalty = distance_and_penalty(*weights, *data, torch.tensor(weight, dtype=torch.float64), SLOPE)
    plain = penalised_distance(*weights, *data, weight, SLOPE)
    torch.testing.assert_close(loss, plain)
    torch.testing.assert_close(weight * penalty, plain - penalised_distance(*weights, *data, 0.0, SLOPE))
    assert not penalty.requires_grad
    for one, other in zip(torch.autograd.grad(loss, weights), torch.autograd.grad(plain, weights), strict=True):
        torch.testing.assert_close(one, other)


def test_a_linear_layer_for_two_losses_has_the_gradients_of_two() -> None:
    torch.manual_seed(0)
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((3, 4), (20, 4), (20,))]
    pulls = torch.randn(2, 3, 20, dtype=torch.float64)

    def gradients(first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad((pulls[0] * first).sum() + (pulls[1] * second).sum(), inputs)

    expected = gradients(linear(*inputs), linear(inputs[0].detach(), *inputs[1:]))
    for ours, theirs in zip(gradients(*linear_for_two(*inputs)), expected, strict=True):
        torch.testing.assert_close(ours, theirs)
