"""The generator: a gated-convolution U-Net that fills what a mask hides."""

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, interpolate

__all__ = ["GatedConvolution", "GatedUNet"]

DILATIONS = (2, 4, 8)


class GatedConvolution(nn.Module):
    """Convolution whose features are scaled by a learned soft gate per pixel and channel.

    The gate lets the network tell hidden from visible pixels at every depth.

    Source: Yu et al. 2019, "Free-form image inpainting with gated convolution", equation 3.
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
        gated: Tensor = elu(features) * gate.sigmoid()
        return gated


class GatedUNet(nn.Module):
    """Two halvings, a dilated middle that sees the whole image, two doublings with skips."""

    multiple = 4  # the side of an image must be a multiple of this

    def __init__(self, width: int = 16) -> None:
        """`width`: channels at full resolution; twice and four times as many below."""
        super().__init__()
        self.encode_full = GatedConvolution(4, width)
        self.encode_half = nn.Sequential(
            GatedConvolution(width, 2 * width, stride=2), GatedConvolution(2 * width, 2 * width)
        )
        self.middle = nn.Sequential(
            GatedConvolution(2 * width, 4 * width, stride=2),
            *(GatedConvolution(4 * width, 4 * width, dilation=step) for step in DILATIONS),
        )
        self.to_half = nn.Conv2d(4 * width, 2 * width, 1)
        self.decode_half = GatedConvolution(2 * width, 2 * width)
        self.to_full = nn.Conv2d(2 * width, width, 1)
        self.decode_full = GatedConvolution(width, width)
        self.colour = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        """Predict all pixels from the visible ones.

        Args:
            images: float (N, 3, H, W), centred on 0; what lies under the mask is not read.
            masks: bool (N, 1, H, W), True = hidden.

        Returns:
            float (N, 3, H, W), unbounded.
        """
        visible = torch.cat([images.masked_fill(masks, 0.0), masks.to(images.dtype)], dim=1)
        full = self.encode_full(visible)
        half = self.encode_half(full)
        # Skips are added, not concatenated: on a CPU the wide convolutions that concatenation
        # needs at high resolution would double the time of a step.
        half = self.decode_half(half + interpolate(self.to_half(self.middle(half)), scale_factor=2))
        full = self.decode_full(full + interpolate(self.to_full(half), scale_factor=2))
        predicted: Tensor = self.colour(full)
        return predicted.float()
