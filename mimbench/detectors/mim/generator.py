"""Generators: networks that fill what a mask hides.

All take images (N, 3, H, W), centred on 0, and masks bool (N, 1, H, W), True = hidden; they do not
read what lies under the mask and return a prediction of all pixels, float (N, 3, H, W), unbounded.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, normalize, pixel_shuffle, pixel_unshuffle, relu

from mimbench.errors import UnknownNameError

__all__ = [
    "Autoencoder",
    "GatedConvolution",
    "GatedUNet",
    "Generator",
    "Specialist",
    "build_generator",
]


class Generator(nn.Module):
    """Base of the generators; the side of an image must be a multiple of `multiple`."""

    multiple: int

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        """Predict all pixels from the visible ones, as the module documents."""
        visible = torch.cat([images.masked_fill(masks, 0.0), masks.to(images.dtype)], dim=1)
        return self.predict(visible).float()

    def predict(self, visible: Tensor) -> Tensor:
        """From visible pixels, hidden ones 0, and the mask as fourth channel, to all pixels."""
        raise TypeError(f"{type(self).__name__} does not define predict(visible).")


class GatedConvolution(nn.Module):
    """Convolution whose features are scaled by a learned soft gate per pixel and channel.

    The gate lets the network tell hidden from visible pixels at every depth.

    Source: Yu et al. 2019, "Free-form image inpainting with gated convolution", equation 3; leaky
    ReLU where theirs is an ELU, which takes a fifth of a training step's time on a CPU.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1) -> None:
        """3×3 kernel, zero padding that keeps the size (divided by `stride`)."""
        super().__init__()
        self.convolution = nn.Conv2d(
            inputs, 2 * outputs, 3, stride=stride, padding=dilation, dilation=dilation
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        features, gate = self.convolution(maps).chunk(2, dim=1)
        gated: Tensor = leaky_relu(features, 0.2) * gate.sigmoid()
        return gated


class GatedUNet(Generator):
    """A halving, a dilated middle that sees far, a doubling with a skip.

    Four pixels are taken together as the channels of one, and given back at the end: convolutions
    at full resolution would take a third of a step's time on a CPU and fit no better.
    """

    multiple = 4
    dilations = (2, 4, 8)

    def __init__(self, width: int) -> None:
        """`width`: half of the channels at half resolution, a quarter of those at a quarter."""
        super().__init__()
        self.encode = nn.Sequential(
            GatedConvolution(16, 2 * width), GatedConvolution(2 * width, 2 * width)
        )
        self.middle = nn.Sequential(
            GatedConvolution(2 * width, 4 * width, stride=2),
            *(GatedConvolution(4 * width, 4 * width, dilation=step) for step in self.dilations),
            nn.Conv2d(4 * width, 2 * width, 1),
            nn.Upsample(scale_factor=2),
        )
        self.decode = GatedConvolution(2 * width, 2 * width)
        self.colour = nn.Conv2d(2 * width, 12, 3, padding=1)

    def predict(self, visible: Tensor) -> Tensor:
        """See `Generator.predict`."""
        half = self.encode(pixel_unshuffle(visible, 2))
        # The skip is added: the wide convolution after a concatenation would double the time.
        return pixel_shuffle(self.colour(self.decode(half + self.middle(half))), 2)


class Autoencoder(Generator):
    """Plain convolutions, three halvings and doublings, no skips and no gates."""

    multiple = 8

    def __init__(self, width: int) -> None:
        """`width`: channels after the first halving; twice and four times as many below."""
        super().__init__()
        channels = (4, width, 2 * width, 4 * width)
        self.encode = nn.Sequential(*(_halving(*channels[i : i + 2]) for i in range(3)))
        self.decode = nn.Sequential(
            *(_doubling(*channels[i : i - 2 : -1]) for i in (3, 2)), _doubling(width, width)
        )
        self.colour = nn.Conv2d(width, 3, 3, padding=1)

    def predict(self, visible: Tensor) -> Tensor:
        """See `Generator.predict`."""
        colours: Tensor = self.colour(self.decode(self.bottleneck(self.encode(visible))))
        return colours

    def bottleneck(self, codes: Tensor) -> Tensor:
        """What lies between encoder and decoder: (N, 4 · width, H / 8, W / 8), here nothing."""
        return codes


class Specialist(Autoencoder):
    """An autoencoder that can only say what a small codebook holds.

    Each position of the bottleneck is replaced by a blend of the few entries nearest in direction,
    so that what the target's images never needed cannot be drawn.

    Source: Gong et al. 2019, "Memorizing normality to detect anomaly", equations 3-7.
    """

    entries = 32
    sharpness = 10.0  # of the softmax over cosine similarities

    def __init__(self, width: int) -> None:
        """`width` as for the autoencoder."""
        super().__init__(width)
        self.codebook = nn.Parameter(torch.randn(self.entries, 4 * width))

    def bottleneck(self, codes: Tensor) -> Tensor:
        """Replace each code by a blend of codebook entries."""
        directions = normalize(codes, dim=1)
        similarity = torch.einsum("nchw,kc->nkhw", directions, normalize(self.codebook, dim=1))
        weights = (self.sharpness * similarity).softmax(1)
        # Entries below their fair share are dropped, continuously, so that few remain.
        excess = relu(weights - 1 / self.entries)
        few = excess * weights / (excess + 1e-6)
        return torch.einsum("nkhw,kc->nchw", normalize(few, p=1, dim=1), self.codebook)


GENERATORS: Mapping[str, Callable[[int], Generator]] = {
    "gated-unet": GatedUNet,
    "autoencoder": Autoencoder,
    "specialist": Specialist,
}


def build_generator(name: str, width: int) -> Generator:
    """The generator of that name with freshly drawn weights.

    Raises:
        UnknownNameError: no such generator.
    """
    if name not in GENERATORS:
        raise UnknownNameError("generator", name, GENERATORS)
    return GENERATORS[name](width)


def _halving(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.ELU())


def _doubling(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1), nn.ELU()
    )
