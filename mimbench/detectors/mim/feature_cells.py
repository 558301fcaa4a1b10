"""What detectors on the cells of one feature map share: the map, views and standardisation."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from mimbench.detectors.graph import ScoreGraph
from mimbench.detectors.mim.surroundings import Surroundings, surroundings
from mimbench.detectors.networks.shared_features import map_name, provide
from mimbench.detectors.networks.weights import require_weights
from mimbench.detectors.parameters import Side
from mimbench.detectors.protocol import Batch, Detector, State, TrainsOn
from mimbench.errors import TrainingError

__all__ = ["FeatureCells", "around", "mean_log"]

SMALLEST_ERROR = 1e-6
SMALLEST_DEVIATION = 1e-3  # of a channel, as a share of the mean one; less is not enlarged further
VIEWS = ((), (3,), (2,), (2, 3))  # dimensions of (N, 3, H, W) that are turned round


class FeatureCells(Detector):
    """Base of detectors on the cells of a frozen backbone's map.

    Each channel is standardised by its mean and deviation over the target's cells. The map is a
    shared output, so that one forward pass serves all of them, in every fold.
    """

    trains_on: ClassVar[TrainsOn] = "target"
    random = False

    def __init__(self, backbone: str, weights: str, layer: str, side: Side) -> None:
        """`layer`: name of the module that gives the map; the others as for `Backbone`."""
        self.backbone, self.weights, self.layer = backbone, weights, layer
        self.shared = map_name(backbone, weights, layer, side)
        self.needs = (self.shared,)
        self.blind = weights == "none"
        self.device = torch.device("cpu")
        self.mean, self.deviation = torch.zeros(0), torch.zeros(0)

    def require(self) -> None:
        """Make sure that there are weights."""
        require_weights(self.backbone, self.weights)

    def graph(self) -> ScoreGraph:
        """The fitted detector for export, see `Detector.graph`."""
        return ScoreGraph(self)

    def state(self) -> State:
        """The learned tensors, without the backbone, which comes from the recipe."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}

    def to(self, device: torch.device) -> None:
        """Compute maps on `device`; what is learned from them stays on the CPU."""
        self.device = device

    def _seen(self, batch: Batch) -> Tensor:
        """Cells of a batch, (N, P, C), row by row, on the CPU."""
        return _cells(batch[self.shared])

    def _standardised(self, cells: Tensor) -> Tensor:
        return (cells - self.mean) / self.deviation

    def _learn_scale(self, images: Tensor) -> Tensor:
        """Standardise by these images, each in four views, and return their cells (4 N, P, C).

        The views are the image, turned left to right, upside down, and both.

        Raises:
            TrainingError: there is no image.
        """
        if not len(images):
            raise TrainingError("There is no image of the target to train on.")
        on_device = images.to(self.device)
        cells = torch.cat([_cells(provide(self.shared, on_device.flip(view))) for view in VIEWS])
        exact = cells.flatten(0, 1).double()
        deviation = exact.std(0, correction=0)
        floor = SMALLEST_DEVIATION * float(deviation.mean()) or 1.0
        self.mean, self.deviation = exact.mean(0).float(), deviation.clamp(min=floor).float()
        return self._standardised(cells)


def _cells(maps: Tensor) -> Tensor:
    """Cells (N, P, C) of maps (N, C, H', W'), on the CPU."""
    return maps.flatten(2).transpose(1, 2).cpu()


def around(cells: Tensor) -> Surroundings:
    """The surroundings of cells (N, P, C) of a square map."""
    return surroundings(math.isqrt(cells.shape[1]))


def mean_log(squared: Tensor) -> Tensor:
    """Mean over cells of the log of squared distances (N, P): (N,)."""
    return squared.clamp(min=SMALLEST_ERROR).log().mean(1)
