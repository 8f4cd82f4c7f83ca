"""Chance: every class gets a uniform score, drawn anew for each sample."""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.contract import Classifier, ClassSet, Context, Info, View

ODD = 2**62
"""Below it keys are drawn, and made odd: to multiply by an odd number loses nothing modulo 2^64."""
DIGITS = 24
"""A float32 holds this many binary digits."""


class Chance(Classifier):
    """Scores that look drawn, and yet are a function of seed, features and class.

    A sample is scored more than once, alone or among others, and must come to the same each time, so nothing can be
    drawn while scoring. A hash of the bits of its features stands in for the draws. Unlike a random projection of the
    features it sends two samples of one class to classes that have nothing to do with each other, as chance does.
    """

    info = Info(name="random", summary="uniform scores that know nothing of the classes")

    def fit(self, view: View, ctx: Context) -> None:
        """Draw the keys of the hash: one for each dimension, and one for the classes."""
        count = view.features.shape[1] + 1
        self.keys = torch.randint(ODD, (count,), generator=ctx.rng, device=ctx.device) * 2 + 1

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score features (n, d) for classes (c), uniformly in [0, 1): (n, c)."""
        bits = features.contiguous().view(torch.int32)
        samples = _mixed((bits * self.keys[:-1]).sum(dim=1))
        numbers = _mixed(samples[:, None] + (classes.index + 1) * self.keys[-1])
        return (numbers & (2**DIGITS - 1)) / 2.0**DIGITS


def _mixed(numbers: Tensor) -> Tensor:
    """Have every bit of int64 numbers depend on all others (Stafford's variant 13 of MurmurHash3's finaliser)."""
    for shift, factor in ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15)):
        numbers = (numbers ^ (numbers >> shift)) * factor
    return numbers ^ (numbers >> 31)
