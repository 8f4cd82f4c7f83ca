"""One gradient step: eager on a CPU, replayed from a CUDA graph on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from gzslbench.contract.context import Context
from gzslbench.errors import ContractError
from gzslbench.training.adam import Optimiser

Evaluate = Callable[..., dict[str, Tensor]]
"""Gives the terms of a loss by name; with several seeds each is (seeds,)."""
EAGER_STEPS = 3
"""Steps before a graph is captured: libraries and the optimiser set themselves up in the first ones."""


class Step:
    """A gradient step on the sum of a loss's terms.

    The step itself never waits for the device. ``evaluate`` draws nothing, so that a captured graph may stand for it.
    """

    def __init__(
        self, evaluate: Evaluate, groups: Sequence[Sequence[Tensor]], optimisers: Sequence[Optimiser], ctx: Context
    ) -> None:
        self._evaluate, self._ctx = evaluate, ctx
        self._trained = [parameter for group in groups for parameter in group]
        self._optimisers, schedules = zip(*optimisers, strict=True)
        self._schedules = [schedule for schedule in schedules if schedule is not None]
        self._captured = ctx.device.type == "cuda"
        self._graphs: dict[tuple[torch.Size, ...], Graph] = {}
        self._eager: dict[tuple[torch.Size, ...], int] = {}

    def __call__(self, *batch: Tensor) -> dict[str, Tensor]:
        """Take the step; gives the terms, which a later call may overwrite."""
        terms = self._replay(batch) if self._captured else self._descend(*batch)
        for schedule in self._schedules:
            schedule.step()
        return terms

    def _descend(self, *batch: Tensor) -> dict[str, Tensor]:
        with autocast(self._ctx):
            terms = self._evaluate(*batch)
        self._zero_grad()
        torch.stack([term.sum() for term in terms.values()]).sum().backward(inputs=self._trained)  # type: ignore[no-untyped-call]
        for optimiser in self._optimisers:
            optimiser.step()
        return {name: term.detach() for name, term in terms.items()}

    def _zero_grad(self) -> None:
        for optimiser in self._optimisers:
            optimiser.zero_grad()

    def _replay(self, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """Take the first steps of a shape eagerly, beside the main stream as capturing wants it; then capture."""
        shapes = tuple(tensor.shape for tensor in batch)
        if shapes not in self._graphs:
            self._eager[shapes] = self._eager.get(shapes, 0) + 1
            if self._eager[shapes] <= EAGER_STEPS:
                return _beside(lambda: self._descend(*batch), self._ctx.device)
            self._zero_grad()  # the graph gets gradients of its own
            self._graphs[shapes] = capture(self._descend, batch, self._ctx.device)
        return self._graphs[shapes](*batch)


@dataclass(frozen=True, eq=False)
class Graph:
    """A captured step, with the tensors that it reads its batch from and writes its terms to."""

    graph: torch.cuda.CUDAGraph
    batch: tuple[Tensor, ...]
    terms: dict[str, Tensor]

    def __call__(self, *batch: Tensor) -> dict[str, Tensor]:
        for ours, given in zip(self.batch, batch, strict=True):
            ours.copy_(given)
        self.graph.replay()
        return self.terms


def capture(step: Callable[..., dict[str, Tensor]], batch: tuple[Tensor, ...], device: torch.device) -> Graph:
    """Record a step without taking it; raises :class:`ContractError` for one that waits for the device."""
    graph, ours = torch.cuda.CUDAGraph(), tuple(tensor.clone() for tensor in batch)
    try:
        with torch.cuda.device(device), torch.cuda.graph(graph, stream=_side_stream(device)):
            terms = step(*ours)
    except RuntimeError as error:
        # Ending a capture that an error has broken is an error of its own, with the first one as its context.
        first = error.__context__ if isinstance(error.__context__, RuntimeError) else error
        if isinstance(first, torch.OutOfMemoryError):
            raise first from None
        raise ContractError(
            f"a gradient step can't be captured as a CUDA graph ({first})",
            "keep .item(), printing and random draws out of the loss, or train in a plain loop over ctx.steps",
        ) from error
    return Graph(graph, ours, terms)


def _beside(step: Callable[[], dict[str, Tensor]], device: torch.device) -> dict[str, Tensor]:
    """Take a step on the side stream, between what came before and what comes after."""
    stream, main = _side_stream(device), torch.cuda.current_stream(device)
    stream.wait_stream(main)
    with torch.cuda.stream(stream):
        terms = step()
    main.wait_stream(stream)
    return terms


@cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    """Give one stream for all steps on a device: cuBLAS keeps a workspace of up to 32 MiB for each that it has seen."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def autocast(ctx: Context) -> torch.autocast:
    """Compute the matrix products of a ``with`` statement as the policy of the run says; weights stay float32.

    Only linear layers and products change; sums, exponentials and losses keep the format of their inputs, so call
    ``.float()`` on a layer's output before anything that needs 24 bits.
    """
    # Casts are not kept between products on a GPU: a captured graph would replay them from memory that has gone.
    kept = ctx.device.type != "cuda"
    return torch.autocast(ctx.device.type, torch.bfloat16, enabled=ctx.precision == "bfloat16", cache_enabled=kept)
