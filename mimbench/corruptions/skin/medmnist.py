"""Light and frame as MedMNIST-C changes them.

Source: Di Salvo et al. 2024 (MedMNIST-C, arXiv:2406.17536) and its registry of corruptions; the
enhancements are Pillow's.
"""

import cv2
import numpy as np

from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws
from mimbench.corruptions.core.kernel import Kernel, Parameter

__all__ = ["KERNELS"]


def gain(images: Images, draws: Draws, result: Images, *, factor: float) -> None:
    """Levels times `factor`, cut."""
    table = np.clip(np.arange(256) * factor, 0, 255).astype(np.uint8)
    np.take(table, images, out=result)


def grey_contrast(images: Images, draws: Draws, result: Images, *, factor: float) -> None:
    """Distance to the mean grey, the same for all channels, times `factor`, cut."""
    levels = np.arange(256)
    for image, out in zip(images, result, strict=True):
        grey = int(float(np.mean(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))) + 0.5)
        out[:] = np.clip(grey + factor * (levels - grey), 0, 255).astype(np.uint8)[image]


def black_corner(images: Images, draws: Draws, result: Images, *, radius: float) -> None:
    """Black outside a circle of `radius`, relative to the inscribed circle."""
    height, width = images.shape[1:3]
    middle = (width // 2, height // 2)
    inscribed = min(*middle, width - middle[0], height - middle[1])
    visible = np.zeros((height, width), np.uint8)
    cv2.circle(visible, middle, int(inscribed * radius), 1, thickness=-1)
    np.multiply(images, np.asarray(visible, np.uint8)[..., None], out=result)


KERNELS = (
    Kernel("gain", gain, {"factor": Parameter(0, 10, "factor of the levels")}),
    Kernel(
        "grey_contrast",
        grey_contrast,
        {"factor": Parameter(0, 10, "factor of the distance to the mean grey")},
    ),
    Kernel(
        "black_corner",
        black_corner,
        {"radius": Parameter(0.1, 2, "of the visible circle, relative to the inscribed one")},
    ),
)
