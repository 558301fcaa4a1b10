"""What software does to a picture: JPEG and coarse pixels.

Source: Hendrycks & Dietterich 2019 (arXiv:1903.12261), in the semantics of `imagecorruptions`.
"""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled
from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws
from mimbench.corruptions.core.kernel import Kernel, Parameter

__all__ = ["KERNELS", "jpeg"]

# Pillow's resize works with weights of 22 bits and rounds after each of the two passes.
PRECISION = 22


def jpeg_compression(images: Images, draws: Draws, result: Images, *, quality: float) -> None:
    """JPEG at `quality`, colours at half resolution."""
    for image, out in zip(images, result, strict=True):
        out[:] = jpeg(image, int(quality))


def jpeg(image: Images, quality: int) -> Images:
    """One uint8 (H, W, 3) image, packed and unpacked."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, packed = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR_RGB), np.uint8)


def pixelate(images: Images, draws: Draws, result: Images, *, resolution: float) -> None:
    """Means over boxes, `resolution` times as many along each side.

    As Pillow's resize with BOX, then NEAREST; width first, as Pillow did until it took the height
    of tall pictures first, which can change a level by one.
    """
    rows, columns = (_boxes(length, resolution) for length in images.shape[1:3])
    across = np.empty((images.shape[1], columns.first.size, 3), np.uint8)
    coarse = np.empty((rows.first.size, columns.first.size, 3), np.uint8)
    for image, out in zip(images, result, strict=True):
        _pixelate(image, rows, columns, across, coarse, out)


class Boxes(NamedTuple):
    """Boxes along one axis.

    Attributes:
        first, last: int64, each box covers the positions first..last-1.
        weight: int64, of each position in its box, in units of 2**-22.
        shown: int64 (length,), the box that each position shows afterwards.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    weight: NDArray[np.int64]
    shown: NDArray[np.int64]


@lru_cache(maxsize=64)
def _boxes(length: int, resolution: float) -> Boxes:
    count = max(1, int(length * resolution))
    width = length / count
    middle = (np.arange(count) + 0.5) * width
    position = np.arange(length)
    distance = (position - middle[:, None] + 0.5) * (1.0 / width)
    covered = (distance > -0.5) & (distance <= 0.5)
    # the same bounds in whole pixels: where they differ by rounding, Pillow keeps to both
    covered &= position >= (middle - width / 2 + 0.5).astype(np.int64)[:, None]
    covered &= position < (middle + width / 2 + 0.5).astype(np.int64)[:, None]
    first, size = covered.argmax(axis=1), covered.sum(axis=1)
    weight = (0.5 + (1.0 / size) * (1 << PRECISION)).astype(np.int64)
    # Pillow adds the step again and again, which differs from a product by a rounding error
    steps = np.full(length, count / length)
    steps[0] /= 2
    shown = np.minimum(np.add.accumulate(steps).astype(np.int64), count - 1)
    return Boxes(first, first + size, weight, shown)


@compiled
def _pixelate(
    image: Images, rows: Boxes, columns: Boxes, across: Images, coarse: Images, out: Images
) -> None:
    """Sums stand in one row for all colours, so that what follows them is one vector loop."""
    half = 1 << (PRECISION - 1)
    width = 3 * columns.first.size
    sums, weights = np.zeros(width, np.int64), np.zeros(width, np.int64)
    for place in range(width):
        weights[place] = columns.weight[place // 3]
    means, boxes = across.reshape(-1, width), coarse.reshape(-1, width)
    for y in range(image.shape[0]):
        line = image[y]
        for box in range(columns.first.size):
            red = green = blue = 0
            for x in range(columns.first[box], columns.last[box]):
                red += line[x, 0]
                green += line[x, 1]
                blue += line[x, 2]
            sums[3 * box] = red
            sums[3 * box + 1] = green
            sums[3 * box + 2] = blue
        for place in range(width):
            means[y, place] = min((sums[place] * weights[place] + half) >> PRECISION, 255)
    for box in range(rows.first.size):
        weight = rows.weight[box]
        sums[:] = 0
        for y in range(rows.first[box], rows.last[box]):
            for place in range(width):
                sums[place] += means[y, place]
        for place in range(width):
            boxes[box, place] = min((sums[place] * weight + half) >> PRECISION, 255)
    flat = out.reshape(out.shape[0], -1)
    for y in range(out.shape[0]):
        if y > 0 and rows.shown[y] == rows.shown[y - 1]:
            flat[y] = flat[y - 1]
            continue
        line = coarse[rows.shown[y]]
        for x in range(out.shape[1]):
            column = columns.shown[x]
            out[y, x, 0] = line[column, 0]
            out[y, x, 1] = line[column, 1]
            out[y, x, 2] = line[column, 2]


KERNELS = (
    Kernel(
        "pixelate",
        pixelate,
        {"resolution": Parameter(0.01, 1, "pixels per side, relative to the image")},
    ),
    Kernel(
        "jpeg_compression",
        jpeg_compression,
        {"quality": Parameter(1, 100, "JPEG quality", whole=True)},
    ),
)
