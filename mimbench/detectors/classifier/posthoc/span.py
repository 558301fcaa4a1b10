"""Fewer coordinates for the same distances: what few training images know of a wide space."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

__all__ = ["Span"]

NEGLIGIBLE = 1e-9  # of the strongest direction


@dataclass(frozen=True)
class Span:
    """An isometry of all points that a distance to the spanning ones can tell apart.

    Distances, inner products and covariances of n points in D > n dimensions involve n directions
    and, of everything else, only how much there is of it: n + 1 coordinates instead of D.

    Attributes:
        basis: float64 (D, r), orthonormal; None if the points leave no direction out.
    """

    basis: Tensor | None

    @classmethod
    def of(cls, points: Tensor) -> "Span":
        """The span of points (N, D) and the origin."""
        if len(points) >= points.shape[1]:
            return cls(None)
        _, strength, directions = torch.linalg.svd(normalize(points.double()), full_matrices=False)
        return cls(directions[strength > NEGLIGIBLE * strength.max()].T.contiguous())

    def __call__(self, points: Tensor) -> Tensor:
        """Coordinates float64 (N, r + 1), the last of them the distance from the span."""
        points = points.double()
        if self.basis is None:
            return points
        inside = points @ self.basis
        outside = points.square().sum(1) - inside.square().sum(1)
        return torch.cat([inside, outside.clamp(min=0).sqrt()[:, None]], 1)

    def functionals(self, weights: Tensor) -> Tensor:
        """Linear functionals (K, D) that lie in the span, by its coordinates: (K, r + 1)."""
        if self.basis is None:
            return weights.double()
        inside = weights.double() @ self.basis
        return torch.cat([inside, inside.new_zeros(len(inside), 1)], 1)
