"""What happens to an image before a network sees it: size, mean and deviation of its channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torchvision
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mimbench.detectors.networks.weights import PACKAGED
from mimbench.detectors.parameters import Side
from mimbench.errors import RecipeError

__all__ = ["Preprocessing", "preprocessing_of"]

Interpolation = Literal["bilinear", "bicubic"]


@dataclass(frozen=True)
class _Expected:
    """What the weights of an architecture were trained with.

    Attributes:
        side: of the images, pixels.
        interpolation: by which images get this size.
        mean, deviation: of the channels in [0, 1].
        fixed: whether the network takes no other size.
    """

    side: int
    interpolation: Interpolation
    mean: Sequence[float]
    deviation: Sequence[float]
    fixed: bool


class Preprocessing(nn.Module):
    """From uint8 or float images (N, 3, H, W) in [0, 255] to what a network expects."""

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        mean: Sequence[float],
        deviation: Sequence[float],
        side: int | None = None,
        interpolation: Interpolation = "bilinear",
    ) -> None:
        """Describe it.

        Args:
            mean: of the channels in [0, 1]; it is subtracted.
            deviation: of the channels in [0, 1]; images are divided by it.
            side: images are scaled to it, pixels; None: they stay as they are.
            interpolation: of the scaling.
        """
        super().__init__()
        self.side, self.interpolation = side, interpolation
        for name, values in (("mean", mean), ("deviation", deviation)):
            levels = 255 * torch.tensor(list(values))
            self.register_buffer(name, levels[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Scale and normalise."""
        images = images.float()
        if self.side is not None and images.shape[-2:] != (self.side, self.side):
            images = interpolate(
                images, (self.side, self.side), mode=self.interpolation, antialias=True
            ).clamp(0, 255)  # bicubic interpolation overshoots at edges
        return _laid_out((images - self.mean) / self.deviation)


def _laid_out(images: Tensor) -> Tensor:
    """The images, on a CPU in the layout in which convolutions of single channels are fast."""
    if torch.compiler.is_exporting() or images.device.type != "cpu":
        return images
    return images.contiguous(memory_format=torch.channels_last)


def preprocessing_of(architecture: str, body: nn.Module, side: Side) -> Preprocessing:
    """What an architecture of torchvision or timm expects, whatever its weights.

    The whole image is scaled; nothing is cropped off, since a lesion may be at the rim.

    Args:
        architecture: as for `build_network`.
        body: a model of it.
        side: of the images that the network sees, pixels; "own": that of the architecture's
            configuration; "input": images stay as they are, unless the network takes one size
            alone.

    Raises:
        RecipeError: torchvision's network takes images of another size alone.
    """
    expected = _of_timm(body) if hasattr(body, "pretrained_cfg") else _of_torchvision(architecture)
    if side == "own" or (side == "input" and expected.fixed):
        side = expected.side
    if expected.fixed and side != expected.side and not hasattr(body, "pretrained_cfg"):
        raise RecipeError(f"{architecture} takes images of {expected.side} px alone: side = 'own'.")
    size = None if side == "input" else side
    return Preprocessing(expected.mean, expected.deviation, size, expected.interpolation)


def _of_timm(body: Any) -> _Expected:
    stated = body.pretrained_cfg
    mean, deviation = stated["mean"], stated["std"]
    for packaged in PACKAGED.values():  # timm rounds 127/255 and 128/255 to a half
        if packaged.architecture == stated["architecture"]:
            mean, deviation = [packaged.mean] * 3, [packaged.deviation] * 3
    return _Expected(
        side=stated["input_size"][-1],
        interpolation="bilinear" if stated["interpolation"] == "bilinear" else "bicubic",
        mean=mean,
        deviation=deviation,
        fixed=bool(stated.get("fixed_input_size")),
    )


def _of_torchvision(architecture: str) -> _Expected:
    stated = torchvision.models.get_model_weights(architecture).DEFAULT.transforms()
    return _Expected(
        side=stated.crop_size[0],
        interpolation=stated.interpolation.value,
        mean=stated.mean,
        deviation=stated.std,
        fixed=architecture.startswith("vit_"),
    )
