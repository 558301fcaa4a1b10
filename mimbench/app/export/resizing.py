"""Resizing in an ONNX file, with every level as torch rounds it.

ONNX's own Resize sums in another order. Resized levels often lie exactly between two integers,
above all in flat or drawn pictures, and there the last bit of a sum decides the level: up to one
pixel in a hundred, which moves a score by more than the gate allows. So the graph repeats torch's
sums.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

__all__ = ["Resize"]

# How torch's build for this processor sums: products that are rounded before they are added, of how
# many taps at a time; the others are added unrounded (fused multiply-add).
GROUPS = (4, 8, 0, 1)


class Resize(nn.Module):
    """The benchmark's `resize`, made of operators that every runtime computes alike."""

    taps: Tensor
    weights: Tensor
    rounded: Tensor

    def __init__(self, side: int, size: int) -> None:
        """`side`: of the pictures that are given, pixels; `size`: of those that are returned."""
        super().__init__()
        self.same = side == size
        weights = _scaled(torch.eye(side)[None, None], (side, size))[0, 0].T  # (size, side)
        used = weights != 0
        counts, first = used.sum(1), used.int().argmax(1)
        places = torch.arange(int(counts.max()))
        taps = (first[:, None] + places).clamp(max=side - 1)
        inside = places < counts[:, None]
        self.register_buffer("taps", taps.T.contiguous())  # (K, size)
        self.register_buffer("weights", torch.where(inside, weights.gather(1, taps), 0).T)
        probe = torch.rand(1, 1, 8, side, generator=torch.Generator().manual_seed(0)) * 255
        expected = _scaled(probe, (8, size))
        for group in GROUPS:
            last = group * ((counts - 1) // group) if group else torch.zeros_like(counts)
            self.register_buffer("rounded", places[:, None] <= last)
            if torch.equal(self._along(probe), expected):
                break

    def forward(self, picture: Tensor) -> Tensor:
        """Resize uint8 (1, 3, C, C) to uint8 (1, 3, S, S)."""
        if self.same:
            return picture
        wide = self._along(picture.float())
        levels = self._along(wide.mT).mT
        return levels.round().clamp(0, 255).byte()

    def _along(self, values: Tensor) -> Tensor:
        """Resize the last dimension of float32 values."""
        total = values.index_select(-1, self.taps[0]) * self.weights[0]
        for taps, weights, rounded in zip(
            self.taps[1:], self.weights[1:], self.rounded[1:], strict=True
        ):
            read = values.index_select(-1, taps)
            exact = read.double() * weights.double()
            product = torch.where(rounded, (read * weights).double(), exact)
            total = (product + total.double()).float()
        return total


def _scaled(images: Tensor, size: tuple[int, int]) -> Tensor:
    """As `mimbench.detectors.imaging.shared.resize` does before it rounds."""
    return interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)
