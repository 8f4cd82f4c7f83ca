"""Stacked networks against their single ones."""

import torch
from torch import nn

from gzslbench.training.replicas import Replicas


class Product(nn.Module):
    """A layer with a buffer, whose result has a name."""

    def __init__(self, layer: nn.Linear, factor: float) -> None:
        super().__init__()
        self.layer = layer
        self.register_buffer("factor", torch.tensor(factor))

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Give the mean product."""
        return {"mean": (self.factor * self.layer(x)).mean()}


def products(count: int = 3) -> list[Product]:
    torch.manual_seed(0)
    return [Product(nn.Linear(4, 2), float(i + 1)) for i in range(count)]


def test_each_module_sees_its_own_slice_parameters_and_buffers() -> None:
    modules, x = products(), torch.randn(3, 5, 4)
    expected = torch.stack([module(rows)["mean"] for module, rows in zip(modules, x, strict=True)])
    torch.testing.assert_close(Replicas().evaluate(modules)(x)["mean"], expected)


def test_single_modules_follow_the_stack() -> None:
    modules, replicas = products(), Replicas()
    stacked = replicas.stack([module.layer.weight for module in modules])
    with torch.no_grad():
        stacked += 1.0
    for module, weight in zip(modules, stacked, strict=True):
        assert torch.equal(module.layer.weight, weight)
        assert module.layer.weight.requires_grad
    assert stacked.is_leaf
    assert stacked.requires_grad


def test_what_modules_share_is_stacked_once() -> None:
    modules, replicas = products(), Replicas()
    others = [Product(module.layer, 5.0) for module in modules]
    first, second = replicas.evaluate(modules), replicas.evaluate(others)
    stacked = replicas.stack([module.layer.weight for module in modules])
    x = torch.randn(3, 5, 4)
    for evaluate in (first, second):
        (gradient,) = torch.autograd.grad(evaluate(x)["mean"].sum(), stacked)
        assert gradient.shape == (3, 2, 4)
