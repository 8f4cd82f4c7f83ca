"""The layer by which DVBE and DSEN bring features into the space where they are compared with semantics."""

from __future__ import annotations

from torch import nn


def visual_projection(inputs: int, outputs: int) -> nn.Sequential:
    """A ReLU layer that starts as in released code: no offsets, and weights from N(0, 2 / outputs).

    There it is a convolution of one pixel and a batch normalisation, which stays at its initial statistics while the
    backbone is fixed. The scale of the weights decides how fast Adam changes them: it is worth some points of T1.
    """
    layer = nn.Linear(inputs, outputs)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    nn.init.zeros_(layer.bias)
    return nn.Sequential(layer, nn.ReLU())
