"""The named methods of this plugin: early-GAN, its variants, and its gate in front of other methods."""

from __future__ import annotations

from gzslbench.contract.info import Method

METHODS = [
    Method(
        name="early-gan",
        generator="early-gan",
        gate="entropy",
        classifier="entropy",
        summary="low entropy to seen, high entropy to unseen, learned from proxies of a GAN's early training",
        paper="Gune et al., Generalized Zero-Shot Learning using Generated Proxy Unseen Samples and Entropy "
        "Separation, ACM MM 2020",
        reported="Early-GAN",
        recipes="recipes.toml",
        sweeps={
            "early-gan.proxy_count": (30, 100, 300, 1000, 3000, 5000),  # Fig. 7
            "early-gan.single_state": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0),  # Fig. 5 and Table 4
        },
    ),
    Method(
        name="early-gan-routing-alone",
        generator="early-gan",
        gate="entropy",
        classifier="entropy",
        summary="routing by entropy, without entropy separation",
        recipes="recipes.toml",
        settings={"entropy.separation_weight": 0.0},
        variant_of="early-gan",
    ),
    Method(
        name="early-gan-separation-alone",
        generator="early-gan",
        gate="none",
        classifier="entropy",
        summary="entropy separation, but all samples by GZSL",
        recipes="recipes.toml",
        variant_of="early-gan",
    ),
    Method(
        name="early-gan-baseline",
        generator="early-gan",
        gate="none",
        classifier="entropy",
        summary="neither routing nor entropy separation (Table 4)",
        reported="Early-GAN baseline (VSMM without entropy separation)",
        recipes="recipes.toml",
        settings={"entropy.separation_weight": 0.0},
        variant_of="early-gan",
    ),
    # Section 5.1 proposes the gate for any model of GZSL; here it learns from that model's synthetic features.
    Method(
        name="gsmflow-behind-entropy",
        generator="gsmflow",
        gate="entropy",
        classifier="softmax",
        summary="the entropy gate in front of gsmflow",
        recipes="recipes.toml",
    ),
    Method(
        name="f-clswgan-behind-entropy",
        generator="f-clswgan",
        gate="entropy",
        classifier="softmax",
        summary="the entropy gate in front of f-clswgan",
        recipes="recipes.toml",
    ),
]
