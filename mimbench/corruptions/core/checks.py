"""What images, severities and keys must be before a corruption touches them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mimbench.errors import CorruptionError

__all__ = [
    "SEVERITIES",
    "SMALLEST_SIDE",
    "Images",
    "Keys",
    "check_images",
    "check_keys",
    "check_severity",
]

Images = NDArray[np.uint8]
Keys = NDArray[np.uint64]

SEVERITIES = (1, 2, 3, 4, 5)
SMALLEST_SIDE = 32


def check_images(images: object) -> Images:
    """Return `images` as a contiguous uint8 (N, H, W, 3) array; the caller's array stays as it is.

    Raises:
        CorruptionError: another type, dtype or shape, or a side shorter than 32 pixels.
    """
    if not isinstance(images, np.ndarray):
        raise CorruptionError(
            f"Images must be a numpy array, not {type(images).__name__}; "
            "convert them to uint8 (N, H, W, 3) first."
        )
    if images.dtype != np.uint8:
        raise CorruptionError(
            f"Images must be uint8 with levels 0..255, not {images.dtype}; "
            "scale and round them first."
        )
    if images.ndim != 4 or images.shape[3] != 3:
        raise CorruptionError(
            f"Images must have the shape (N, H, W, 3), not {images.shape}; "
            "channels come last, and a single image is images[None]."
        )
    if min(images.shape[1:3]) < SMALLEST_SIDE:
        raise CorruptionError(
            f"Images must be at least {SMALLEST_SIDE} pixels high and wide, "
            f"not {images.shape[1]}x{images.shape[2]}."
        )
    return np.ascontiguousarray(images)


def check_keys(keys: Sequence[int] | NDArray[np.integer], count: int) -> Keys:
    """Return `keys` as uint64 (count,).

    Raises:
        CorruptionError: not one key per image, or a key that is not an integer in 0..2**64-1.
    """
    values = [_key(key) for key in keys]
    if len(values) != count:
        raise CorruptionError(
            f"There are {len(values)} keys for {count} images; give one integer per image."
        )
    return np.array(values, dtype=np.uint64)


def _key(key: object) -> int:
    if isinstance(key, bool | np.bool_) or not isinstance(key, int | np.integer):
        raise CorruptionError(f"Keys must be integers (in numpy: uint64), not {key!r}.")
    if not 0 <= int(key) < 2**64:
        raise CorruptionError(f"Keys must lie in 0..2**64-1; {key} does not.")
    return int(key)


def check_severity(severity: object, name: str) -> None:
    """Raise CorruptionError unless `severity` is an integer from 1 to 5."""
    whole = isinstance(severity, int | np.integer) and not isinstance(severity, bool)
    if not whole or severity not in SEVERITIES:
        raise CorruptionError(
            f"Severity must be an integer from 1 to 5 for '{name}', not {severity!r}."
        )
