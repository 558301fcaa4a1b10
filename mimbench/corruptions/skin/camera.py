"""A phone held by hand: shake and misfocus, in linear light.

Lengths are relative to the shorter side, so that they mean the same at any resolution.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws, normal, uniform
from mimbench.corruptions.core.kernel import Kernel, Parameter
from mimbench.corruptions.core.linear_light import from_linear, to_linear

__all__ = ["KERNELS"]

STEPS = 64
POINTS = 64  # along the diameter of a disc


def hand_shake(images: Images, draws: Draws, result: Images, *, length: float) -> None:
    """The camera wanders over `length` while the shutter is open."""
    distance = length * min(images.shape[1:3])
    for index, image in enumerate(images):
        kernel = _spread(_shake_path(draws.words(index, 2 + 2 * STEPS)) * distance)
        result[index] = _convolve(image, kernel)


def misfocus(images: Images, draws: Draws, result: Images, *, radius: float) -> None:
    """Every point becomes a disc of `radius`."""
    kernel = _disc(radius * min(images.shape[1:3]))
    for image, out in zip(images, result, strict=True):
        out[:] = _convolve(image, kernel)


@lru_cache(maxsize=32)
def _disc(radius: float) -> NDArray[np.float32]:
    """The blur kernel of a disc of `radius` pixels, sums to 1."""
    across = (np.arange(POINTS) + 0.5) * 2 / POINTS - 1
    points = np.stack(np.meshgrid(across, across), axis=-1).reshape(-1, 2)
    return _spread(points[np.square(points).sum(axis=1) <= 1] * radius)


def _shake_path(words: NDArray[np.uint32]) -> NDArray[np.float64]:
    """A smooth wandering path from draws: float64 (STEPS, 2), its longest extent 1, centred.

    The hand drifts in one direction and trembles: the velocity is a random walk.
    """
    angle = 2 * np.pi * uniform(words[:1])[0]
    tremble = normal(words[2:]).astype(np.float64).reshape(STEPS, 2)
    velocity = np.array([np.sin(angle), np.cos(angle)]) + 0.15 * np.cumsum(tremble, axis=0)
    path = np.cumsum(velocity, axis=0)
    path -= (path.max(axis=0) + path.min(axis=0)) / 2
    extent = np.ptp(path, axis=0).max()
    return np.asarray(path / extent, np.float64)


def _spread(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """The blur kernel of points in pixels: each is shared among its four neighbours."""
    reach = int(np.ceil(np.abs(points).max())) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    corner = np.floor(points).astype(np.int64)
    rest = points - corner
    for down in (0, 1):
        for across in (0, 1):
            weight = np.abs(1 - down - rest[:, 0]) * np.abs(1 - across - rest[:, 1])
            np.add.at(kernel, tuple((corner + reach + (down, across)).T), weight)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _convolve(image: Images, kernel: NDArray[np.float32]) -> Images:
    light = cv2.filter2D(to_linear(image), -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return from_linear(np.asarray(light, np.float32))


KERNELS = (
    Kernel(
        "hand_shake",
        hand_shake,
        {"length": Parameter(0.001, 0.5, "extent of the path, relative to the shorter side")},
    ),
    Kernel(
        "misfocus",
        misfocus,
        {"radius": Parameter(0.0001, 0.2, "of the disc, relative to the shorter side")},
    ),
)
