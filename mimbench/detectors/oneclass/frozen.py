"""What one-class detectors on a frozen backbone share: its features, and a state without it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mimbench.detectors.networks.shared_features import (
    CHUNK,
    map_name,
    patches_name,
    pooled_name,
    provide,
)
from mimbench.detectors.networks.weights import require_weights
from mimbench.detectors.parameters import Side
from mimbench.detectors.protocol import Batch, Detector, State
from mimbench.errors import TrainingError

__all__ = ["FrozenFeatures", "FrozenPatches"]


class _Frozen(Detector):
    """A detector whose backbone comes from the recipe, not from the state.

    What it reads of the backbone is a shared output: one forward pass serves all rows that have the
    same network at the same size, in every fold. The backbone is made when it is first needed, so
    that a missing weights file fails this row alone; its weights belong to the recipe's identity
    already.
    """

    trains_on = "target"

    def __init__(self, backbone: str, weights: str, shared: str) -> None:
        self.backbone, self.weights, self.shared = backbone, weights, shared
        self.needs = (shared,)
        self.blind = weights == "none"
        self.device = torch.device("cpu")

    def require(self) -> None:
        """Make sure that there are weights."""
        require_weights(self.backbone, self.weights)

    def state(self) -> State:
        """The learned tensors, without the backbone."""
        return {k: v for k, v in vars(self).items() if isinstance(v, Tensor)}

    def to(self, device: torch.device) -> None:
        """Compute features on `device`; what is learned from them stays where it is."""
        self.device = device

    def _seen(self, images: Tensor) -> Tensor:
        """Features of training images."""
        if not len(images):
            raise TrainingError("There is no image of the target to train on.")
        parts = torch.split(images, CHUNK)
        return torch.cat([self._of(provide(self.shared, part.to(self.device))) for part in parts])

    def _features(self, batch: Batch) -> Tensor:
        """Features of a batch, on the CPU."""
        return self._of(batch[self.shared])

    def _of(self, shared: Tensor) -> Tensor:
        """What this detector makes of the shared output, on the CPU."""
        return shared.cpu()


class FrozenFeatures(_Frozen):
    """Base of detectors on features (N, D) of a model of torchvision or timm."""

    def __init__(self, backbone: str, weights: str, side: Side, layer: str = "") -> None:
        """`layer`: its map is averaged over the places; empty: the penultimate features."""
        named = map_name(backbone, weights, layer, side)
        super().__init__(
            backbone, weights, named if layer else pooled_name(backbone, weights, side)
        )

    def _of(self, shared: Tensor) -> Tensor:
        return shared.flatten(2).mean(2).cpu() if shared.ndim == 4 else shared.cpu()


class FrozenPatches(_Frozen):
    """Base of detectors on patches (N, P, D) of feature maps, see `shared_features`."""

    def __init__(self, backbone: str, weights: str, layers: Sequence[str], side: Side) -> None:
        """`layers` as for `Backbone`; empty: the two that follow the finest."""
        super().__init__(backbone, weights, patches_name(backbone, weights, layers, side))
