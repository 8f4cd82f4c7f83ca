"""The named methods of this plugin: literals, so that they are listed without importing the flow."""

from __future__ import annotations

from gzslbench.info import Method

METHODS = [
    Method(
        "gsmflow",
        generator="gsmflow",
        gate="none",
        classifier="softmax",
        summary="conditional flow with boundary samples, perturbation and relative positioning",
        paper="Chen et al., GSMFlow, IEEE TMM",
        reported="GSMFlow",
        recipes="recipes.toml",
    ),
]
