"""Between levels 0..255 and the unit interval, in the reference's operations."""

import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled
from mimbench.corruptions.core.checks import Images

__all__ = ["cut", "to_levels", "to_unit"]


def to_unit(image: Images, out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Levels divided by 255, float64 of the same shape."""
    return np.divide(image, 255.0, out=out)


def to_levels(values: NDArray[np.floating], out: Images) -> None:
    """Write values clipped to [0, 1], times 255, cut (not rounded) to the level below."""
    _to_levels(values.reshape(-1), out.reshape(-1))


def cut(values: NDArray[np.floating], out: Images) -> None:
    """Write values clipped to [0, 255], cut (not rounded) to the level below."""
    _cut(values.reshape(-1), out.reshape(-1))


@compiled
def _to_levels(values: NDArray[np.floating], out: Images) -> None:
    one = values.dtype.type(1)
    zero = values.dtype.type(0)
    white = values.dtype.type(255)
    for i in range(values.size):
        out[i] = np.uint8(np.int32(min(max(values[i], zero), one) * white))


@compiled
def _cut(values: NDArray[np.floating], out: Images) -> None:
    zero = values.dtype.type(0)
    white = values.dtype.type(255)
    for i in range(values.size):
        out[i] = np.uint8(np.int32(min(max(values[i], zero), white)))
