"""What MIM in feature space is compared with: the same features without a mask, and untrained."""

from collections.abc import Mapping

import torch
from torch import Tensor

from mimbench.detectors.controls import both_readings
from mimbench.detectors.mim.feature_cells import FeatureCells, around, mean_log
from mimbench.detectors.parameters import Channels, Side
from mimbench.detectors.protocol import Batch, TrainingSet
from mimbench.errors import RecipeError

__all__ = ["FeatureRoughness", "PCARatio"]


class FeatureRoughness(FeatureCells):
    """Control: error of the inpainting that `MIMFeatures` is compared with, which learns nothing.

    Score: log of the squared distance of the mean of the hidden 3 x 3 cells and the mean of ring 1,
    mean over the cells, in the backbone's own units.
    """

    trains_on = "nothing"

    def __init__(
        self, backbone: str, weights: str = "", layer: str = "blocks.6", side: Side = 224
    ) -> None:
        """Parameters as for `MIMFeatures`."""
        super().__init__(backbone, weights, layer, side)

    @torch.no_grad()
    def score(self, batch: Batch) -> Mapping[str, Tensor]:
        """Log distance (N,), in both readings."""
        cells = self._seen(batch)
        return both_readings(mean_log(around(cells).roughness(cells)))


class PCARatio(FeatureCells):
    """Distance of cells from the few directions in which the target's vary most; nothing is hidden.

    Cells as for `MIMFeatures`, in the first `components` principal components of the target's. The
    error is what the first `kept` of them leave. It shows what the masking of `MIMFeatures` adds.

    Scores, both higher = less like the target:

    - `l2`: log of the squared distance, mean over the cells.
    - `ratio`: `l2` minus the same mean log distance of means as for `MIMFeatures`, in the same
      components.
    """

    def __init__(
        self,
        backbone: str,
        weights: str = "",
        layer: str = "blocks.6",
        side: Side = 224,
        components: Channels = 48,
        kept: Channels = 4,
    ) -> None:
        """Describe the detector.

        Args:
            backbone: any classification model of `torchvision.models`, or "timm/NAME".
            weights: as for `Backbone`.
            layer: name of the module whose output is used.
            side: of the images that the backbone sees, as for `Backbone`.
            components: principal components that cells are described by.
            kept: of these, those that reconstruct a cell.

        Raises:
            RecipeError: all components would be kept, so that nothing is left to measure.
        """
        super().__init__(backbone, weights, layer, side)
        if kept >= components:
            raise RecipeError(
                f"pca-ratio keeps {kept} of {components} components; 'kept' must be below "
                "'components'."
            )
        self.components, self.kept = components, kept
        self.basis = torch.zeros(0, 0)

    def fit(self, train: TrainingSet) -> None:
        """Principal components of the target's cells, each image in four views.

        Raises:
            TrainingError: there is no image of the target.
            RecipeError: the map is too small or has too few channels.
        """
        self.to(train.device)
        cells = self._learn_scale(train.target.images)
        around(cells)
        channels = cells.shape[2]
        if self.components > channels:
            raise RecipeError(
                f"pca-ratio's parameter 'components' is {self.components}, and the layer "
                f"'{self.layer}' has {channels} channels."
            )
        rows = cells.flatten(0, 1).double()
        directions = torch.linalg.eigh(rows.T @ rows).eigenvectors.flip(1)
        self.basis = directions[:, : self.components].float()

    @torch.no_grad()
    def score(self, batch: Batch) -> Mapping[str, Tensor]:
        """Scores of one pass, each float (N,)."""
        cells = self._standardised(self._seen(batch)) @ self.basis
        error = mean_log(cells[..., self.kept :].square().sum(2))
        return {"ratio": error - mean_log(around(cells).roughness(cells)), "l2": error}
