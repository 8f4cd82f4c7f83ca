"""Watching a component at work: what it draws from, which device it uses, and what it leaves changed in the process."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pkgutil import resolve_name
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gzslbench.contract.info import Need
from gzslbench.errors import ContractError

_SEEDERS = ("torch.manual_seed", "torch.seed", "torch.random.manual_seed", "numpy.random.seed", "random.seed")


@dataclass
class Conduct:
    """What was seen of a component while it was at work."""

    draws: int = 0
    """Random operations, whichever generator they drew from."""
    reseeded: list[str] = field(default_factory=list)
    """Functions called that seed a generator of the whole process."""
    used_cuda: bool = False
    asked_for: set[Need] = field(default_factory=set)
    """What it asked a view for without having declared it."""
    left_changed: list[str] = field(default_factory=list)
    """Settings of the whole process that it did not put back."""

    def draw(self) -> None:
        self.draws += 1

    def refuse_cuda(self) -> None:
        self.used_cuda = True
        raise ContractError("it used CUDA, though it was lent the CPU", "make every tensor on ctx.device")


class Watched(dict[Need, Tensor]):
    """The offers of a view, which notice who asks for what is not among them."""

    def __init__(self, offers: Mapping[Need, Tensor], conduct: Conduct) -> None:
        super().__init__(offers)
        self._conduct = conduct

    def __contains__(self, need: object) -> bool:
        if not super().__contains__(need) and isinstance(need, Need):
            self._conduct.asked_for.add(need)
        return super().__contains__(need)


@contextmanager
def observed(conduct: Conduct) -> Iterator[None]:
    """Watch what is done in the body, and forbid the use of CUDA there."""
    before, states = _process_settings(), _global_states()
    with ExitStack() as stack:
        for name in _SEEDERS:
            stack.enter_context(_noticed(name, partial(conduct.reseeded.append, name)))
        stack.enter_context(_noticed("numpy.random.default_rng", conduct.draw))
        stack.enter_context(patch("torch.cuda._lazy_init", conduct.refuse_cuda))
        stack.enter_context(_Draws(conduct))
        try:
            yield
        finally:
            conduct.draws += states != _global_states()
            after = _process_settings()
            conduct.left_changed += [name for name in before if before[name] != after[name]]


def _noticed(name: str, notice: Callable[[], None]) -> Any:
    """Patch a function so that calls of it are noticed."""
    function = resolve_name(name)

    def noticing(*args: Any, **kwargs: Any) -> Any:
        notice()
        return function(*args, **kwargs)

    return patch(name, noticing)


class _Draws(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts torch's random operations."""

    def __init__(self, conduct: Conduct) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._conduct = conduct

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self._conduct.draws += torch.Tag.nondeterministic_seeded in func.tags
        return func(*args, **(kwargs or {}))


def _global_states() -> tuple[object, bytes, int]:
    _, key, position, *_ = np.random.get_state()
    return random.getstate(), np.asarray(key).tobytes(), int(position)


def _process_settings() -> dict[str, object]:
    return {
        "the default dtype": torch.get_default_dtype(),
        "the default device": torch.get_default_device(),
        "the number of threads": torch.get_num_threads(),
        "the use of deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "whether gradients are recorded": torch.is_grad_enabled(),
        "numpy's handling of errors": np.geterr(),
        "the environment variables": {name: os.environ[name] for name in os.environ if not name.startswith("TORCH")},
        "the working directory": os.getcwd(),  # noqa: PTH109
    }
