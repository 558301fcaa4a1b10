"""Fog: plasma from the diamond-square algorithm.

Source: Hendrycks & Dietterich 2019 (arXiv:1903.12261), in the semantics of `imagecorruptions`;
the plasma is float64 as in the original code (the maintained package uses float32).
"""

import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled
from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws, uniform
from mimbench.corruptions.core.kernel import Kernel, Parameter

__all__ = ["KERNELS", "cover", "plasma"]


def fog(images: Images, draws: Draws, result: Images, *, thickness: float, decay: float) -> None:
    """Clouds of `thickness` times white; `decay` is how much finer structure is weaker."""
    side = map_side(images.shape[1], images.shape[2])
    cloud, noise = np.empty((side, side)), np.empty(side * side - 1)
    for image, words, out in zip(images, draws.each(side * side - 1), result, strict=True):
        plasma(uniform(words, out=noise), decay, cloud)
        cover(image, cloud, thickness, out)


def map_side(height: int, width: int) -> int:
    """Side of the plasma for an image: the next power of two."""
    return int(2 ** (max(height, width) - 1).bit_length())


def plasma(noise: NDArray[np.float64], decay: float, cloud: NDArray[np.float64]) -> None:
    """Fill `cloud` with plasma in [0, 1].

    Args:
        noise: float64 (side**2 - 1,), uniform on (0, 1), from coarse to fine.
        decay: amplitude of a level relative to the next finer one.
        cloud: float64 (side, side), side a power of two.
    """
    cloud[0, 0] = 0.0
    step, amplitude, used = cloud.shape[0], 100.0, 0
    while step >= 2:
        count = (cloud.shape[0] // step) ** 2
        _refine(cloud, step, amplitude, noise[used : used + 3 * count])
        used += 3 * count
        step //= 2
        amplitude /= decay
    cloud -= cloud.min()
    cloud /= cloud.max()


def cover(image: Images, cloud: NDArray[np.float64], thickness: float, out: Images) -> None:
    """Write `image` under thickness x cloud, scaled back to the image's brightest value."""
    _cover(image, cloud, thickness, image.max() / 255.0, out)


@compiled
def _refine(
    cloud: NDArray[np.float64], step: int, amplitude: float, noise: NDArray[np.float64]
) -> None:
    count = cloud.shape[0] // step
    half = step // 2
    scale = amplitude + amplitude
    for i in range(count):  # middles of the squares
        for j in range(count):
            top, left = i * step, j * step
            below, right = (i + 1) % count * step, (j + 1) % count * step
            mean = (
                (cloud[top, left] + cloud[below, left]) + (cloud[top, right] + cloud[below, right])
            ) / 4
            cloud[top + half, left + half] = mean + amplitude * (
                scale * noise[i * count + j] - amplitude
            )
    for i in range(count):  # middles of the upper edges
        for j in range(count):
            top, left = i * step, j * step
            above, right = (i - 1) % count * step, (j + 1) % count * step
            middles = cloud[top + half, left + half] + cloud[above + half, left + half]
            mean = (middles + (cloud[top, left] + cloud[top, right])) / 4
            noise_here = noise[(count + i) * count + j]
            cloud[top, left + half] = mean + amplitude * (scale * noise_here - amplitude)
    for i in range(count):  # middles of the left edges
        for j in range(count):
            top, left = i * step, j * step
            below, before = (i + 1) % count * step, (j - 1) % count * step
            middles = cloud[top + half, left + half] + cloud[top + half, before + half]
            mean = (middles + (cloud[top, left] + cloud[below, left])) / 4
            noise_here = noise[(2 * count + i) * count + j]
            cloud[top + half, left] = mean + amplitude * (scale * noise_here - amplitude)


@compiled
def _cover(
    image: Images, cloud: NDArray[np.float64], thickness: float, brightest: float, out: Images
) -> None:
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            mist = thickness * cloud[y, x]
            for channel in range(3):
                value = np.float64(image[y, x, channel]) / 255.0 + mist
                value = value * brightest / (brightest + thickness)
                out[y, x, channel] = np.uint8(np.int32(min(max(value, 0.0), 1.0) * 255.0))


KERNELS = (
    Kernel(
        "fog",
        fog,
        {
            "thickness": Parameter(0, 10, "brightest fog, relative to white"),
            "decay": Parameter(1, 10, "how much weaker a level of detail is than the next coarser"),
        },
    ),
)
