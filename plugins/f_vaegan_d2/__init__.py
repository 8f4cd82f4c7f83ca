"""f-VAEGAN-D2: a feature generating framework for any-shot learning (Xian et al., CVPR 2019), its inductive form."""

from __future__ import annotations

from gzslbench.contract import Generator, Method, hookimpl
from gzslbench_plugins.f_vaegan_d2.generator import FVaegan

F_VAEGAN_D2 = Method(
    name="f-vaegan-d2",
    generator="f-vaegan-d2",
    gate="none",
    classifier="softmax",
    summary="synthetic features of unseen classes from a VAE whose decoder is the generator of a Wasserstein GAN",
    paper="Xian et al., f-VAEGAN-D2: A Feature Generating Framework for Any-Shot Learning, CVPR 2019",
    reported="f-VAEGAN-D2",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [FVaegan]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [F_VAEGAN_D2]
