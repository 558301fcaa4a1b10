"""Where the light falls: uneven lamps, shadows, glare on shiny skin."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws, uniform
from mimbench.corruptions.core.kernel import Kernel, Parameter
from mimbench.corruptions.core.linear_light import Light, from_linear, to_linear

__all__ = ["KERNELS"]

SPOTS = 12


def uneven_light(images: Images, draws: Draws, result: Images, *, ev: float) -> None:
    """A lamp at the side: light falls by `ev` stops from one edge to the other."""
    for index, image in enumerate(images):
        angle = 2 * np.pi * float(uniform(draws.words(index, 1))[0])
        position = _along(angle, *image.shape[:2])
        # the middle keeps its exposure, as a camera that meters there would have it
        gain = np.exp2(-ev * position, dtype=np.float32)
        result[index] = from_linear(to_linear(image) * gain[..., None])


def shadow(images: Images, draws: Draws, result: Images, *, ev: float, softness: float) -> None:
    """The shadow of a hand or phone over about half of the picture."""
    for index, image in enumerate(images):
        turn, offset = uniform(draws.words(index, 2))
        position = _along(2 * np.pi * float(turn), *image.shape[:2]) + 0.3 * (offset - 0.5)
        covered = 1 / (1 + np.exp(-position / softness * 4))
        gain = np.exp2(-ev * covered).astype(np.float32)
        result[index] = from_linear(to_linear(image) * gain[..., None])


def glare(images: Images, draws: Draws, result: Images, *, radius: float, strength: float) -> None:
    """The flash on shiny skin: white spots of `radius`, broken up by the skin's relief."""
    for index, image in enumerate(images):
        light = to_linear(image)
        spots = uniform(draws.words(index, 2 + 5 * SPOTS))
        shine = np.float32(strength) * _spots(spots, radius, *image.shape[:2]) * _relief(light)
        result[index] = from_linear(light + shine[..., None])


def _relief(light: Light) -> Light:
    """How much each place faces the lamp, 1 on average: what is brighter than its surroundings."""
    grey = light.mean(axis=2)
    around = cv2.GaussianBlur(grey, (0, 0), 0.03 * min(grey.shape))
    return np.asarray(np.clip((grey + 0.02) / (around + 0.02), 0, 1.5) ** 6, np.float32)


def _spots(values: NDArray[np.float64], radius: float, height: int, width: int) -> Light:
    """Elongated Gaussian spots around one place, each as high as 1."""
    side = min(height, width)
    rows = np.arange(height, dtype=np.float32)[:, None] / side
    columns = np.arange(width, dtype=np.float32)[None] / side
    top, left = ((0.25 + 0.5 * values[:2]) * (height / side, width / side)).tolist()
    total: Light = np.zeros((height, width), np.float32)
    for spot, (down, across, size, turn, shape) in enumerate(values[2:].reshape(SPOTS, 5).tolist()):
        long = radius * (1.0 if spot == 0 else 0.2 + 0.5 * size)
        short = long * (0.4 + 0.5 * shape)
        away = 4 * radius if spot else 0.0
        y, x = rows - (top + away * (down - 0.5)), columns - (left + away * (across - 0.5))
        sine, cosine = math.sin(math.pi * turn), math.cos(math.pi * turn)
        distance = ((cosine * x + sine * y) / long) ** 2 + ((cosine * y - sine * x) / short) ** 2
        np.maximum(total, np.exp(-distance), out=total)
    return total


def _along(angle: float, height: int, width: int) -> NDArray[np.float32]:
    """Position of each pixel along a direction, -0.5..0.5 from edge to edge."""
    down = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None] * np.float32(np.sin(angle))
    across = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None] * np.float32(np.cos(angle))
    extent = np.float32(abs(np.sin(angle)) + abs(np.cos(angle)))
    return np.asarray((down + across) / extent, np.float32)


KERNELS = (
    Kernel(
        "uneven_light",
        uneven_light,
        {"ev": Parameter(0, 10, "fall of the light from edge to edge, stops")},
    ),
    Kernel(
        "shadow",
        shadow,
        {
            "ev": Parameter(0, 10, "depth of the shadow, stops"),
            "softness": Parameter(0.001, 1, "width of the edge, relative to the picture"),
        },
    ),
    Kernel(
        "glare",
        glare,
        {
            "radius": Parameter(0.005, 1, "of the largest spot, relative to the shorter side"),
            "strength": Parameter(0, 20, "light added in its middle, relative to white"),
        },
    ),
)
