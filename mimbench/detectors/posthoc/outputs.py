"""What post-hoc scores are made of: outputs of one forward pass, and those of the training set."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from mimbench.detectors.gaussian import Gaussian
from mimbench.detectors.networks import Network
from mimbench.errors import DetectorError

__all__ = ["Maker", "Outputs", "Scorer", "Seen", "forward"]


@dataclass(frozen=True)
class Outputs:
    """Outputs of one forward pass, on the CPU.

    Attributes:
        images: uint8 (N, 3, H, W), where they were given.
        logits: float32 (N, K), the target first.
        features: float32 (N, D), the head's input.
        maps: float32 (N, D, H', W'), what was averaged to the features; None if nothing was.
    """

    images: Tensor
    logits: Tensor
    features: Tensor
    maps: Tensor | None


def forward(network: Network, images: Tensor) -> Outputs:
    """One forward pass of uint8 images (N, 3, H, W)."""
    logits, features, maps = network.outputs(images)
    return Outputs(
        images,
        logits.float().cpu(),
        features.float().cpu(),
        None if maps is None else maps.float().cpu(),
    )


@dataclass(frozen=True)
class Seen:
    """What the classifier has seen: outputs on training and validation images as they are.

    Attributes:
        network: the trained classifier.
        logits, features: of the training images, as in `Outputs`.
        labels: int64 (N,), 0 is the target.
        held_out_logits, held_out_labels: of the validation images.
    """

    network: Network
    logits: Tensor
    features: Tensor
    labels: Tensor
    held_out_logits: Tensor
    held_out_labels: Tensor

    @property
    def target(self) -> Tensor:
        """Features of the target's training images, (n, D)."""
        return self.features[self.labels == 0]

    @cached_property
    def classes(self) -> Gaussian:
        """The classes in feature space, with one covariance around their means."""
        return Gaussian.fit(self.features, self.labels)

    @cached_property
    def everything(self) -> Gaussian:
        """All training images in feature space as one class."""
        return Gaussian.fit(self.features, torch.zeros_like(self.labels))

    def head(self) -> nn.Linear:
        """A copy of the head on the CPU.

        Raises:
            DetectorError: the logits are not a linear function of the pooled features.
        """
        layer = self.network.head
        if not isinstance(layer, nn.Linear):
            raise DetectorError(
                f"the head is a {type(layer).__name__}, its logits are not linear in the features"
            )
        head = nn.Linear(layer.in_features, layer.out_features, bias=True)
        with torch.no_grad():
            head.weight.copy_(layer.weight)
            head.bias.copy_(layer.bias if layer.bias is not None else torch.zeros(()))
        return head.requires_grad_(False)

    def activations(self) -> Tensor:
        """The training features, if they are activations, of which hardly any is negative.

        Raises:
            DetectorError: they are not.
        """
        negative, positive = self.features.clamp(max=0).sum(), self.features.clamp(min=0).sum()
        if -negative > 0.1 * positive:
            raise DetectorError("it is made for activations, and these features are often negative")
        return self.features


Scorer = Callable[[Outputs], Tensor]
Maker = Callable[[Seen], Scorer]
