"""Mahalanobis distances with a covariance that few images can bear."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Gaussian", "Regulariser", "regulariser_of", "shrinkage"]

FLOOR = 1e-9  # least variance in any direction, in units of the mean variance


@dataclass(frozen=True)
class Regulariser:
    """What a covariance is mixed with, so that it has an inverse: a multiple of the identity.

    Distances that are subtracted from each other need the same one. In directions that no training
    image has, a distance is the regulariser's alone: two of them leave a difference there that
    grows with everything unlike the training images, in either direction.

    Attributes:
        share: in [0, 1], of the identity in the mixture.
        variance: what the identity is multiplied by, above 0.
    """

    share: float
    variance: float

    @classmethod
    def of(cls, centred: Tensor, dimensions: int) -> "Regulariser":
        """The one with the least error for points float64 (N, D) whose mean is 0."""
        variance = float(centred.square().sum()) / (len(centred) * dimensions)
        return cls(shrinkage(centred, dimensions), max(variance, FLOOR))

    def whitening(self, covariance: Tensor) -> Tensor:
        """Float64 (D, D), whose product with its transpose is the inverse of the mixture."""
        level = self.share * self.variance * torch.ones(len(covariance), dtype=torch.float64)
        values, vectors = torch.linalg.eigh((1 - self.share) * covariance + level.diag())
        # contiguous as a state file keeps it, so that a restored fit rounds alike
        whitening: Tensor = (vectors / values.clamp(min=FLOOR * self.variance).sqrt()).contiguous()
        return whitening


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
    def fit(
        cls,
        features: Tensor,
        labels: Tensor,
        dimensions: int | None = None,
        regulariser: Regulariser | None = None,
    ) -> "Gaussian":
        """Class means and the covariance around them, shrunk to a multiple of the identity.

        Args:
            features: (N, D).
            labels: int64 (N,), 0 to K - 1, each at least once.
            dimensions: of the space that the features come from, if they are coordinates in a
                subspace that holds them all; else D.
            regulariser: of another Gaussian whose distances are subtracted from this one's; by
                default the one with the least error for these features.

        Source: Lee et al. 2018, "A simple unified framework for detecting out-of-distribution
        samples"; shrinkage of Ledoit and Wolf 2004.
        """
        means, centred = _centred(features, labels)
        mixed = regulariser or Regulariser.of(centred, dimensions or centred.shape[1])
        whitening = mixed.whitening(centred.T @ centred / len(centred))
        return cls(whitening, means @ whitening)

    def distances(self, features: Tensor) -> Tensor:
        """Squared Mahalanobis distances (N, K) of features (N, D), at least 0."""
        white = features.double().cpu() @ self.whitening
        return torch.cdist(white, self.means, compute_mode="donot_use_mm_for_euclid_dist").square()


def regulariser_of(features: Tensor, labels: Tensor, dimensions: int) -> Regulariser:
    """The one that `Gaussian.fit` takes by default for these features and classes."""
    return Regulariser.of(_centred(features, labels)[1], dimensions)


def _centred(features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Class means float64 (K, D), and the features (N, D) around them."""
    points = features.double().cpu()
    means = torch.stack([points[labels == k].mean(0) for k in range(int(labels.max()) + 1)])
    return means, points - means[labels]


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
