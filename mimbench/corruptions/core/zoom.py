"""Linear enlargement of the middle of an image, as scipy.ndimage.zoom(order=1) does it."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled

__all__ = ["ZoomAxis", "enlarge", "zoom_axis"]


class ZoomAxis(NamedTuple):
    """Where the positions along one axis of an enlarged crop read.

    Attributes:
        start: where the crop starts in the image.
        crop: how long it is.
        left, right: int64, positions in the crop on both sides.
        share: float64, weight of `right`.
        inside: float64, 0 where the position reads 0 instead, else 1. Rounding can push the last
            position past the end of the crop, and scipy (mode="constant") then writes 0.
    """

    start: int
    crop: int
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    share: NDArray[np.float64]
    inside: NDArray[np.float64]


@lru_cache(maxsize=256)
def zoom_axis(length: int, factor: float) -> ZoomAxis:
    """The axis of an image of `length` whose middle is enlarged by `factor` to cover it."""
    crop = int(np.ceil(length / factor))
    enlarged = round(crop * factor)
    step = (crop - 1) / (enlarged - 1)
    position = np.arange(enlarged) * step
    left = np.floor(position).astype(np.int64)
    return ZoomAxis(
        start=(length - crop) // 2,
        crop=crop,
        left=np.minimum(left, crop - 1),
        right=np.minimum(left + 1, crop - 1),
        share=position - left,
        inside=(position <= crop - 1).astype(np.float64),
    )


def enlarge(crop: NDArray[np.float64], rows: ZoomAxis, columns: ZoomAxis) -> NDArray[np.float64]:
    """Enlarge a float64 (rows.crop, columns.crop) array; the result has the axes' lengths."""
    result = np.empty((rows.left.size, columns.left.size))
    _enlarge(crop, rows, columns, result)
    return result


@compiled
def _enlarge(
    crop: NDArray[np.float64], rows: ZoomAxis, columns: ZoomAxis, result: NDArray[np.float64]
) -> None:
    line = np.empty(crop.shape[1])
    for y in range(result.shape[0]):
        above, below, share = crop[rows.left[y]], crop[rows.right[y]], rows.share[y]
        for x in range(line.size):
            line[x] = (above[x] * (1.0 - share) + below[x] * share) * rows.inside[y]
        for x in range(result.shape[1]):
            left, right, part = line[columns.left[x]], line[columns.right[x]], columns.share[x]
            result[y, x] = (left * (1.0 - part) + right * part) * columns.inside[x]
