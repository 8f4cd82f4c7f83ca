"""TF-VAEGAN: latent embedding feedback and discriminative features (Narayan, Gupta et al., ECCV 2020).

Read ``decoder.py`` (the semantic embedding decoder), ``feedback.py`` (the feedback loop) and ``generator.py`` (what is
trained, synthesised and classified) in this order; ``shared/vae_gan.py`` is what they build on.
"""

from __future__ import annotations

from gzslbench.contract import Generator, Method, hookimpl
from gzslbench_plugins.tf_vaegan.generator import TFVaegan

TF_VAEGAN = Method(
    name="tf-vaegan",
    generator="tf-vaegan",
    gate="none",
    classifier="softmax",
    summary="VAE-GAN with feedback from a semantic decoder, whose hidden layer also joins the classified features",
    paper="Narayan, Gupta et al., Latent Embedding Feedback and Discriminative Features, ECCV 2020",
    reported="TF-VAEGAN",
    recipes="recipes.toml",
)
WITHOUT_FEEDBACK = Method(
    name="tf-vaegan-without-feedback",
    generator="tf-vaegan",
    gate="none",
    classifier="softmax",
    summary="the decoder and its features alone",
    recipes="recipes.toml",
    settings={"tf-vaegan.training_feedback": 0.0, "tf-vaegan.synthesis_feedback": 0.0},
    variant_of="tf-vaegan",
)


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [TFVaegan]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method of the paper, and one without the feedback."""
    return [TF_VAEGAN, WITHOUT_FEEDBACK]
