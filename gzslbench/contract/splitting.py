"""Cutting a split whose unseen classes have no training sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gzslbench.contract.dataset import Indices, Split
from gzslbench.errors import DataError


def propose_split(labels: NDArray[np.int64], seed: int, unseen_share: float = 0.2, test_share: float = 0.2) -> Split:
    """Propose a class-disjoint split for data without one, with validation classes; needs at least 4 classes."""
    classes = np.unique(labels)
    if len(classes) < 4:
        raise DataError(
            f"only {len(classes)} classes have samples", "a GZSL problem needs at least 4: 2 seen and 2 unseen"
        )
    rng = np.random.default_rng([seed, 0])
    unseen = rng.choice(classes, size=max(2, round(unseen_share * len(classes))), replace=False)
    split = cut(labels, "proposed", np.arange(len(labels)), unseen, test_share, rng)
    held_out = draw_validation_classes(split, rng)
    in_val = np.isin(labels[split.trainval], held_out)
    return Split(
        split.name,
        split.trainval,
        split.test_seen,
        split.test_unseen,
        split.seen_classes,
        split.unseen_classes,
        val_classes=held_out,
        train_loc=split.trainval[~in_val],
        val_loc=split.trainval[in_val],
    )


def cut(
    labels: NDArray[np.int64], name: str, samples: Indices, unseen: Indices, share: float, rng: np.random.Generator
) -> Split:
    """Split samples by class into unseen ones and seen ones, and hold out ``share`` of every seen class."""
    is_unseen = np.isin(labels[samples], unseen)
    seen_samples = samples[~is_unseen]
    held_out = _stratified(seen_samples, labels[seen_samples], share, rng)
    trained = np.setdiff1d(seen_samples, held_out)
    return Split(
        name,
        trained,
        held_out,
        samples[is_unseen],
        seen_classes=np.unique(labels[trained]),
        unseen_classes=np.unique(labels[samples[is_unseen]]),
    )


def draw_validation_classes(split: Split, rng: np.random.Generator) -> Indices:
    """Draw as large a share of the seen classes as the unseen ones are of all classes."""
    seen, unseen = len(split.seen_classes), len(split.unseen_classes)
    size = min(max(1, round(seen * unseen / (seen + unseen))), seen - 1)
    return np.sort(rng.choice(split.seen_classes, size=size, replace=False))


def _stratified(samples: Indices, labels: NDArray[np.int64], share: float, rng: np.random.Generator) -> Indices:
    """Draw a share of every class: at least one sample, and never the whole class."""
    drawn = []
    for row in np.unique(labels):
        members = samples[labels == row]
        size = min(max(1, round(share * len(members))), len(members) - 1)
        drawn.append(rng.permutation(members)[:size])
    return np.concatenate(drawn) if drawn else np.empty(0, dtype=np.int64)
