"""Losses and layers whose gradient has a closed form with fewer matrix products than autograd would take."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu, linear


def penalised_distance(
    W_x: Tensor,
    c: Tensor,
    W_a: Tensor,
    w: Tensor,
    real: Tensor,
    fake: Tensor,
    a: Tensor,
    alpha: Tensor,
    penalty: float | Tensor,
    slope: float,
) -> Tensor:
    """Give the loss of a Wasserstein critic with gradient penalty (Gulrajani et al., NeurIPS 2017), a scalar.

    The critic is D(x, a) = w phi(W_x x + c + W_a a) with phi = LeakyReLU of ``slope``; W_x (h, d), c (h,), W_a (h, k),
    w (1, h). The loss is E[D(fake, a)] - E[D(real, a)] + penalty E[(||grad_x D(x^, a)||_2 - 1)^2] for features (n, d),
    semantics a (n, k) and x^ = alpha real + (1 - alpha) fake with alpha (n, 1).
    """
    return distance_and_penalty(W_x, c, W_a, w, real, fake, a, alpha, penalty, slope)[0]


def distance_and_penalty(
    W_x: Tensor,
    c: Tensor,
    W_a: Tensor,
    w: Tensor,
    real: Tensor,
    fake: Tensor,
    a: Tensor,
    alpha: Tensor,
    penalty: float | Tensor,
    slope: float,
) -> tuple[Tensor, Tensor]:
    """As :func:`penalised_distance`, and E[(||grad_x D(x^, a)||_2 - 1)^2] beside it, which no gradient flows through.

    For those who let the weight of the penalty follow it.
    """
    x = torch.stack([real, fake])
    loss, excess, *_ = _PenalisedDistance.apply(W_x, c, W_a, w, x, a, alpha, penalty, slope)  # type: ignore[no-untyped-call]
    return loss, excess


def linear_for_two(x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Give ``x @ weight.T + bias`` for two losses, of which the second does not reach ``x`` (n, d).

    As ``linear(x, ...), linear(x.detach(), ...)``, with one product forward and one for the weight's gradient.
    """
    first, second = _LinearForTwo.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return first, second


class _PenalisedDistance(torch.autograd.Function):
    """The pre-activation h is affine in x, and x^ shares its semantics with both ends, so h^ needs no product.

    phi' is constant almost everywhere, so grad_x D = (w * phi'(h^)) W_x, and nothing flows back through h^. The
    gradient with respect to W_x is a sum over real, fake and mixed rows, which is taken as one product.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(
        W_x: Tensor,
        c: Tensor,
        W_a: Tensor,
        w: Tensor,
        x: Tensor,
        a: Tensor,
        alpha: Tensor,
        penalty: float | Tensor,
        slope: float,
    ) -> tuple[Tensor, ...]:
        """Give loss and penalty, then what the gradient is made of; ``x`` (2, n, d) holds real and fake features."""
        h_real, h_fake = linear(x, W_x, c) + linear(a, W_a)
        h = torch.stack([h_real, h_fake, torch.lerp(h_fake, h_real, alpha.to(h_real.dtype))])
        slopes = torch.where(h > 0, h.new_ones(()), slope)  # two plain numbers would come out in float32
        v_real, v_fake, v_mixed = slopes * w  # gradients of D with respect to h
        gradient = v_mixed @ W_x  # and to x^
        norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True, dtype=x.dtype)
        difference = (leaky_relu(h_fake, slope) - leaky_relu(h_real, slope)).mean(dim=0, dtype=x.dtype)
        excess = (norm - 1).square().mean()
        loss = (w @ difference).sum() + penalty * excess
        # Gradient of the penalty with respect to that of D; at the kink, where that is 0, it counts as 0.
        pull = 2 * penalty * (1 - 1 / norm).masked_fill(norm == 0, 0.0) * gradient
        of_w = difference + (slopes[2] * linear(pull, W_x)).mean(dim=0, dtype=x.dtype)
        left = torch.cat([-v_real, v_fake, v_mixed]) / len(a)
        right = torch.cat([*x, pull])
        return loss, excess, left.to(h.dtype), right.to(h.dtype), of_w

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        _, excess, left, right, of_w = output
        ctx.mark_non_differentiable(excess, left, right, of_w)
        ctx.save_for_backward(left, right, of_w, inputs[5])

    @staticmethod
    def backward(ctx: Any, scale: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients with respect to W_x, c, W_a and w."""
        left, right, of_w, a = ctx.saved_tensors
        left = scale.to(left.dtype) * left
        of_h = left[: len(a)] + left[len(a) : 2 * len(a)]
        of_W_a = of_h.T @ a.to(left.dtype)
        return left.T @ right, of_h.sum(dim=0), of_W_a, (scale * of_w).unsqueeze(0), None, None, None, None, None


class _LinearForTwo(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        product = linear(x, weight, bias)
        return product, product.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Let ``x`` follow the first loss alone."""
        x, weight = (factor.to(first.dtype) for factor in ctx.saved_tensors)
        both = first + second
        return first @ weight, both.T @ x, both.sum(dim=0)
