"""Mahalanobis distances with a covariance that few images can bear."""

from dataclasses import dataclass

import torch
from sklearn.covariance import ledoit_wolf
from torch import Tensor

__all__ = ["Gaussian"]


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
    def fit(cls, features: Tensor, labels: Tensor) -> "Gaussian":
        """Class means and the covariance around them, shrunk to a multiple of the identity.

        Args:
            features: (N, D).
            labels: int64 (N,), 0 to K - 1, each at least once.

        Source: Lee et al. 2018, "A simple unified framework for detecting out-of-distribution
        samples"; shrinkage of Ledoit and Wolf 2004.
        """
        points = features.double().cpu()
        means = torch.stack([points[labels == k].mean(0) for k in range(int(labels.max()) + 1)])
        centred = points - means[labels]
        covariance, _ = ledoit_wolf(centred.numpy(), assume_centered=True)
        shrunk = torch.from_numpy(covariance)
        floor = 1e-9 * max(float(shrunk.trace()) / len(shrunk), 1e-9)
        values, vectors = torch.linalg.eigh(shrunk)
        # contiguous as a state file keeps it, so that a restored fit rounds alike
        whitening = (vectors / values.clamp(min=floor).sqrt()).contiguous()
        return cls(whitening, means @ whitening)

    def distances(self, features: Tensor) -> Tensor:
        """Squared Mahalanobis distances (N, K) of features (N, D), at least 0."""
        white = features.double().cpu() @ self.whitening
        return torch.cdist(white, self.means, compute_mode="donot_use_mm_for_euclid_dist").square()
