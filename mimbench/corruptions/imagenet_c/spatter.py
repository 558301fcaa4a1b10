"""Spatter: drops of water or mud on the lens.

Source: Hendrycks & Dietterich 2019 (arXiv:1903.12261), in the semantics of `imagecorruptions`.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled
from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws, normal
from mimbench.corruptions.core.kernel import Kernel, Parameter
from mimbench.corruptions.core.smoothing import smooth

__all__ = ["KERNELS", "splash"]

WATER = np.array([175, 238, 238], np.float32) / np.float32(255)
MUD = np.array([63, 42, 20]) / 255.0


def spatter(
    images: Images, draws: Draws, result: Images, *, mean: float, spread: float, **rest: float
) -> None:
    """Drops of pale water (`mud` 0) or brown mud (`mud` 1)."""
    height, width = images.shape[1:3]
    for image, words, out in zip(images, draws.each(height * width), result, strict=True):
        field = mean + spread * normal(words).astype(np.float64).reshape(height, width)
        splash(image, field, out, **rest)


def splash(
    image: Images,
    field: NDArray[np.float64],
    out: Images,
    *,
    size: float,
    threshold: float,
    strength: float,
    mud: float,
) -> None:
    """Write one spattered image into `out`, given the draws.

    Args:
        image: uint8 (H, W, 3).
        field: float64 (H, W), normal draws.
        out: uint8 (H, W, 3).
        size: smoothing of the field, pixels.
        threshold: drops are where the smoothed field is above.
        strength: opacity of water; or smoothing of the drops of mud, pixels.
        mud: 1 for mud, 0 for water.
    """
    liquid = smooth(field[..., None], (size, size))
    unit = np.divide(image, 255, dtype=np.float32)
    if mud:
        opacity = smooth((liquid > threshold).astype(np.float64), (strength, strength))
        _cover(unit, opacity[..., 0].astype(np.float32), MUD, out)
        return
    drops = _relief(np.where(liquid < threshold, 0.0, liquid)[..., 0])
    if drops.any():
        drops /= drops.max()
        drops *= np.float32(strength)
        _add(unit, drops, WATER, out)
    else:  # the reference divides 0 by 0 here
        out[:] = image


def _relief(liquid: NDArray[np.float64]) -> NDArray[np.float32]:
    """Drops lit from one side: float32 (H, W)."""
    drops = (liquid * 255).astype(np.uint8)
    distance = cv2.distanceTransform(255 - cv2.Canny(drops, 50, 150), cv2.DIST_L2, 5)
    _, distance = cv2.threshold(distance, 20, 20, cv2.THRESH_TRUNC)
    height = cv2.equalizeHist(cv2.blur(distance, (3, 3)).astype(np.uint8))
    emboss = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
    relief = cv2.blur(cv2.filter2D(height, cv2.CV_8U, emboss), (3, 3)).astype(np.float32)
    return drops * relief


@compiled
def _add(
    unit: NDArray[np.float32],
    opacity: NDArray[np.float32],
    colour: NDArray[np.float32],
    out: Images,
) -> None:
    for y in range(unit.shape[0]):
        for x in range(unit.shape[1]):
            for channel in range(3):
                value = unit[y, x, channel] + opacity[y, x] * colour[channel]
                out[y, x, channel] = np.int32(min(value, np.float32(1)) * np.float32(255))


@compiled
def _cover(
    unit: NDArray[np.float32],
    opacity: NDArray[np.float32],
    colour: NDArray[np.float64],
    out: Images,
) -> None:
    for y in range(unit.shape[0]):
        for x in range(unit.shape[1]):
            covered = opacity[y, x] if opacity[y, x] >= np.float32(0.8) else np.float32(0)
            for channel in range(3):
                rest = unit[y, x, channel] * (np.float32(1) - covered)
                value = np.float64(rest) + colour[channel] * np.float64(covered)
                out[y, x, channel] = np.int32(min(value, 1.0) * 255.0)


KERNELS = (
    Kernel(
        "spatter",
        spatter,
        {
            "mean": Parameter(-2, 2, "mean of the field of drops"),
            "spread": Parameter(0.01, 2, "standard deviation of the field"),
            "size": Parameter(0.1, 50, "smoothing of the field, pixels"),
            "threshold": Parameter(0, 2, "drops are where the smoothed field is above"),
            "strength": Parameter(0.1, 10, "opacity of water; or smoothing of mud, pixels"),
            "mud": Parameter(0, 1, "1 for mud, 0 for water", whole=True),
        },
    ),
)
