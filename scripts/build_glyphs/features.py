"""Features: histograms of oriented gradients, projected on the principal components of the training pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.feature import hog

COMPONENTS = 128


def describe(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the histogram of oriented gradients of a picture, (1764,)."""
    return np.asarray(hog(picture / 255.0, orientations=9, pixels_per_cell=(4, 4), cells_per_block=(2, 2)), float)


def project(histograms: NDArray[np.float64], training: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the principal components of all rows, (n, 128), fitted on the training rows.

    One scale for all makes the first of unit variance; signs are fixed; values are exact in float16.
    """
    mean = histograms[training].mean(axis=0)
    covariance = np.cov(histograms[training], rowvar=False)
    values, vectors = np.linalg.eigh(covariance)
    axes = vectors[:, np.argsort(values)[::-1][:COMPONENTS]]
    largest = np.abs(axes).argmax(axis=0)
    axes *= np.sign(axes[largest, np.arange(COMPONENTS)])
    components = (histograms - mean) @ axes
    components /= components[training].std(axis=0).max()
    rounded: NDArray[np.float32] = components.astype(np.float16).astype(np.float32)
    return rounded
