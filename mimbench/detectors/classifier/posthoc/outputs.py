"""What post-hoc scores are made of: outputs of one forward pass, and those of the training set."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor, nn

from mimbench.detectors.classifier.posthoc.span import Span
from mimbench.detectors.gaussian import Gaussian, Regulariser, regulariser_of
from mimbench.detectors.networks.network import Network
from mimbench.errors import DetectorError

__all__ = ["Maker", "Outputs", "Score", "Scorer", "TrainingOutputs", "forward"]


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
    _shared: dict[str, Tensor] = field(default_factory=dict, repr=False)

    def once(self, name: str, compute: Callable[[], Tensor]) -> Tensor:
        """What `compute` returns, computed by the first of the scores that share `name`."""
        if name not in self._shared:
            self._shared[name] = compute()
        return self._shared[name]


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
class TrainingOutputs:
    """The classifier's outputs on its training and validation images, without augmentation.

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

    @cached_property
    def span(self) -> Span:
        """The directions that training images and head know of, in feature space."""
        layer = self.network.head
        directions = [layer.weight.flatten(1).detach()] if isinstance(layer, nn.Linear) else []
        return Span.of(torch.cat([self.features, *(one.cpu() for one in directions)]))

    def coordinates(self, outputs: Outputs) -> Tensor:
        """Features in the coordinates of the span, float64 (N, C), as near to each other."""
        return outputs.once("coordinates", lambda: self.span(outputs.features))

    @cached_property
    def places(self) -> Tensor:
        """The training images in the coordinates of the span, float64 (N, C)."""
        return self.span(self.features)

    @cached_property
    def regulariser(self) -> Regulariser:
        """What the covariance around the class means is mixed with; distances share it."""
        return regulariser_of(self.places, self.labels, self.features.shape[1])

    @cached_property
    def classes(self) -> Gaussian:
        """The classes in the span, with one covariance around their means."""
        return Gaussian.fit(self.places, self.labels, regulariser=self.regulariser)

    @cached_property
    def everything(self) -> Gaussian:
        """All training images in the span as one class, regularised as the classes are."""
        one = torch.zeros_like(self.labels)
        return Gaussian.fit(self.places, one, regulariser=self.regulariser)

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
Maker = Callable[[TrainingOutputs], Scorer]


@dataclass(frozen=True)
class Score:
    """A post-hoc score.

    Attributes:
        make: fits it on training outputs; None for those that `logit_scores` computes.
        fitted_on: images that it is fitted on, or tried on before it is believed. A score that is
            fitted on nothing can be had of a classifier whose training images nobody has.
        asks: "detection" (is the image of the target?) or "open-set" (is it of any category that
            the classifier knows?).
    """

    make: Maker | None = None
    fitted_on: Literal["nothing", "training", "validation"] = "nothing"
    asks: Literal["detection", "open-set"] = "open-set"
