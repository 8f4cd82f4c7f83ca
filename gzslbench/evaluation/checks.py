"""Checks around every call of a component: what comes out has the right shape and no NaN, what went in is unchanged."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gzslbench.contract.views import View
from gzslbench.errors import ContractError
from gzslbench.records.arrays import Arrays
from gzslbench.records.curves import LossCurve

MOST_CURVES = 200
MOST_SAMPLES = 100
MOST_SAMPLES_BYTES = 64 << 20
MOST_NOTES = 10_000
LONGEST_NAME = 99
"""With a component's name and a full stop before it, what a record takes."""


def checked(
    result: object, shape: tuple[int | None, ...], component: str, call: str, allow_minus_inf: bool = False
) -> Tensor:
    """Give ``result`` as float32 if it is a finite floating tensor of ``shape``, in which None matches any size.

    Raises :class:`ContractError` naming the component and its call.
    """
    if not isinstance(result, Tensor):
        raise ContractError(
            f"{call} of '{component}' returned {type(result).__name__}", f"return a tensor of shape {_shown(shape)}"
        )
    fits = result.ndim == len(shape) and all(w is None or w == g for w, g in zip(shape, result.shape, strict=True))
    if not fits or not result.is_floating_point():
        raise ContractError(
            f"{call} of '{component}' returned a {result.dtype} tensor of shape {_shown(result.shape)}",
            f"return floating point of shape {_shown(shape)}",
        )
    values = result.detach().float()
    if values.is_inference():  # those can't take part in another component's training
        values = values.clone()
    acceptable = values.isfinite() | (values == -torch.inf) if allow_minus_inf else values.isfinite()
    if not bool(acceptable.all()):
        raise ContractError(
            f"{call} of '{component}' returned NaN or infinite values", "look for divergence in its training"
        )
    return values


def checked_log_prior(result: object, samples: int, component: str) -> Tensor:
    """Check a gate's log-prior (n, 2): no NaN, at most one entry of a row ``-inf``."""
    prior = checked(result, (samples, 2), component, "log_prior", allow_minus_inf=True)
    if bool((prior == -torch.inf).all(dim=1).any()):
        raise ContractError(f"log_prior of '{component}' rules out both domains for a sample", "keep one entry finite")
    return prior


def checked_labels(result: object, samples: int, classes: int, component: str) -> Tensor:
    """Check the labels (n,) of a generator's training set: int64 positions below ``classes``, one a sample."""
    fits = isinstance(result, Tensor) and result.dtype == torch.int64 and result.shape == (samples,)
    if isinstance(result, Tensor) and fits and bool(((result >= 0) & (result < classes)).all()):
        return result
    raise ContractError(
        f"training_set of '{component}' returned labels that do not fit its {samples} samples",
        f"return an int64 tensor of shape ({samples},) with values below {classes}",
    )


def checked_curves(curves: dict[str, LossCurve], component: str) -> dict[str, LossCurve]:
    """Check that a component logged under few plain names, at steps that are whole numbers."""
    _check_names(curves, component, "logged", MOST_CURVES)
    for name, curve in curves.items():
        if any(type(step) is not int for step in curve.steps):
            raise ContractError(f"'{component}' logged {name} at steps that are no whole numbers", "use ctx.log")
    return curves


def checked_notes(notes: dict[str, Any], component: str) -> dict[str, Any]:
    _check_names(notes, component, "noted", MOST_NOTES)
    return notes


def checked_samples(samples: Arrays, component: str) -> Arrays:
    """Check that a component kept few numbers for figures, under plain names."""
    _check_names(samples, component, "kept", MOST_SAMPLES)
    numbers = all(isinstance(each, np.ndarray) and each.dtype.kind in "iuf" for each in samples.values())
    if not numbers or sum(each.nbytes for each in samples.values()) > MOST_SAMPLES_BYTES:
        most = f"numbers, of {MOST_SAMPLES_BYTES >> 20} MiB in all"
        raise ContractError(f"'{component}' kept something else than a few samples", f"keep {most}")
    return samples


def _check_names(named: dict[str, Any], component: str, did: str, most: int) -> None:
    plain = all(type(name) is str and name.isprintable() and len(name) <= LONGEST_NAME for name in named)
    if not plain or len(named) > most:
        raise ContractError(
            f"'{component}' {did} under {len(named)} names, or under odd ones",
            f"use up to {most} names of up to {LONGEST_NAME} printable characters",
        )


class Unchanged:
    """Remembers the tensors of a view and says whether they are still what they were."""

    def __init__(self, view: View) -> None:
        self._tensors = {"features": view.features, "labels": view.labels, "semantics": view.semantics}
        self._tensors |= {need.value: tensor for need, tensor in view.offers.items()}
        scored = {} if view.scored is None else vars(view.scored)
        self._tensors |= {f"validation {name}": each for name, each in scored.items() if isinstance(each, Tensor)}
        self._before = {name: _fingerprint(tensor) for name, tensor in self._tensors.items()}

    def verify(self, component: str) -> None:
        """Raise :class:`ContractError` naming the first tensor that the component changed."""
        for name, tensor in self._tensors.items():
            if tensor.requires_grad or _fingerprint(tensor) != self._before[name]:
                raise ContractError(f"'{component}' changed its input ({name}) in place", "work on a clone")


def _fingerprint(tensor: Tensor) -> list[int]:
    """Sum up a tensor's bits at the speed of memory: a CRC on the CPU, :func:`_weighted_sums` on a device.

    Both see any single change and a new order of rows or columns, also where they were made through numpy.
    """
    if tensor.device.type == "cpu":
        return [zlib.crc32(tensor.detach().flatten().view(torch.uint8).numpy().data)]
    return _weighted_sums(tensor)


def _weighted_sums(tensor: Tensor) -> list[int]:
    """Sum the bits of rows and columns as integers, weighted by position."""
    bits = tensor.view(torch.int32) if tensor.dtype == torch.float32 else tensor
    table = bits.flatten(1) if bits.ndim > 1 else bits[:, None]
    sums = [table.sum(dim=dimension, dtype=torch.int64) for dimension in (0, 1)]
    weighted = [(each * torch.arange(1, len(each) + 1, device=each.device)).sum() for each in sums]
    return torch.stack(weighted).tolist()


def _shown(shape: tuple[int | None, ...] | torch.Size) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
