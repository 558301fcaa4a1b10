"""Distance of an image's most unusual patch to the target's patches."""

import torch
from torch import Tensor

from mimbench.detectors.oneclass.frozen import FrozenPatches
from mimbench.detectors.parameters import Count, Side
from mimbench.detectors.protocol import Batch, TrainingSet

__all__ = ["PaDiM", "PatchCore", "greedy_coreset"]

PROJECTED = 128  # dimensions in which the coreset is chosen
RIDGE = 0.01  # PaDiM: added to every patch covariance, in units of its mean variance


def greedy_coreset(points: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Indices (count,) of points (N, D), each chosen as the furthest from those before it.

    Distances are taken after a random projection to at most 128 dimensions.

    Source: Sener and Savarese 2018; the projection as in Roth et al. 2022, section 3.2.
    """
    n, d = points.shape
    if d > PROJECTED:
        points = points @ torch.randn(d, PROJECTED, generator=generator) / PROJECTED**0.5
    chosen = torch.randint(0, n, (1,), generator=generator)
    distance = (points - points[chosen]).square().sum(1)
    while len(chosen) < min(count, n):
        furthest = distance.argmax()
        chosen = torch.cat([chosen, furthest[None]])
        distance = torch.minimum(distance, (points - points[furthest]).square().sum(1))
    return chosen


class PatchCore(FrozenPatches):
    """Largest distance of a patch to the nearest of the target's memorised patches.

    Source: Roth et al. 2022, "Towards total recall in industrial anomaly detection", without the
    re-weighting by the neighbours of the neighbour.
    """

    def __init__(
        self,
        backbone: str,
        weights: str = "none",
        layers: list[str] | None = None,
        memory: Count = 1000,
        side: Side = "input",
    ) -> None:
        """Describe the detector.

        Args:
            backbone: any classification model of `torchvision.models`, or "timm/NAME".
            weights: "none" (random: a control), "imagenet", a name such as "efficientnet_lite0", or
                the path of a .safetensors or .pth file.
            layers: modules whose maps are used; by default the second and third resolution, or
                for a transformer the blocks at a half and at three quarters of its depth.
            memory: most patches that are kept.
            side: of the images that the backbone sees: "input", "own" or pixels, see
                `preprocessing_of`.
        """
        super().__init__(backbone, weights, layers or [], side)
        self.memory = memory
        self.bank = torch.zeros(0, 0)

    def fit(self, train: TrainingSet) -> None:
        """Choose a coreset of the target's patches."""
        self.to(train.device)
        patches = self._seen(train.target.images).flatten(0, 1)
        self.bank = patches[greedy_coreset(patches, self.memory, train.generator)]

    def score(self, batch: Batch) -> Tensor:
        """Distance (N,), at least 0."""
        patches = self._features(batch)
        nearest = torch.cdist(patches.flatten(0, 1), self.bank).amin(1)
        return nearest.view(len(patches), -1).amax(1)


class PaDiM(FrozenPatches):
    """Largest Mahalanobis distance of a patch to the target's patches at the same place.

    Skin photos are not aligned, so that a place means little; the row shows what that costs.

    Source: Defard et al. 2021, "PaDiM: a patch distribution modeling framework".
    """

    def __init__(
        self,
        backbone: str,
        weights: str = "none",
        layers: list[str] | None = None,
        dimensions: Count = 50,
        side: Side = "input",
    ) -> None:
        """As for `PatchCore`; `dimensions` are drawn at random from the patches' features."""
        super().__init__(backbone, weights, layers or [], side)
        self.dimensions = dimensions
        self.drawn = torch.zeros(0, dtype=torch.long)
        self.mean, self.whitening = torch.zeros(0, 0), torch.zeros(0, 0, 0)

    def fit(self, train: TrainingSet) -> None:
        """Mean and covariance of each place."""
        self.to(train.device)
        patches = self._seen(train.target.images)
        self.drawn = torch.randperm(patches.shape[2], generator=train.generator)[: self.dimensions]
        patches = patches[:, :, self.drawn].double().transpose(0, 1)  # (P, N, d)
        mean = patches.mean(1, keepdim=True)
        covariance = (patches - mean).transpose(1, 2) @ (patches - mean) / patches.shape[1]
        ridge = RIDGE * covariance.diagonal(dim1=1, dim2=2).mean().clamp(min=1e-12)
        values, vectors = torch.linalg.eigh(covariance)
        scaled = vectors / (values.clamp(min=0) + ridge).sqrt()[:, None, :]
        # contiguous as a state file keeps it, so that a restored fit rounds alike
        self.whitening, self.mean = scaled.float().contiguous(), mean[:, 0].float().contiguous()

    def score(self, batch: Batch) -> Tensor:
        """Distance (N,), at least 0."""
        gap = self._features(batch)[:, :, self.drawn] - self.mean
        white = torch.einsum("npd,pde->npe", gap, self.whitening)
        return white.square().sum(2).amax(1).sqrt()
