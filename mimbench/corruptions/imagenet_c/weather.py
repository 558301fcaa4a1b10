"""Snow and frost.

Source: Hendrycks & Dietterich 2019 (arXiv:1903.12261), in the semantics of `imagecorruptions`.
"""

from functools import lru_cache
from importlib.util import find_spec
from math import ceil
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled
from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws, below, normal, uniform
from mimbench.corruptions.core.kernel import Kernel, Parameter
from mimbench.corruptions.core.zoom import enlarge, zoom_axis
from mimbench.corruptions.imagenet_c.motion import drag
from mimbench.errors import CorruptionError

__all__ = ["KERNELS", "freeze", "let_it_snow"]

# The first five of the package's six textures, as in the original code.
FROST = ("frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg")


def snow(
    images: Images,
    draws: Draws,
    result: Images,
    *,
    density: float,
    spread: float,
    size: float,
    **rest: float,
) -> None:
    """Bright flakes that fall at -135..-45 degrees over a whitened image."""
    crop = [zoom_axis(length, size).crop for length in images.shape[1:3]]
    for image, words, out in zip(images, draws.each(1 + crop[0] * crop[1]), result, strict=True):
        angle = -135.0 + 90.0 * float(uniform(words[:1])[0])
        field = density + spread * normal(words[1:]).astype(np.float64).reshape(crop)
        let_it_snow(image, field, angle, out, size=size, **rest)


def let_it_snow(
    image: Images,
    field: NDArray[np.float64],
    angle: float,
    out: Images,
    *,
    size: float,
    threshold: float,
    radius: float,
    sigma: float,
    keep: float,
) -> None:
    """Write one snowed image into `out`, given the draws.

    Args:
        image: uint8 (H, W, 3).
        field: float64 (ceil(H / size), ceil(W / size)), normal draws.
        angle: in which the flakes fall, degrees.
        out: uint8 (H, W, 3).
        size: by how much the field is enlarged to cover the image.
        threshold: flakes are where the field is above.
        radius: half the length of the motion blur, pixels.
        sigma: of the motion blur, pixels.
        keep: share of the image that is not whitened.
    """
    height, width = image.shape[:2]
    flakes = enlarge(field, zoom_axis(height, size), zoom_axis(width, size))
    _keep_above(flakes, threshold)
    falling = drag(flakes[..., None], int(radius), sigma, angle)[:height, :width, 0]
    unit = np.divide(image, 255, dtype=np.float32)
    grey = np.asarray(cv2.cvtColor(unit, cv2.COLOR_RGB2GRAY), np.float32)
    _whiten(unit, grey, falling, np.float32(keep), np.float32(1 - keep), out)


def frost(images: Images, draws: Draws, result: Images, *, keep: float, ice: float) -> None:
    """A random crop of one of five photographs of frost, added to the darkened image."""
    height, width = images.shape[1:3]
    for index, image in enumerate(images):
        words = draws.words(index, 3)
        texture = frost_texture(int(below(words[:1], len(FROST))[0]), height, width)
        top = int(below(words[1:2], texture.shape[0] - height)[0])
        left = int(below(words[2:3], texture.shape[1] - width)[0])
        freeze(image, texture[top : top + height, left : left + width], keep, ice, result[index])


def freeze(image: Images, texture: Images, keep: float, ice: float, out: Images) -> None:
    """Write keep x image + ice x texture into `out`; all uint8 (H, W, 3)."""
    _look_up(_sum_table(keep, ice), image, texture, out)


@lru_cache(maxsize=32)
def frost_texture(number: int, height: int, width: int) -> Images:
    """Texture `number`, uint8 RGB, enlarged so that crops of (height, width) fit into it."""
    texture = _read_texture(FROST[number])
    scale = 1.1 * max(1.0, height / texture.shape[0], width / texture.shape[1])
    size = ceil(texture.shape[1] * scale), ceil(texture.shape[0] * scale)
    resized = cv2.resize(texture, dsize=size, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(resized[..., ::-1])


@lru_cache(maxsize=len(FROST))
def _read_texture(name: str) -> Images:
    package = find_spec("imagecorruptions")  # only found, not imported: that takes a second
    if package is None or package.origin is None:
        raise CorruptionError(
            "The frost textures are missing; install the package imagecorruptions-imaug."
        )
    path = Path(package.origin).parent / "frost" / name
    texture = cv2.imread(str(path))
    if texture is None:
        raise CorruptionError(f"{path} is not readable; reinstall imagecorruptions-imaug.")
    return texture.astype(np.uint8, copy=False)


@lru_cache(maxsize=16)
def _sum_table(keep: float, ice: float) -> Images:
    levels = np.arange(256)
    return np.clip(keep * levels[:, None] + ice * levels[None], 0, 255).astype(np.uint8)


@compiled
def _look_up(table: Images, image: Images, texture: Images, out: Images) -> None:
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            for channel in range(3):
                out[y, x, channel] = table[image[y, x, channel], texture[y, x, channel]]


@compiled
def _keep_above(field: NDArray[np.float64], threshold: float) -> None:
    for y in range(field.shape[0]):
        for x in range(field.shape[1]):
            field[y, x] = min(field[y, x], 1.0) if field[y, x] >= threshold else 0.0


@compiled
def _whiten(
    unit: NDArray[np.float32],
    grey: NDArray[np.float32],
    falling: NDArray[np.float64],
    keep: np.float32,
    rest: np.float32,
    out: Images,
) -> None:
    height, width = grey.shape
    for y in range(height):
        for x in range(width):
            # the layer passes through 256 levels, and falls once more from the opposite corner
            flake = np.rint(falling[y, x] * 255.0) / 255.0
            opposite = np.rint(falling[height - 1 - y, width - 1 - x] * 255.0) / 255.0
            bright = grey[y, x] * np.float32(1.5) + np.float32(0.5)
            for channel in range(3):
                value = unit[y, x, channel]
                whitened = keep * value + rest * max(value, bright)
                total = min(max(np.float64(whitened) + flake + opposite, 0.0), 1.0)
                out[y, x, channel] = np.uint8(np.int32(total * 255.0))


KERNELS = (
    Kernel(
        "snow",
        snow,
        {
            "density": Parameter(-2, 2, "mean of the field of flakes"),
            "spread": Parameter(0.01, 2, "standard deviation of the field"),
            "size": Parameter(1, 20, "size of a flake, pixels"),
            "threshold": Parameter(0, 1, "flakes are where the field is above"),
            "radius": Parameter(1, 100, "half the length of the motion blur, pixels", whole=True),
            "sigma": Parameter(0.1, 100, "of the motion blur, pixels"),
            "keep": Parameter(0, 1, "share of the image that is not whitened"),
        },
    ),
    Kernel(
        "frost",
        frost,
        {
            "keep": Parameter(0, 1, "weight of the image"),
            "ice": Parameter(0, 1, "weight of the frost"),
        },
    ),
)
