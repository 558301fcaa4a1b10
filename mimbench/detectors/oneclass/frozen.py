"""What one-class detectors on a frozen backbone share: its features, and a state without it."""

from abc import ABC, abstractmethod
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mimbench.detectors.networks.backbone import Backbone
from mimbench.detectors.networks.network import Network, build_network
from mimbench.detectors.networks.weights import require_weights
from mimbench.detectors.parameters import Side
from mimbench.detectors.protocol import Detector, State
from mimbench.errors import TrainingError

__all__ = ["FrozenFeatures", "FrozenPatches"]

BATCH = 32


class _Frozen(Detector, ABC):
    """A detector whose backbone comes from the recipe, not from the state.

    The backbone is made when it is first needed, so that a missing weights file fails this row
    alone; its weights belong to the recipe's identity already.
    """

    trains_on = "target"

    def __init__(self, backbone: str, weights: str, side: Side) -> None:
        self.backbone, self.weights, self.side = backbone, weights, side
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
        with torch.no_grad():
            parts = [self._features(part.to(self.device)) for part in torch.split(images, BATCH)]
        return torch.cat(parts)

    @abstractmethod
    def _features(self, images: Tensor) -> Tensor:
        """Features of uint8 images (N, 3, H, W), on the CPU."""


class FrozenFeatures(_Frozen):
    """Base of detectors on the penultimate features of a model of torchvision or timm."""

    @cached_property
    def _network(self) -> Network:
        network = build_network(self.backbone, 2, self.weights, seed=0, side=self.side)
        return network.eval().requires_grad_(False)

    def _features(self, images: Tensor) -> Tensor:
        """Features (N, D) of uint8 images (N, 3, H, W), on the CPU."""
        _, features, _ = self._network.to(self.device).outputs(images)
        return features.float().cpu()


class FrozenPatches(_Frozen):
    """Base of detectors on patches: feature maps of two depths, averaged over 3 x 3 neighbours."""

    def __init__(self, backbone: str, weights: str, layers: list[str], side: Side) -> None:
        """`layers` as for `Backbone`; empty: the two that follow the finest."""
        super().__init__(backbone, weights, side)
        self.layers = layers

    @cached_property
    def _extractor(self) -> Backbone:
        found = Backbone(self.backbone, self.weights, self.layers, self.side)
        if self.layers:
            return found
        layers = found.layers[1:3] or found.layers
        return Backbone(self.backbone, self.weights, layers, self.side)

    def _features(self, images: Tensor) -> Tensor:
        """Patches (N, P, D) of uint8 images (N, 3, H, W), on the CPU."""
        maps = self._extractor.to(self.device)(images.float() / 255)
        smooth = nn.AvgPool2d(3, stride=1, padding=1)
        side = maps[0].shape[-2:]
        aligned = [
            interpolate(smooth(one), side, mode="bilinear", align_corners=False) for one in maps
        ]
        return torch.cat(aligned, 1).flatten(2).transpose(1, 2).float().cpu()
