"""The figures by name; plain data, so that they are listed without importing what draws them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True)
class FigureInfo:
    """One figure: what it shows, which figure of a paper it is modelled on, if any, and what it is drawn from.

    ``methods`` are drawn where the user names none; a figure that is ``single`` draws one. ``samples`` says whether
    records must have kept samples. ``setting`` is swept in the figure, ``drawn_by`` another one that draws it.
    """

    name: str
    summary: str
    source: str = ""
    methods: tuple[str, ...] = ()
    single: bool = False
    samples: bool = False
    setting: str = ""
    drawn_by: str = ""

    @property
    def module(self) -> str:
        """The module of this package that holds its ``draw``."""
        return (self.drawn_by or self.name).replace("-", "_")


_GSMFLOW = "Chen et al., GSMFlow, Fig."
_EARLY_GAN = "Gune et al., ACM MM 2020, Fig."
_of_gsmflow = partial(FigureInfo, methods=("gsmflow",), single=True)
_of_early_gan = partial(FigureInfo, methods=("early-gan",), single=True)
_LISTED = (
    FigureInfo(
        "confusion",
        "which classes are taken for which",
        f"{_GSMFLOW} 6",
        methods=("gsmflow", "gsmflow-without-mining", "gsmflow-without-mining-perturbation"),
    ),
    _of_gsmflow("sensitivity", "U, S and H over each swept setting of a method", f"{_GSMFLOW} 7"),
    _of_gsmflow("boundary", "real samples and the boundary samples mined from them", f"{_GSMFLOW} 8", samples=True),
    FigureInfo(
        "synthetic",
        "real and synthetic features of unseen classes",
        f"{_GSMFLOW} 9",
        methods=("f-clswgan", "gsmflow-without-mining", "gsmflow"),
        samples=True,
    ),
    FigureInfo(
        "entropy",
        "entropies while training and at test time",
        f"{_EARLY_GAN} 2 and 4",
        methods=("early-gan", "early-gan-routing-alone"),
        samples=True,
    ),
    _of_early_gan("proxies", "a GAN's samples as its training goes on", f"{_EARLY_GAN} 3", samples=True),
    _of_early_gan(
        "confidence",
        "Confidence Score, and H by proxies of one state, over training steps",
        f"{_EARLY_GAN} 5",
        setting="early-gan.single_state",
    ),
    _of_early_gan(
        "routing",
        "shares of test samples sent to either expert, over data sets or methods",
        f"{_EARLY_GAN} 6",
        single=False,
    ),
    _of_early_gan(
        "proxy-count",
        "U, S and H over the number of proxies",
        f"{_EARLY_GAN} 7",
        drawn_by="sensitivity",
        setting="early-gan.proxy_count",
    ),
    FigureInfo("combinations", "H of every combination of generator, gate and classifier"),
    FigureInfo("seen-unseen", "seen against unseen accuracy, of all methods or those named", "Chao et al., ECCV 2016"),
)
FIGURES = {figure.name: figure for figure in _LISTED}
