"""Blur of a lens or a pane: Gaussian, defocus, frosted glass.

Source: Hendrycks & Dietterich 2019 (arXiv:1903.12261), in the semantics of `imagecorruptions`.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mimbench.corruptions.checks import Images
from mimbench.corruptions.compiled import compiled
from mimbench.corruptions.draws import Draws, Words
from mimbench.corruptions.kernel import Kernel, Parameter
from mimbench.corruptions.levels import to_levels, to_unit
from mimbench.corruptions.smoothing import smooth

__all__ = ["KERNELS", "shuffle"]

Plane = NDArray[np.float64]


def gaussian_blur(images: Images, draws: Draws, *, sigma: float) -> Images:
    """Convolution with a Gaussian of `sigma` pixels."""
    result = np.empty_like(images)
    unit, smoothed = np.empty(images.shape[1:]), np.empty(images.shape[1:])
    for image, out in zip(images, result, strict=True):
        smooth(to_unit(image, unit), (sigma, sigma), out=smoothed)
        to_levels(smoothed, out)
    return result


def glass_blur(
    images: Images, draws: Draws, *, sigma: float, reach: float, rounds: float
) -> Images:
    """Pixels copied from neighbours up to `reach` pixels away, between two Gaussian blurs."""
    result = gaussian_blur(images, draws, sigma=sigma)
    distance, repeats = int(reach), int(rounds)
    steps = repeats * (images.shape[1] - 2 * distance) * (images.shape[2] - 2 * distance)
    for image, words in zip(result, draws.each(steps), strict=True):
        shuffle(image, words, distance, repeats)
    return gaussian_blur(result, draws, sigma=sigma)


def defocus_blur(images: Images, draws: Draws, *, radius: float, softness: float) -> Images:
    """Convolution with a disc of `radius` pixels whose edge is softened by `softness` pixels."""
    quadrant = _disc_quadrant(int(radius), softness)
    reach = quadrant.shape[0] - 1
    result = np.empty_like(images)
    for image, out in zip(images, result, strict=True):
        padded = cv2.copyMakeBorder(image, reach, reach, reach, reach, cv2.BORDER_REFLECT_101)
        _convolve_symmetric(
            padded.reshape(padded.shape[0], -1), quadrant, out.reshape(out.shape[0], -1)
        )
    return result


@lru_cache(maxsize=32)
def _disc_quadrant(radius: int, softness: float) -> Plane:
    """Weights at offsets 0..reach down and across; the other quadrants mirror them."""
    extent, size = (8, 3) if radius <= 8 else (radius, 5)
    offsets = np.arange(-extent, extent + 1)
    disc = (offsets[:, None] ** 2 + offsets[None] ** 2 <= radius**2).astype(np.float32)
    disc = cv2.GaussianBlur(disc / disc.sum(), ksize=(size, size), sigmaX=softness)
    quadrant = disc[extent:, extent:]
    reach = int(np.flatnonzero(quadrant.any(axis=0)).max())
    return np.ascontiguousarray(quadrant[: reach + 1, : reach + 1], dtype=np.float64)


@compiled
def shuffle(image: Images, words: Words, reach: int, rounds: int) -> None:
    """Copy to each pixel, from the last to the first, a neighbour -reach..reach-1 away, in place.

    The published code means to swap the two, but both end with the neighbour's value.
    """
    height, width = image.shape[:2]
    choices = np.uint64(4 * reach * reach)
    word = 0
    for _ in range(rounds):
        for y in range(height - reach, reach, -1):
            for x in range(width - reach, reach, -1):
                place = np.int64((np.uint64(words[word]) * choices) >> np.uint64(32))
                word += 1
                from_y = y + place // (2 * reach) - reach
                from_x = x + place % (2 * reach) - reach
                image[y, x, 0] = image[from_y, from_x, 0]
                image[y, x, 1] = image[from_y, from_x, 1]
                image[y, x, 2] = image[from_y, from_x, 2]


@compiled
def _convolve_symmetric(padded: Images, quadrant: Plane, result: Images) -> None:
    reach = quadrant.shape[0] - 1
    height, stride = result.shape
    folded = np.empty(padded.shape[1])
    total = np.empty(stride)
    for y in range(height):
        total[:] = 0.0
        for down in range(reach + 1):
            above, below = padded[y + reach - down], padded[y + reach + down]
            share = 0.5 if down == 0 else 1.0  # offset 0 meets itself: a pair of halves
            for x in range(folded.size):
                folded[x] = (np.float64(above[x]) + np.float64(below[x])) * share
            _add_row(folded, quadrant[down], total)
        for x in range(stride):
            result[y, x] = np.uint8(np.int32(min(max(total[x], 0.0), 255.0)))


@compiled
def _add_row(folded: Plane, weights: Plane, total: Plane) -> None:
    reach = weights.size - 1
    centre = folded[3 * reach :]
    for x in range(total.size):
        total[x] += centre[x] * weights[0]
    last = reach
    while last > 0 and weights[last] == 0.0:
        last -= 1
    for across in range(1, last, 2):  # two offsets at a time: fewer passes over `total`
        near, far = weights[across], weights[across + 1]
        left_far = folded[3 * (reach - across - 1) :]
        left_near = folded[3 * (reach - across) :]
        right_near = folded[3 * (reach + across) :]
        right_far = folded[3 * (reach + across + 1) :]
        for x in range(total.size):
            total[x] += (left_near[x] + right_near[x]) * near + (left_far[x] + right_far[x]) * far
    if last % 2 == 1:
        left, right = folded[3 * (reach - last) :], folded[3 * (reach + last) :]
        for x in range(total.size):
            total[x] += (left[x] + right[x]) * weights[last]


KERNELS = (
    Kernel(
        "gaussian_blur",
        gaussian_blur,
        {"sigma": Parameter(0.1, 50, "standard deviation, pixels")},
    ),
    Kernel(
        "glass_blur",
        glass_blur,
        {
            "sigma": Parameter(0.1, 50, "standard deviation of both blurs, pixels"),
            "reach": Parameter(1, 15, "largest displacement, pixels", whole=True),
            "rounds": Parameter(1, 10, "how often the pixels move", whole=True),
        },
    ),
    Kernel(
        "defocus_blur",
        defocus_blur,
        {
            "radius": Parameter(1, 15, "radius of the circle of confusion, pixels", whole=True),
            "softness": Parameter(0.01, 5, "standard deviation of the disc's edge, pixels"),
        },
    ),
)
