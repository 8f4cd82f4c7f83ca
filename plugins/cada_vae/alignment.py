"""What brings the latents of both modalities together: cross-alignment and distribution alignment (section 3.2).

All errors are sums over dimensions and means over the samples of a batch.
"""

from __future__ import annotations

from torch import Tensor


def reconstruction_errors(decoded: Tensor, original: Tensor) -> tuple[Tensor, Tensor]:
    """Compare what a modality's decoder makes of the latents of both modalities, by absolute differences.

    ``decoded`` (2, n, d) is of its own latents, then of the other's; ``original`` is (n, d). The first error is that of
    the modality's autoencoder, the second its share of L_CA.
    """
    own, crossed = (decoded - original).abs().sum(dim=(1, 2)).unbind()
    return own / len(original), crossed / len(original)


def distribution_distance(mean: Tensor, log_variance: Tensor, other_mean: Tensor, other_log_variance: Tensor) -> Tensor:
    """Give L_DA: the 2-Wasserstein distance between Gaussians with diagonal covariance, all (n, z)."""
    deviation, other_deviation = (0.5 * log_variance).exp(), (0.5 * other_log_variance).exp()
    squares = (mean - other_mean).square().sum(dim=1) + (deviation - other_deviation).square().sum(dim=1)
    return squares.sqrt().mean()
