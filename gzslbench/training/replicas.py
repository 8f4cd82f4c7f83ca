"""The networks of several seeds side by side: one tensor (seeds, ...) for each parameter, one product for all seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap


class Replicas:
    """Stacks what modules of one shape hold, once for each tensor, however many modules share it.

    The modules stay usable one by one: their parameters become views into the stacks.
    """

    def __init__(self) -> None:
        self._stacks: dict[int, Tensor] = {}
        self._keep: list[Tensor] = []  # as long as a tensor lives, its id is not given to another

    def evaluate(self, modules: Sequence[nn.Module]) -> Callable[..., dict[str, Tensor]]:
        """Call all modules at once, each on its own slice of a batch (seeds, ...); results are (seeds, ...)."""
        states = [{**dict(module.named_parameters()), **dict(module.named_buffers())} for module in modules]
        state = {name: self.stack([each[name] for each in states]) for name in states[0]}

        def call(own: dict[str, Tensor], *batch: Tensor) -> dict[str, Tensor]:
            terms: dict[str, Tensor] = functional_call(modules[0], own, batch)
            return terms

        together = vmap(call)
        return lambda *batch: together(state, *batch)

    def stack(self, tensors: Sequence[Tensor]) -> Tensor:
        """Give the stack of one tensor per seed, made when it is first asked for."""
        first = tensors[0]
        if id(first) not in self._stacks:
            stacked = torch.stack([each.detach() for each in tensors])
            for each, view in zip(tensors, stacked, strict=True):
                each.data = view
            self._stacks[id(first)] = stacked.requires_grad_(first.requires_grad)
            self._keep.append(first)
        return self._stacks[id(first)]
