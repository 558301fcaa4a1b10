"""Small images corrupted as the larger photos that they could be made from.

The published lengths are pixels of a 224-pixel image. On smaller images the same lengths act on
more of the scene, and noise per pixel is not averaged away by resizing. Scaling the lengths cannot
mend this: a noise level, a JPEG block and a palette have no length to scale. So the image is
enlarged, corrupted as published, and resized back, as a photo would have been. This serves every
corruption, also those of a user and those of the reference engine.

Enlarging is the inverse of resizing: of all images that give the small one when they are resized
(antialiased bilinear, as detectors' inputs are), the one whose neighbouring pixels differ least, in
the least-squares sense. So resizing back loses nothing, and what changes is the corruption's doing.
Only where that image would leave the range 0..255 the small one comes back a little changed.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mimbench.corruptions.core.checks import Images, check_images, check_keys
from mimbench.corruptions.definition import Corruption, Engine
from mimbench.errors import CorruptionError

__all__ = ["apply_enlarged", "enlarge", "shrink"]

Matrix = NDArray[np.float64]
CHUNK = 32  # images in float64 at once


def apply_enlarged(
    corruption: Corruption,
    images: Images,
    severity: int,
    keys: Sequence[int] | NDArray[np.integer],
    side: int,
    *,
    engine: Engine = "own",
    threads: int | None = None,
) -> Images:
    """Corrupt images as if they had been made from images of a larger side.

    Args:
        corruption: what to apply.
        images: uint8 (N, S, S, 3), RGB.
        severity: 1 (weak) to 5 (strong).
        keys: one integer in 0..2**64-1 per image.
        side: of the larger images, pixels, above S.
        engine: as for `mimbench.corruptions.apply`.
        threads: as for `mimbench.corruptions.apply`.

    Returns:
        uint8 (N, S, S, 3), a new array.

    Raises:
        CorruptionError: images that are not square, or larger than `side`.
    """
    images = check_images(images)
    drawn = check_keys(keys, len(images))
    own = images.shape[1]
    if images.shape[2] != own or own > side:
        raise CorruptionError(
            f"Only square images of up to {side} pixels can be enlarged to {side} pixels, not "
            f"{images.shape[1]}x{images.shape[2]}."
        )
    result = np.empty_like(images)
    for start in range(0, len(images), CHUNK):
        part = slice(start, start + CHUNK)
        large = enlarge(images[part], side)
        worse = corruption.apply(large, severity, drawn[part], engine=engine, threads=threads)
        result[part] = shrink(worse, own)
    return result


def enlarge(images: Images, side: int) -> Images:
    """The smoothest images that give these when they are resized.

    Args:
        images: uint8 (N, S, S, 3).
        side: of the larger images, pixels, S or more.

    Returns:
        uint8 (N, side, side, 3); levels beyond 0..255 are cut.
    """
    return _resampled(images, _enlarging(images.shape[1], side))


def shrink(images: Images, side: int) -> Images:
    """Resize images, antialiased bilinear, as `mimbench.detectors.imaging.shared.resize` does.

    Args:
        images: uint8 (N, S, S, 3).
        side: of the smaller images, pixels.

    Returns:
        uint8 (N, side, side, 3).
    """
    return _resampled(images, _shrinking(images.shape[1], side))


def _resampled(images: Images, matrix: Matrix) -> Images:
    """The same linear map (M, S) along height and width, rounded to levels."""
    count, height, width, channels = images.shape
    lines = images.reshape(count, height, width * channels).astype(np.float64)
    down = (matrix @ lines).reshape(count, len(matrix), width, channels)
    both = down.swapaxes(2, 3) @ matrix.T
    levels: Images = both.round().clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(levels.swapaxes(2, 3))


@lru_cache(maxsize=8)
def _shrinking(large: int, small: int) -> Matrix:
    """Weights (small, large) of a triangle as wide as two pixels of the small image."""
    scale = large / small
    centre = (np.arange(small) + 0.5) * scale
    distance = np.abs(np.arange(large) + 0.5 - centre[:, None]) / scale
    weights = (1 - distance).clip(min=0)
    return np.asarray(weights / weights.sum(1, keepdims=True))


@lru_cache(maxsize=8)
def _enlarging(small: int, large: int) -> Matrix:
    """Right inverse (large, small) of `_shrinking` with the least differences of neighbours.

    From the normal equations with one multiplier for each small pixel that has to come out.
    """
    back = _shrinking(large, small)
    steps = np.diff(np.eye(large), axis=0)
    system = np.block([[steps.T @ steps, back.T], [back, np.zeros((small, small))]])
    wanted = np.vstack([np.zeros((large, small)), np.eye(small)])
    return np.asarray(np.linalg.solve(system, wanted)[:large])
