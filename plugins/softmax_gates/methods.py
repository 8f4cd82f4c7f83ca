"""Both gates in front of a method that synthesises and of one in closed form; ``--gate`` puts them before any other."""

from __future__ import annotations

from gzslbench.contract.info import Method

METHODS = [
    Method(
        name="f-clswgan-behind-max-softmax",
        generator="f-clswgan",
        gate="max-softmax",
        classifier="softmax",
        summary="the max-softmax gate in front of f-clswgan",
        recipes="recipes.toml",
    ),
    Method(
        name="f-clswgan-behind-energy",
        generator="f-clswgan",
        gate="energy",
        classifier="softmax",
        summary="the energy gate in front of f-clswgan",
        recipes="recipes.toml",
    ),
    Method(
        name="ridge-prototype-behind-max-softmax",
        gate="max-softmax",
        classifier="ridge-prototype",
        summary="the max-softmax gate in front of ridge-prototype",
        recipes="recipes.toml",
    ),
    Method(
        name="ridge-prototype-behind-energy",
        gate="energy",
        classifier="ridge-prototype",
        summary="the energy gate in front of ridge-prototype",
        recipes="recipes.toml",
    ),
]
