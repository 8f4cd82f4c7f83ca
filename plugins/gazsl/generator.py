"""The generator of GAZSL."""

from __future__ import annotations

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Training, Trainings
from gzslbench_plugins.shared.pivot_gan import PivotConfig, PivotGAN, PivotGenerator


class GAZSL(PivotGenerator, Generator):
    """L_D = E[D(G)] - E[D(x)] + L_GP + L_cls, L_G = -E[D(G)] + L_cls / 2 + lambda L_pivot + |W|^2."""

    info = Info(
        name="gazsl",
        summary="Wasserstein GAN whose critic classifies and whose class means are pivots",
        paper="Zhu et al., A Generative Adversarial Approach for Zero-Shot Learning from Noisy Texts, CVPR 2018",
        makes=(Makes.SYNTHETIC,),
    )
    Config = PivotConfig

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train critic and generator in turn."""
        self.gan = PivotGAN(view, self.config, ctx)
        yield Training("gan", self.config.steps, self.gan.descents())
