"""Gaussian smoothing in float64, in the order of operations of scipy.ndimage.

The reference cuts its float64 results to the integer below, so on flat areas the last bit decides
about a whole level; the same operations in the same order give the same bit.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled

__all__ = ["smooth"]

Plane = NDArray[np.float64]


def smooth(
    plane: Plane,
    sigma: tuple[float, float],
    truncate: float = 4.0,
    border: Literal["nearest", "reflect"] = "nearest",
    out: Plane | None = None,
) -> Plane:
    """Smooth along height, then width.

    Args:
        plane: float64 (H, W, C), contiguous.
        sigma: standard deviations along height and width, pixels.
        truncate: where the kernel ends, in standard deviations.
        border: "nearest" repeats the last pixel, "reflect" mirrors with the last pixel doubled.
        out: array for the result; a new one unless given.

    Returns:
        float64 (H, W, C).
    """
    height, width, channels = plane.shape
    down, across = _weights(sigma[0], truncate), _weights(sigma[1], truncate)
    result = np.empty_like(plane) if out is None else out
    _smooth(
        plane.reshape(height, width * channels),
        down,
        _border(height, down.size - 1, border),
        across,
        _border(width, across.size - 1, border),
        channels,
        result.reshape(height, width * channels),
    )
    return result


@lru_cache(maxsize=64)
def _weights(sigma: float, truncate: float) -> Plane:
    """Weights of offset 0, 1, ..., radius."""
    radius = int(truncate * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    values = np.exp(-0.5 / (sigma * sigma) * offsets**2)
    return np.ascontiguousarray((values / values.sum())[radius:])


@lru_cache(maxsize=64)
def _border(length: int, radius: int, border: str) -> NDArray[np.int64]:
    """Where each of the positions -radius..length+radius-1 reads."""
    index = np.arange(-radius, length + radius)
    if border == "nearest":
        return np.clip(index, 0, length - 1)
    period = index % (2 * length)
    return np.where(period < length, period, 2 * length - 1 - period)


@compiled
def _smooth(
    plane: Plane,
    down: Plane,
    rows: NDArray[np.int64],
    across: Plane,
    columns: NDArray[np.int64],
    channels: int,
    result: Plane,
) -> None:
    reach, radius = down.size - 1, across.size - 1
    height, stride = plane.shape
    line = np.empty(stride)
    padded = np.empty(stride + 2 * radius * channels)
    for y in range(height):
        middle = plane[y]
        for x in range(stride):
            line[x] = middle[x] * down[0]
        for offset in range(reach, 1, -2):  # two offsets at a time: fewer passes over `line`
            above, below = plane[rows[y + reach - offset]], plane[rows[y + reach + offset]]
            over, under = plane[rows[y + reach - offset + 1]], plane[rows[y + reach + offset - 1]]
            far, near = down[offset], down[offset - 1]
            for x in range(stride):
                line[x] = line[x] + (above[x] + below[x]) * far + (over[x] + under[x]) * near
        if reach % 2 == 1:
            above, below = plane[rows[y + reach - 1]], plane[rows[y + reach + 1]]
            for x in range(stride):
                line[x] += (above[x] + below[x]) * down[1]
        for x in range(radius):
            end = columns.size - radius + x
            for channel in range(channels):
                padded[x * channels + channel] = line[columns[x] * channels + channel]
                padded[end * channels + channel] = line[columns[end] * channels + channel]
        padded[radius * channels : radius * channels + stride] = line
        smoothed = result[y]
        centre = padded[radius * channels :]
        for x in range(stride):
            smoothed[x] = centre[x] * across[0]
        for offset in range(radius, 1, -2):
            left = padded[(radius - offset) * channels :]
            right = padded[(radius + offset) * channels :]
            inner_left = padded[(radius - offset + 1) * channels :]
            inner_right = padded[(radius + offset - 1) * channels :]
            far, near = across[offset], across[offset - 1]
            for x in range(stride):
                outer, inner = left[x] + right[x], inner_left[x] + inner_right[x]
                smoothed[x] = smoothed[x] + outer * far + inner * near
        if radius % 2 == 1:
            left, right = padded[(radius - 1) * channels :], padded[(radius + 1) * channels :]
            for x in range(stride):
                smoothed[x] += (left[x] + right[x]) * across[1]
