"""Distance to the target's images in the feature space of a frozen backbone."""

import torch
from torch import Tensor

from mimbench.detectors.gaussian import Gaussian
from mimbench.detectors.graph import ScoreGraph
from mimbench.detectors.oneclass.frozen import FrozenFeatures
from mimbench.detectors.parameters import Count, Side
from mimbench.detectors.protocol import Batch, TrainingSet

__all__ = ["FeatureMahalanobis", "FeatureNeighbours"]


class FeatureNeighbours(FrozenFeatures):
    """Distance to the k-th nearest target image.

    Source: Sun et al. 2022, "Out-of-distribution detection with deep nearest neighbors".
    """

    random = False

    def __init__(
        self,
        backbone: str,
        weights: str = "none",
        neighbours: Count = 3,
        side: Side = "input",
        layer: str = "",
    ) -> None:
        """Describe the detector.

        Args:
            backbone: any classification model of `torchvision.models`, or "timm/NAME".
            weights: "none" (random: a control), "imagenet", a name such as "efficientnet_lite0", or
                the path of a .safetensors or .pth file.
            neighbours: k.
            side: of the images that the backbone sees: "input", "own" or pixels, see
                `preprocessing_of`.
            layer: module whose map, averaged over its places, is compared; empty: the penultimate
                features.
        """
        super().__init__(backbone, weights, side, layer)
        self.neighbours = neighbours
        self.bank = torch.zeros(0, 0)

    def fit(self, train: TrainingSet) -> None:
        """Keep the target's features, of unit length."""
        self.to(train.device)
        self.bank = torch.nn.functional.normalize(self._seen(train.target.images))

    def score(self, batch: Batch) -> Tensor:
        """Distance (N,) in [0, 2]."""
        features = torch.nn.functional.normalize(self._features(batch))
        distances = torch.cdist(features, self.bank)
        return distances.topk(min(self.neighbours, len(self.bank)), largest=False).values[:, -1]

    def graph(self) -> ScoreGraph:
        """The fitted detector for export, see `Detector.graph`."""
        return ScoreGraph(self)


class FeatureMahalanobis(FrozenFeatures):
    """Squared Mahalanobis distance to the target's mean, with a shrunk covariance.

    Source: Rippel et al. 2020, "Modeling the distribution of normal data in pre-trained deep
    features for anomaly detection"; shrinkage of Ledoit and Wolf 2004.
    """

    random = False

    def __init__(self, backbone: str, weights: str = "none", side: Side = "input") -> None:
        """Parameters as for `FeatureNeighbours`."""
        super().__init__(backbone, weights, side)
        self.whitening = torch.zeros(0, 0, dtype=torch.float64)
        self.means = torch.zeros(0, 0, dtype=torch.float64)

    def fit(self, train: TrainingSet) -> None:
        """Mean and covariance of the target's features."""
        self.to(train.device)
        features = self._seen(train.target.images)
        fitted = Gaussian.fit(features, torch.zeros(len(features), dtype=torch.long))
        self.whitening, self.means = fitted.whitening, fitted.means

    def score(self, batch: Batch) -> Tensor:
        """Squared distance (N,), at least 0."""
        fitted = Gaussian(self.whitening, self.means)
        return fitted.distances(self._features(batch))[:, 0]
