"""Blur of a lens or a pane: Gaussian, defocus, frosted glass.

Source: Hendrycks & Dietterich 2019 (arXiv:1903.12261), in the semantics of `imagecorruptions`.
"""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled
from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws, Words
from mimbench.corruptions.core.kernel import Kernel, Parameter
from mimbench.corruptions.core.levels import to_levels, to_unit
from mimbench.corruptions.core.smoothing import smooth

__all__ = ["KERNELS", "shuffle"]

Plane = NDArray[np.float64]


def gaussian_blur(images: Images, draws: Draws, result: Images, *, sigma: float) -> None:
    """Convolution with a Gaussian of `sigma` pixels."""
    unit, smoothed = np.empty(images.shape[1:]), np.empty(images.shape[1:])
    for image, out in zip(images, result, strict=True):
        smooth(to_unit(image, unit), (sigma, sigma), out=smoothed)
        to_levels(smoothed, out)


def glass_blur(
    images: Images, draws: Draws, result: Images, *, sigma: float, reach: float, rounds: float
) -> None:
    """Pixels copied from neighbours up to `reach` pixels away, between two Gaussian blurs."""
    blurred = np.empty_like(images)
    gaussian_blur(images, draws, blurred, sigma=sigma)
    distance, repeats = int(reach), int(rounds)
    steps = repeats * (images.shape[1] - 2 * distance) * (images.shape[2] - 2 * distance)
    for image, words in zip(blurred, draws.each(steps), strict=True):
        shuffle(image, words, distance, repeats)
    gaussian_blur(blurred, draws, result, sigma=sigma)


def defocus_blur(
    images: Images, draws: Draws, result: Images, *, radius: float, softness: float
) -> None:
    """Convolution with a disc of `radius` pixels whose edge is softened by `softness` pixels."""
    disc = _disc(int(radius), softness)
    reach = disc.edge.shape[0] - 1
    height, stride = images.shape[1], 3 * images.shape[2]
    sums = np.zeros((height + 2 * reach + 1, stride + 6 * reach), np.int32)
    for image, out in zip(images, result, strict=True):
        padded = cv2.copyMakeBorder(image, reach, reach, reach, reach, cv2.BORDER_REFLECT_101)
        _convolve(padded.reshape(height + 2 * reach, -1), disc, sums, out.reshape(height, -1))


class Disc(NamedTuple):
    """One quadrant of a symmetric kernel: a plateau, and what its edge differs from it.

    Attributes:
        weight: of the plateau.
        heights: int64, rows of the plateau at offsets 0, 1, ... across.
        edge: float64, weights at offsets 0..reach down and across, less the plateau.
    """

    weight: float
    heights: NDArray[np.int64]
    edge: Plane


@lru_cache(maxsize=32)
def _disc(radius: int, softness: float) -> Disc:
    extent, size = (8, 3) if radius <= 8 else (radius, 5)
    offsets = np.arange(-extent, extent + 1)
    disc = (offsets[:, None] ** 2 + offsets[None] ** 2 <= radius**2).astype(np.float32)
    disc = cv2.GaussianBlur(disc / disc.sum(), ksize=(size, size), sigmaX=softness)
    quadrant = np.asarray(disc[extent:, extent:], np.float64)
    reach = int(np.flatnonzero(quadrant.any(axis=0)).max())
    edge = quadrant[: reach + 1, : reach + 1].copy()
    weight = float(edge[0, 0])
    # rows from the middle on that have the plateau's weight, column by column
    heights = np.logical_and.accumulate(edge == weight, axis=0).sum(axis=0)
    edge[np.arange(reach + 1)[:, None] < heights] -= weight
    return Disc(weight, heights, edge)


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
def _convolve(padded: Images, disc: Disc, sums: NDArray[np.int32], result: Images) -> None:
    reach = disc.edge.shape[0] - 1
    height, stride = result.shape
    for y in range(padded.shape[0]):
        for x in range(padded.shape[1]):
            sums[y + 1, x] = sums[y, x] + padded[y, x]
    folded = np.empty(padded.shape[1])
    run = np.empty(stride, np.int32)
    total = np.empty(stride)
    for y in range(height):
        _sum_plateau(sums, y + reach, disc.heights, run)
        for x in range(stride):
            total[x] = disc.weight * run[x]
        for down in range(reach + 1):
            above, below = padded[y + reach - down], padded[y + reach + down]
            share = 0.5 if down == 0 else 1.0  # offset 0 meets itself: a pair of halves
            for x in range(folded.size):
                folded[x] = (np.float64(above[x]) + np.float64(below[x])) * share
            _add_row(folded, disc.edge[down], total)
        for x in range(stride):
            result[y, x] = np.uint8(np.int32(min(max(total[x], 0.0), 255.0)))


@compiled
def _sum_plateau(
    sums: NDArray[np.int32], middle: int, heights: NDArray[np.int64], run: NDArray[np.int32]
) -> None:
    """Sum the pixels under the plateau, from the column sums above each row."""
    reach = heights.size - 1
    run[:] = 0
    for across in range(heights.size):
        if heights[across] == 0:
            continue
        upper, lower = sums[middle - heights[across] + 1], sums[middle + heights[across]]
        right_upper, right_lower = upper[3 * (reach + across) :], lower[3 * (reach + across) :]
        for x in range(run.size):
            run[x] += right_lower[x] - right_upper[x]
        if across > 0:
            left_upper, left_lower = upper[3 * (reach - across) :], lower[3 * (reach - across) :]
            for x in range(run.size):
                run[x] += left_lower[x] - left_upper[x]


@compiled
def _add_row(folded: Plane, weights: Plane, total: Plane) -> None:
    """Add the symmetric convolution of one row with weights at offsets 0, 1, ..."""
    reach = weights.size - 1
    if weights[0] != 0.0:
        centre = folded[3 * reach :]
        for x in range(total.size):
            total[x] += centre[x] * weights[0]
    first, last = 1, reach
    while last > 0 and weights[last] == 0.0:
        last -= 1
    while first <= last and weights[first] == 0.0:
        first += 1
    for across in range(first, last, 2):  # two offsets at a time: fewer passes over `total`
        near, far = weights[across], weights[across + 1]
        left_far = folded[3 * (reach - across - 1) :]
        left_near = folded[3 * (reach - across) :]
        right_near = folded[3 * (reach + across) :]
        right_far = folded[3 * (reach + across + 1) :]
        for x in range(total.size):
            total[x] += (left_near[x] + right_near[x]) * near + (left_far[x] + right_far[x]) * far
    if (last - first) % 2 == 0:
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
