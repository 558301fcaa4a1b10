"""MIM in feature space: mask and inpaint the map that a frozen backbone makes of an image."""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from mimbench.detectors.mim.feature_cells import FeatureCells, around, mean_log
from mimbench.detectors.mim.surroundings import Surroundings
from mimbench.detectors.parameters import Side
from mimbench.detectors.protocol import Batch, TrainingSet

__all__ = ["MIMFeatures", "ridge"]

CHUNK = 64  # images whose contexts are held at once


class MIMFeatures(FeatureCells):
    """Mask, inpaint and measure in the feature map of a frozen backbone.

    The 3 x 3 cells around each cell are hidden. Ridge regression, fitted on the target alone,
    predicts the cell from the means of ring 1, of rings 2 and 3 and of all cells further away, see
    `surroundings`. How well it can be predicted depends on how smooth the image is, as for pixels:
    hence a ratio to what the mean of ring 1 leaves of the mean of the hidden block.

    Scores, both higher = less like the target:

    - `l2`: log of the squared distance of cell and prediction, mean over the cells.
    - `ratio`: `l2` minus the mean log of the squared distance of the block's mean and ring 1's.
    """

    def __init__(
        self,
        backbone: str,
        weights: str = "",
        layer: str = "blocks.6",
        side: Side = 224,
        penalty: Annotated[float, Field(gt=0, le=10**6)] = 0.1,
    ) -> None:
        """Describe the detector.

        Args:
            backbone: any classification model of `torchvision.models`, or "timm/NAME".
            weights: as for `Backbone`.
            layer: name of the module whose output is inpainted.
            side: of the images that the backbone sees, as for `Backbone`.
            penalty: of the ridge regression, in units of the mean variance of the context.
        """
        super().__init__(backbone, weights, layer, side)
        self.penalty = penalty
        self.coefficients, self.intercept = torch.zeros(0, 0), torch.zeros(0)

    def fit(self, train: TrainingSet) -> None:
        """Fit the regression on the target's images, each in four views.

        Raises:
            TrainingError: there is no image of the target.
            RecipeError: the map is too small.
        """
        self.to(train.device)
        cells = self._learn_scale(train.target.images)
        self.coefficients, self.intercept = ridge(cells, around(cells), self.penalty)

    @torch.no_grad()
    def score(self, batch: Batch) -> Mapping[str, Tensor]:
        """Scores of one pass, each float (N,)."""
        cells = self._standardised(self._seen(batch))
        places = around(cells)
        predicted = places.context(cells) @ self.coefficients + self.intercept
        error = mean_log((cells - predicted).square().sum(2))
        return {"ratio": error - mean_log(places.roughness(cells)), "l2": error}


def ridge(cells: Tensor, places: Surroundings, penalty: float) -> tuple[Tensor, Tensor]:
    """Ridge regression of each cell on what is seen around it, in closed form.

    Args:
        cells: (N, P, C), standardised.
        places: the surroundings of its cells.
        penalty: of the squared coefficients, beside the mean squared error of all cells, in units
            of the mean variance of the context.

    Returns:
        Coefficients (3 C, C) and intercept (C,).

    Source: Hoerl and Kennard 1970, "Ridge regression: biased estimation for nonorthogonal
    problems".
    """
    width = 3 * cells.shape[2]
    count = cells.shape[0] * cells.shape[1]
    total = torch.zeros(width + cells.shape[2], dtype=torch.float64)
    products = torch.zeros(width, len(total), dtype=torch.float64)
    for part in torch.split(cells.double(), CHUNK):
        seen = places.context(part).flatten(0, 1)
        both = torch.cat([seen, part.flatten(0, 1)], dim=1)
        total += both.sum(0)
        products += seen.T @ both
    mean = total / count
    covariance = products / count - mean[:width, None] * mean
    own = covariance[:, :width]
    own.diagonal().add_(penalty * float(own.diagonal().mean()))
    coefficients = torch.linalg.solve(own, covariance[:, width:])
    intercept = mean[width:] - mean[:width] @ coefficients
    return coefficients.float(), intercept.float()
