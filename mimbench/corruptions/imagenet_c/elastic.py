"""Elastic deformation: every pixel moves by a smooth random vector.

Source: Hendrycks & Dietterich 2019 (arXiv:1903.12261), in the semantics of `imagecorruptions`,
that is, without the affine part of the published ImageNet-C files.
"""

import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled
from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws, uniform
from mimbench.corruptions.core.kernel import Kernel, Parameter
from mimbench.corruptions.core.smoothing import smooth

__all__ = ["KERNELS", "deform"]


def elastic_transform(images: Images, draws: Draws, result: Images, *, alpha: float) -> None:
    """Displace by noise of 0.5 % of the height, smoothed over 1 % of the sides, times `alpha`."""
    height, width = images.shape[1:3]
    for image, words, out in zip(images, draws.each(2 * height * width), result, strict=True):
        across, down = uniform(words).reshape(2, height, width)
        deform(image, across, down, alpha, out)


def deform(
    image: Images,
    across: NDArray[np.float64],
    down: NDArray[np.float64],
    alpha: float,
    out: Images,
) -> None:
    """Write one deformed image into `out`, given the draws.

    Args:
        image: uint8 (H, W, 3).
        across: float64 (H, W), uniform on (0, 1).
        down: likewise.
        alpha: factor of the smoothed displacements.
        out: uint8 (H, W, 3).
    """
    limit = image.shape[0] * 0.005
    unit = np.divide(image, 255, dtype=np.float32)
    _warp(unit, _displacement(across, limit, alpha), _displacement(down, limit, alpha), out)


def _displacement(draws: NDArray[np.float64], limit: float, alpha: float) -> NDArray[np.float32]:
    field = (-limit + (limit + limit) * draws)[..., None]
    sigma = (draws.shape[0] * 0.01, draws.shape[1] * 0.01)
    smoothed = smooth(field, sigma, truncate=3.0, border="reflect")
    return (smoothed[..., 0] * alpha).astype(np.float32)


@compiled
def _warp(
    unit: NDArray[np.float32], across: NDArray[np.float32], down: NDArray[np.float32], out: Images
) -> None:
    height, width = across.shape
    for y in range(height):
        for x in range(width):
            row = np.float64(y) + np.float64(down[y, x])
            column = np.float64(x) + np.float64(across[y, x])
            top, left = np.int64(np.floor(row)), np.int64(np.floor(column))
            low, right = row - top, column - left
            y0, y1 = _mirrored(top, height), _mirrored(top + 1, height)
            x0, x1 = _mirrored(left, width), _mirrored(left + 1, width)
            w00, w01 = (1.0 - low) * (1.0 - right), (1.0 - low) * right
            w10, w11 = low * (1.0 - right), low * right
            for channel in range(3):
                upper = unit[y0, x0, channel] * w00 + unit[y0, x1, channel] * w01
                value = upper + unit[y1, x0, channel] * w10 + unit[y1, x1, channel] * w11
                level = min(max(np.float32(value), np.float32(0)), np.float32(1)) * np.float32(255)
                out[y, x, channel] = np.uint8(np.int32(level))


@compiled
def _mirrored(index: np.int64, length: int) -> np.int64:
    """Index into an axis that repeats as a mirror image, the last pixel doubled."""
    if 0 <= index < length:
        return index
    index %= 2 * length
    return index if index < length else np.int64(2 * length - 1) - index


KERNELS = (
    Kernel(
        "elastic_transform",
        elastic_transform,
        {"alpha": Parameter(0, 1000, "factor of the smoothed displacements")},
    ),
)
