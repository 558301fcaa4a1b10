"""Mahalanobis distances with a covariance that few images can bear."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Gaussian", "shrinkage"]


@dataclass(frozen=True)
class Gaussian:
    """Means with one shrunk covariance, kept as the map that whitens it.

    Attributes:
        whitening: float64 (D, D); the precision is its product with its transpose.
        means: float64 (K, D), whitened.
    """

    whitening: Tensor
    means: Tensor

    @classmethod
    def fit(cls, features: Tensor, labels: Tensor, dimensions: int | None = None) -> "Gaussian":
        """Class means and the covariance around them, shrunk to a multiple of the identity.

        Args:
            features: (N, D).
            labels: int64 (N,), 0 to K - 1, each at least once.
            dimensions: of the space that the features come from, if they are coordinates in a
                subspace that holds them all; else D.

        Source: Lee et al. 2018, "A simple unified framework for detecting out-of-distribution
        samples"; shrinkage of Ledoit and Wolf 2004.
        """
        points = features.double().cpu()
        means = torch.stack([points[labels == k].mean(0) for k in range(int(labels.max()) + 1)])
        centred = points - means[labels]
        covariance = centred.T @ centred / len(centred)
        dimensions = dimensions or covariance.shape[0]
        mean_variance = float(covariance.trace()) / dimensions
        share = shrinkage(centred, dimensions)
        level = share * mean_variance * torch.ones(len(covariance), dtype=torch.float64)
        shrunk = (1 - share) * covariance + level.diag()
        floor = 1e-9 * max(mean_variance, 1e-9)
        values, vectors = torch.linalg.eigh(shrunk)
        # contiguous as a state file keeps it, so that a restored fit rounds alike
        whitening = (vectors / values.clamp(min=floor).sqrt()).contiguous()
        return cls(whitening, means @ whitening)

    def distances(self, features: Tensor) -> Tensor:
        """Squared Mahalanobis distances (N, K) of features (N, D), at least 0."""
        white = features.double().cpu() @ self.whitening
        return torch.cdist(white, self.means, compute_mode="donot_use_mm_for_euclid_dist").square()


def shrinkage(centred: Tensor, dimensions: int) -> float:
    """Share in [0, 1] of a multiple of the identity in the covariance with the least error.

    Args:
        centred: float64 (N, D), whose mean is 0.
        dimensions: as for `Gaussian.fit`.

    Source: Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional covariance
    matrices", lemmata 3.2 to 3.4.
    """
    n = len(centred)
    # the smaller of both products has the same norm
    product = centred @ centred.T if n < centred.shape[1] else centred.T @ centred
    squared_norm = float((product / n).square().sum())
    mean_variance = float(centred.square().sum()) / (n * dimensions)
    dispersion = squared_norm - dimensions * mean_variance**2
    fourth = float(centred.square().sum(1).square().mean())
    error = min((fourth - squared_norm) / n, dispersion)
    return error / dispersion if error > 0 else 0.0
