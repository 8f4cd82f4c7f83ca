"""E-PGN: an episode-based prototype generating network (Yu et al., CVPR 2020)."""

from __future__ import annotations

from gzslbench.contract import Generator, Method, hookimpl
from gzslbench_plugins.e_pgn.generator import PrototypeGenerator

E_PGN = Method(
    name="e-pgn",
    generator="e-pgn",
    gate="none",
    classifier="nearest-prototype",
    summary="one generated prototype a class, refined on seen classes that an episode leaves out",
    paper="Yu et al., Episode-Based Prototype Generating Network for Zero-Shot Learning, CVPR 2020",
    reported="E-PGN",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [PrototypeGenerator]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [E_PGN]
