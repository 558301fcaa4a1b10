"""Blur of a moving camera: along a line, and towards the middle.

Source: Hendrycks & Dietterich 2019 (arXiv:1903.12261), in the semantics of `imagecorruptions`.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled
from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws, uniform
from mimbench.corruptions.core.kernel import Kernel, Parameter
from mimbench.corruptions.core.levels import cut
from mimbench.corruptions.core.zoom import zoom_axis

__all__ = ["KERNELS", "drag"]


def motion_blur(
    images: Images, draws: Draws, result: Images, *, radius: float, sigma: float
) -> None:
    """Blur along a line at -45..45 degrees from the horizontal."""
    dragged = np.empty(images.shape[1:])
    for index, image in enumerate(images):
        angle = -45.0 + 90.0 * float(uniform(draws.words(index, 1))[0])
        cut(drag(image, int(radius), sigma, angle, out=dragged), result[index])


def drag(
    image: Images | NDArray[np.float64],
    radius: int,
    sigma: float,
    angle: float,
    out: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Mean of copies of an image that slide away from it along a line.

    Args:
        image: (H, W, C), uint8 or float64.
        radius: 2 x radius + 1 copies, each a pixel further, edges repeated.
        sigma: of the half Gaussian that weighs the copies, pixels.
        angle: degrees; copies slide left at 0 and up at 90.
        out: array for the result; a new one unless given.

    Returns:
        float64 (H, W, C).
    """
    height, width, channels = image.shape
    weights, down, across = _steps(radius, sigma, angle, height, width)
    before, after = max(0, -int(across.min())), max(0, int(across.max()))
    padded = cv2.copyMakeBorder(image, 0, 0, before, after, cv2.BORDER_REPLICATE)
    result = np.empty(image.shape) if out is None else out
    _drag(
        padded.reshape(height, -1),
        weights,
        down,
        (across + before) * channels,
        result.reshape(height, -1),
    )
    return result


def _steps(
    radius: int, sigma: float, angle: float, height: int, width: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Weight of each copy, and which row and column of the image its pixel (0, 0) shows."""
    count = 2 * radius + 1
    weights = _half_gaussian(count, sigma)
    sine = count * math.sin(math.radians(angle))
    cosine = count * math.cos(math.radians(angle))
    length = math.hypot(sine, cosine)
    down = np.array([math.ceil(i * sine / length - 0.5) for i in range(count)], np.int64)
    across = np.array([math.ceil(i * cosine / length - 0.5) for i in range(count)], np.int64)
    outside = (np.abs(down) >= height) | (np.abs(across) >= width)
    inside = int(np.argmax(outside)) if outside.any() else count
    return weights[:inside], down[:inside], across[:inside]


@lru_cache(maxsize=64)
def _half_gaussian(count: int, sigma: float) -> NDArray[np.float64]:
    offsets = np.arange(count)
    values = np.exp(-(offsets**2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
    weights: NDArray[np.float64] = values / np.sum(values)
    return weights


def zoom_blur(images: Images, draws: Draws, result: Images, *, limit: float, step: float) -> None:
    """Mean of the image and of its middle enlarged by 1, 1 + step, ... below `limit`."""
    height, width = images.shape[1:3]
    rows, columns = _layers(height, limit, step), _layers(width, limit, step)
    unit = np.empty((height, width * 3), np.float32)
    total = np.empty_like(unit)
    for image, out in zip(images, result, strict=True):
        np.divide(image.reshape(height, -1), 255.0, out=unit, casting="same_kind")
        _mean_of_enlarged(unit, rows, columns, total, out.reshape(height, -1))


class Layers(NamedTuple):
    """`ZoomAxis` of several enlargements of one axis, each cut to the axis' length.

    Attributes:
        left: int64 (layers, length), positions in the image.
        right: likewise.
        share: float32 (layers, length), weight of `right`.
        inside: float32 (layers, length), 0 where the position reads 0 instead, else 1.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    share: NDArray[np.float32]
    inside: NDArray[np.float32]


@lru_cache(maxsize=64)
def _layers(length: int, limit: float, step: float) -> Layers:
    axes = [zoom_axis(length, float(factor)) for factor in np.arange(1, limit, step)]
    return Layers(
        np.stack([axis.start + axis.left[:length] for axis in axes]),
        np.stack([axis.start + axis.right[:length] for axis in axes]),
        np.stack([axis.share[:length].astype(np.float32) for axis in axes]),
        np.stack([axis.inside[:length].astype(np.float32) for axis in axes]),
    )


@compiled
def _drag(
    padded: NDArray[np.integer | np.floating],
    weights: NDArray[np.float64],
    down: NDArray[np.int64],
    start: NDArray[np.int64],
    result: NDArray[np.float64],
) -> None:
    height, stride = result.shape
    for y in range(height):
        line = result[y]
        line[:] = 0.0
        for step in range(weights.size):
            row = min(max(y + down[step], 0), height - 1)
            source = padded[row, start[step] :]
            weight = weights[step]
            for x in range(stride):
                line[x] += weight * np.float64(source[x])


@compiled
def _mean_of_enlarged(
    unit: NDArray[np.float32],
    rows: Layers,
    columns: Layers,
    total: NDArray[np.float32],
    result: Images,
) -> None:
    one, zero, white = np.float32(1), np.float32(0), np.float32(255)
    layers = rows.left.shape[0]
    total[:] = 0
    for layer in range(layers):
        _add_enlarged(unit, rows, columns, layer, total)
    for y in range(unit.shape[0]):
        for x in range(unit.shape[1]):
            mean = (unit[y, x] + total[y, x]) / np.float32(layers + 1)
            result[y, x] = np.uint8(np.int32(min(max(mean, zero), one) * white))


@compiled
def _add_enlarged(
    unit: NDArray[np.float32],
    rows: Layers,
    columns: Layers,
    layer: int,
    total: NDArray[np.float32],
) -> None:
    # a + t(b - a) keeps flat areas exactly flat in float32, as scipy's float64 does
    height, stride = total.shape
    lines = np.empty((2, stride), np.float32)
    held = np.full(2, -1)
    for y in range(height):
        first, second = rows.left[layer, y], rows.right[layer, y]
        for row in (first, second):
            if held[row % 2] != row:
                _enlarge_line(unit[row], columns, layer, lines[row % 2])
                held[row % 2] = row
        above, below = lines[first % 2], lines[second % 2]
        share, inside = rows.share[layer, y], rows.inside[layer, y]
        line = total[y]
        for x in range(stride):
            line[x] += (above[x] + share * (below[x] - above[x])) * inside


@compiled
def _enlarge_line(
    source: NDArray[np.float32], columns: Layers, layer: int, line: NDArray[np.float32]
) -> None:
    for x in range(line.size // 3):
        left, right = 3 * columns.left[layer, x], 3 * columns.right[layer, x]
        share, inside = columns.share[layer, x], columns.inside[layer, x]
        for channel in range(3):
            value = source[left + channel]
            value += share * (source[right + channel] - value)
            line[3 * x + channel] = value * inside


KERNELS = (
    Kernel(
        "motion_blur",
        motion_blur,
        {
            "radius": Parameter(1, 100, "half the number of copies, pixels", whole=True),
            "sigma": Parameter(0.1, 100, "of the half Gaussian that weighs the copies, pixels"),
        },
    ),
    Kernel(
        "zoom_blur",
        zoom_blur,
        {
            "limit": Parameter(1.001, 3, "factors end before this"),
            "step": Parameter(0.001, 1, "from factor to factor"),
        },
    ),
)
