"""t-SNE of several sets of points at once, so that their panels compare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

Points = NDArray[np.generic]
PERPLEXITY = 30.0
RANDOM_STATE = 0


def embed(sets: Sequence[Points]) -> list[NDArray[np.float32]]:
    """Embed sets of points, each (n, d), in one plane: each (n, 2).

    One thread, since sums in another order move the points.
    """
    points = np.concatenate([np.asarray(each, dtype=np.float32) for each in sets])
    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    with threadpool_limits(1):
        plane = TSNE(perplexity=perplexity, init="pca", random_state=RANDOM_STATE).fit_transform(points)
    ends = np.cumsum([len(each) for each in sets])[:-1]
    return [np.asarray(part, dtype=np.float32) for part in np.split(plane, ends)]


def spread(count: int, most: int) -> NDArray[np.int64]:
    """Give at most ``most`` of ``count`` positions, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))
