"""Which protocol is meant where the user names none: one that there are records of."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.contract.protocol import HEADLINE, PROTOCOLS


def by_preference(protocols: Iterable[str]) -> list[str]:
    """Sort protocols, each once: those of the first table first, then as they are listed."""
    order = [*HEADLINE, *PROTOCOLS]
    return sorted(set(protocols), key=order.index)
