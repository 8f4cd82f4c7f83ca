"""The named methods of this plugin: GSMFlow and the variants of Table III.

They are literals, so that they are listed without importing the flow.
"""

from __future__ import annotations

from gzslbench.contract.info import Method

METHODS = [
    Method(
        name="gsmflow",
        generator="gsmflow",
        gate="none",
        classifier="softmax",
        summary="conditional flow with boundary samples, perturbation and relative positioning",
        paper="Chen et al., GSMFlow, IEEE TMM",
        reported="GSMFlow",
        recipes="recipes.toml",
        sweeps={  # Fig. 7; the zeros and the outer mining steps are ours
            "gsmflow.entropy_weight": (0.1, 1.0, 5.0, 10.0, 20.0),  # (a) lambda_1
            "gsmflow.perturbation": (0.0, 0.02, 0.05, 0.15, 0.3, 0.5),  # (b) lambda_2
            "gsmflow.prototype_weight": (0.0, 1.0, 3.0, 10.0, 20.0, 30.0),  # (c) lambda_3
            "gsmflow.semantic_dim": (128, 256, 512, 1024, 2048),  # (d)
            "gsmflow.couplings": (1, 3, 5, 10, 20),  # (e)
            "gsmflow.mining_steps": (0, 5, 10, 20, 30, 40),  # (f)
        },
    ),
    Method(
        name="gsmflow-without-mining",
        generator="gsmflow",
        gate="none",
        classifier="softmax",
        summary="as in the conference version",
        reported="GSMFlow w/o EM",
        recipes="recipes.toml",
        settings={"gsmflow.mining_steps": 0},
        variant_of="gsmflow",
    ),
    Method(
        name="gsmflow-without-perturbation",
        generator="gsmflow",
        gate="none",
        classifier="softmax",
        summary="boundary samples without noise",
        reported="GSMFlow w/o VP",
        recipes="recipes.toml",
        settings={"gsmflow.perturbation": 0.0},
        variant_of="gsmflow",
    ),
    Method(
        name="gsmflow-without-mining-perturbation",
        generator="gsmflow",
        gate="none",
        classifier="softmax",
        summary="neither boundary samples nor noise",
        reported="GSMFlow w/o EM&VP",
        recipes="recipes.toml",
        settings={"gsmflow.mining_steps": 0, "gsmflow.perturbation": 0.0},
        variant_of="gsmflow",
    ),
    Method(
        name="gsmflow-without-mining-positioning",
        generator="gsmflow",
        gate="none",
        classifier="softmax",
        summary="neither boundary samples nor relative positioning",
        reported="GSMFlow w/o EM&RP",
        recipes="recipes.toml",
        settings={"gsmflow.mining_steps": 0, "gsmflow.positioning": False},
        variant_of="gsmflow",
    ),
    Method(
        name="gsmflow-bare",
        generator="gsmflow",
        gate="none",
        classifier="softmax",
        summary="the conditional flow alone",
        reported="GSMFlow w/o constraints",
        recipes="recipes.toml",
        settings={
            "gsmflow.mining_steps": 0,
            "gsmflow.perturbation": 0.0,
            "gsmflow.positioning": False,
            "gsmflow.prototype_weight": 0.0,
        },
        variant_of="gsmflow",
    ),
    Method(
        name="gsmflow-implicit",
        generator="gsmflow",
        gate="none",
        classifier="softmax",
        summary="a flow whose latent holds the semantics, as that of IZF",
        reported="IZF w/o constraints",
        recipes="recipes.toml",
        settings={
            "gsmflow.mining_steps": 0,
            "gsmflow.perturbation": 0.0,
            "gsmflow.positioning": False,
            "gsmflow.prototype_weight": 0.0,
            "gsmflow.conditioning": "implicit",
        },
        variant_of="gsmflow",
    ),
]
