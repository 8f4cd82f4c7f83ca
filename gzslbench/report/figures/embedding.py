"""t-SNE of several sets of points at once, so that their panels compare, and how points and panels are drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from gzslbench.report.figures.style import MARKERS, PALE, PALETTE

Plane = NDArray[np.floating]
PERPLEXITY = 30.0


def embed(sets: Sequence[NDArray[np.generic]]) -> list[Plane]:
    """Embed sets of points, each (n, d), in one plane: each (n, 2).

    One thread, since sums in another order move the points.
    """
    points = np.concatenate([np.asarray(each, dtype=np.float32) for each in sets])
    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    with threadpool_limits(1):
        plane = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(points)
    ends = np.cumsum([len(each) for each in sets])[:-1]
    return [np.asarray(part, dtype=np.float32) for part in np.split(plane, ends)]


def spread(count: int, most: int) -> NDArray[np.int64]:
    """Give at most ``most`` of ``count`` positions, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def planes(axes: Sequence[Axes], titles: Sequence[str], points: Sequence[Plane]) -> None:
    """Make panels show one embedding: the same square, around all points (n, 2), and no ticks, which mean nothing."""
    everything = np.concatenate(points)
    low, high = everything.min(axis=0), everything.max(axis=0)
    middle, half = (low + high) / 2, 0.54 * float((high - low).max())
    for each, title in zip(axes, titles, strict=True):
        each.set(title=title, xticks=[], yticks=[], box_aspect=1)
        each.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half))
        each.spines[:].set(visible=True, color=PALE)


def dots(axes: Axes, points: Plane, size: float, colour: str, marker: str = "o", label: str = "") -> None:
    """Draw points (n, 2); ``size`` is that of markers in points squared."""
    line = 0.8 if marker == "x" else 0.0
    axes.scatter(points[:, 0], points[:, 1], s=size, color=colour, marker=marker, linewidths=line, label=label)


def class_dots(
    axes: Axes, points: Plane, places: NDArray[np.int64], names: Sequence[str], size: float, marker: str = ""
) -> None:
    """Draw points (n, 2) by class, given as places (n,) in ``names``; classes that share a colour differ in marker."""
    for place, name in enumerate(names):
        shape = marker or MARKERS[place // len(PALETTE) % len(MARKERS)]
        dots(axes, points[places == place], size, PALETTE[place % len(PALETTE)], shape, name)
