"""MIM in feature space: mask and inpaint the map that a frozen backbone makes of an image."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate, normalize

from mimbench.detectors.imaging.similarity import FEWEST, fit_line
from mimbench.detectors.mim.feature_inpainters import (
    build_inpainter,
    mean_squared_error,
    neighbour_average,
    principal_components,
)
from mimbench.detectors.networks.backbone import Backbone
from mimbench.detectors.networks.devices import seeded
from mimbench.detectors.parameters import Channels, Pixels, Steps
from mimbench.detectors.protocol import Batch, Detector, ImageSet, State, TrainingSet
from mimbench.detectors.statefile import add_prefix, strip_prefix
from mimbench.detectors.training import History
from mimbench.errors import DetectorError, RecipeError, TrainingError

__all__ = ["MIMFeatures"]

SMALLEST_ERROR = 1e-6
CHUNK = 32  # images in one forward pass of the backbone


class MIMFeatures(Detector):
    """Mask, inpaint and measure in the feature map of a frozen backbone.

    Each cell of the map has unit length and is reduced to the principal components of the target's
    cells. An inpainter that has seen the target alone predicts each cell from the cells around it;
    the reference that has seen nothing is the mean of its neighbours.

    Scores, all higher = less like the target:

    - `l2`: log of the inpainting's mean squared error.
    - `untrained`: log error of the neighbours' mean.
    - `contrast`: `l2` minus `untrained`.
    - `residual`: `l2` minus what a line predicts from `untrained`, fitted on held-out target
      images.
    """

    trains_on = "target"
    lines = MappingProxyType({"residual": "untrained"})

    def __init__(
        self,
        architecture: str = "squeezenet1_0",
        weights: str = "",
        layer: str = "features.7",
        inpainter: str = "memory",
        side: Pixels = 224,
        grid: Annotated[int, Field(ge=3, le=224)] = 13,
        components: Channels = 48,
        steps: Steps = 300,
    ) -> None:
        """Build the detector of a recipe.

        Args:
            architecture: a classification model of `torchvision.models`, or "timm/NAME".
            weights: "imagenet", "none" (a control), or the path of a file.
            layer: name of the module whose output is inpainted.
            inpainter: "memory", "convolution", or "projection" (a control that hides nothing).
            side: images are scaled to this size for the backbone, pixels.
            grid: the map is pooled to grid × grid cells.
            components: number of principal components that are kept.
            steps: batches that the convolution trains, at most.

        Raises:
            UnknownNameError: there is no such inpainter or architecture.
            WeightsError: the weights are missing or do not fit.
        """
        self.backbone = Backbone(architecture, weights, [layer])
        self.blind = weights == "none"
        self.kind, self.side, self.grid, self.components = inpainter, side, grid, components
        self.steps = steps
        self.mean, self.basis = torch.zeros(0), torch.zeros(0, 0)
        self._draw_inpainter(0)
        self.line: tuple[float, float] | None = None
        self.history: History = []

    def fit(self, train: TrainingSet) -> None:
        """Learn components and inpainter on the target; fit the line on held-out target.

        Raises:
            TrainingError: no image, too few held-out images, or a loss that is not finite.
        """
        held_out = _of_category(train.validation, train.target_name)
        if not len(train.target) or len(held_out) < 2:
            raise TrainingError(
                f"mim-features needs images of '{train.target_name}' to train on and 2 or more of "
                f"other patients to fit the residual, and has {len(train.target)} and "
                f"{len(held_out)}."
            )
        self.to(train.device)
        maps = self._maps(train.target.images.to(train.device))
        cells = maps.permute(0, 2, 3, 1).flatten(0, 2)
        if self.components > cells.shape[1]:
            raise RecipeError(
                f"mim-features' parameter 'components' is {self.components}, and the layer has "
                f"{cells.shape[1]} channels."
            )
        self.mean, self.basis = principal_components(cells, self.components)
        self._draw_inpainter(train.seed)
        self.inpainter.to(train.device)
        validation = self._reduced(self._maps(held_out.to(train.device)))
        self.history = self.inpainter.learn(self._reduced(maps), validation, train)
        self.inpainter.eval()
        error, reference = self._errors(validation)
        self.line = fit_line(reference, error) if len(held_out) >= FEWEST else None

    @property
    def not_run(self) -> Mapping[str, str]:  # type: ignore[override]
        """The residual, where too few images were held out for its line."""
        few = f"its line needs {FEWEST} held-out images of the target, and there were fewer"
        return {"residual": few} if self.line is None else {}

    @torch.no_grad()
    def score(self, batch: Batch) -> Mapping[str, Tensor | DetectorError]:
        """Scores of one pass, each float (N,), higher = less like the target."""
        images = batch.images.to(self.mean.device)
        error, reference = self._errors(self._reduced(self._maps(images)))
        scores = {"l2": error, "untrained": reference, "contrast": error - reference}
        if self.line is not None:
            intercept, slope = self.line
            scores["residual"] = error - (intercept + slope * reference)
        return {**scores, **{name: DetectorError(why) for name, why in self.not_run.items()}}

    def state(self) -> State:
        """Components, inpainter, line and loss curves; the backbone stays where it came from."""
        learned = {"mean": self.mean, "basis": self.basis, "line": self.line}
        return (
            learned
            | {"history": self.history}
            | add_prefix("inpainter", self.inpainter.state_dict())
        )

    def load(self, state: State) -> None:
        """Restore what `state` returned."""
        try:
            self.mean, self.basis = state["mean"], state["basis"]
            self.line = None if state["line"] is None else tuple(state["line"])
            self.history = list(state["history"])
            self.inpainter.restore(strip_prefix("inpainter", state))
        except (RuntimeError, KeyError) as error:
            raise DetectorError(f"This state is not one of mim-features: {error}") from error
        self.inpainter.eval()

    def _draw_inpainter(self, seed: int) -> None:
        with seeded(seed):
            self.inpainter = build_inpainter(self.kind, self.components, self.steps)

    @torch.no_grad()
    def _maps(self, images: Tensor) -> Tensor:
        """Maps (N, C, grid, grid) of uint8 images (N, 3, H, W); each cell has unit length."""
        parts = []
        for part in torch.split(images, CHUNK):
            scaled = interpolate(part.float() / 255, (self.side, self.side), mode="bilinear")
            pooled = adaptive_avg_pool2d(self.backbone(scaled)[0], self.grid)
            parts.append(normalize(pooled, dim=1))
        return torch.cat(parts)

    def _reduced(self, maps: Tensor) -> Tensor:
        return torch.einsum("nchw,ck->nkhw", maps - self.mean[:, None, None], self.basis)

    @torch.no_grad()
    def _errors(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Log error of the inpainter and of the neighbours' mean, each (N,)."""
        errors = [
            mean_squared_error(maps, predicted).clamp(min=SMALLEST_ERROR).log()
            for predicted in (self.inpainter(maps), neighbour_average(maps))
        ]
        return errors[0], errors[1]


def _of_category(images: ImageSet, category: str) -> Tensor:
    chosen = [name == category for name in images.categories]
    return images.images[torch.tensor(chosen, dtype=torch.bool)]
