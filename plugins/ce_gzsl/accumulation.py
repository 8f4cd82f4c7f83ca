"""Gradients that pile up over an epoch, as those of the comparator do in the released code of CE-GZSL.

That code resets the gradients of the critic and of the embedding before each step, and those of the comparator once per
epoch. Each of its steps therefore follows the sum of all gradients since the epoch began.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call


class PiledGradients(nn.Module):
    """A network, unchanged but for its gradients: each is the sum of all since the last :meth:`reset`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        for name, parameter in network.named_parameters():
            self.register_buffer(_buffer(name), torch.zeros_like(parameter))

    def forward(self, *inputs: Tensor) -> Tensor:
        """Call the network."""
        parameters = {
            name: _Piled.apply(parameter, self.get_buffer(_buffer(name)))  # type: ignore[no-untyped-call]
            for name, parameter in self.network.named_parameters()
        }
        result: Tensor = functional_call(self.network, parameters, inputs)
        return result

    def reset(self) -> None:
        """Begin an epoch."""
        for total in self.buffers():
            total.zero_()


def _buffer(name: str) -> str:
    return f"sum_of_{name.replace('.', '_')}"


class _Piled(torch.autograd.Function):
    """The identity; backwards, it adds the gradient to a running sum and passes that on."""

    generate_vmap_rule = True

    @staticmethod
    def forward(parameter: Tensor, total: Tensor) -> Tensor:
        return parameter.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.total = inputs[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.total.add_(gradient).clone(), None
