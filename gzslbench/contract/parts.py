"""One type for whatever there is one of in each role: components, settings, fitted parts, keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

T = TypeVar("T", covariant=True)
U = TypeVar("U")

Role = Literal["generator", "gate", "classifier"]


class Parts(NamedTuple, Generic[T]):
    """A generator's, a gate's and a classifier's; the first is None in a combination that synthesises nothing."""

    generator: T | None
    gate: T
    classifier: T

    def by_role(self) -> Mapping[Role, T]:
        """Give what there is, the generator's first."""
        others: dict[Role, T] = {"gate": self.gate, "classifier": self.classifier}
        return others if self.generator is None else {"generator": self.generator, **others}

    def map(self, function: Callable[[T], U]) -> Parts[U]:
        """Make something of each."""
        generator = None if self.generator is None else function(self.generator)
        return Parts(generator, function(self.gate), function(self.classifier))


class Named(Protocol):
    """Whatever has a name."""

    @property
    def name(self) -> str:
        """The component's name."""


def combination_name(parts: Parts[Named]) -> str:
    """Join the components' names, ``generator+gate+classifier``; ``none`` where there is no generator."""
    return "+".join(part.name if part else "none" for part in parts)
