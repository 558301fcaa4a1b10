"""Brightness, saturation and contrast.

Source: Hendrycks & Dietterich 2019 (arXiv:1903.12261), in the semantics of `imagecorruptions`;
hue, saturation and value as in scikit-image.
"""

import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled
from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws
from mimbench.corruptions.core.kernel import Kernel, Parameter

__all__ = ["KERNELS"]


def brightness(images: Images, draws: Draws, result: Images, *, add: float) -> None:
    """Value (of hue, saturation, value) raised by `add`."""
    _change(images, result, scale=1.0, offset=0.0, add=add)


def saturate(images: Images, draws: Draws, result: Images, *, scale: float, offset: float) -> None:
    """Saturation times `scale` plus `offset`."""
    _change(images, result, scale=scale, offset=offset, add=0.0)


def contrast(images: Images, draws: Draws, result: Images, *, scale: float) -> None:
    """Distance to each channel's mean times `scale`."""
    unit = np.arange(256) / 255.0
    tables = np.empty((256, 3), np.uint8)
    for image, out in zip(images, result, strict=True):
        means = np.empty(3)
        _means(image, unit, means)
        values = np.clip((unit[:, None] - means) * scale + means, 0, 1) * 255
        tables[:] = values.astype(np.uint8)
        _look_up(image.reshape(-1, 3), tables, out.reshape(-1, 3))


def _change(images: Images, result: Images, scale: float, offset: float, add: float) -> None:
    unit = np.arange(256) / 255.0
    _change_colours(images.reshape(-1, 3), unit, scale, offset, add, result.reshape(-1, 3))


@compiled
def _means(image: Images, unit: NDArray[np.float64], means: NDArray[np.float64]) -> None:
    # one sum per channel from the first pixel to the last, as numpy adds over the leading axes
    red = green = blue = 0.0
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            red += unit[image[y, x, 0]]
            green += unit[image[y, x, 1]]
            blue += unit[image[y, x, 2]]
    count = image.shape[0] * image.shape[1]
    means[0], means[1], means[2] = red / count, green / count, blue / count


@compiled
def _look_up(pixels: Images, tables: Images, result: Images) -> None:
    for i in range(pixels.shape[0]):
        result[i, 0] = tables[pixels[i, 0], 0]
        result[i, 1] = tables[pixels[i, 1], 1]
        result[i, 2] = tables[pixels[i, 2], 2]


@compiled
def _change_colours(
    pixels: Images,
    unit: NDArray[np.float64],
    scale: float,
    offset: float,
    add: float,
    result: Images,
) -> None:
    for i in range(pixels.shape[0]):
        red, green, blue = unit[pixels[i, 0]], unit[pixels[i, 1]], unit[pixels[i, 2]]
        hue, saturation, value = _to_hsv(red, green, blue)
        saturation = min(max(saturation * scale + offset, 0.0), 1.0)
        value = min(max(value + add, 0.0), 1.0)
        red, green, blue = _to_rgb(hue, saturation, value)
        result[i, 0] = np.uint8(np.int32(min(max(red, 0.0), 1.0) * 255.0))
        result[i, 1] = np.uint8(np.int32(min(max(green, 0.0), 1.0) * 255.0))
        result[i, 2] = np.uint8(np.int32(min(max(blue, 0.0), 1.0) * 255.0))


@compiled
def _to_hsv(red: float, green: float, blue: float) -> tuple[float, float, float]:
    value = max(red, green, blue)
    spread = value - min(red, green, blue)
    if spread == 0.0:
        return 0.0, 0.0, value
    if blue == value:
        hue = 4.0 + (red - green) / spread
    elif green == value:
        hue = 2.0 + (blue - red) / spread
    else:
        hue = (green - blue) / spread
    hue /= 6.0
    if hue < 0.0:
        hue += 1.0
    return hue, spread / value, value


@compiled
def _to_rgb(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    sector = int(hue * 6.0)
    rest = hue * 6.0 - sector
    low = value * (1.0 - saturation)
    falling = value * (1.0 - rest * saturation)
    rising = value * (1.0 - (1.0 - rest) * saturation)
    if sector % 6 == 0:
        return value, rising, low
    if sector % 6 == 1:
        return falling, value, low
    if sector % 6 == 2:
        return low, value, rising
    if sector % 6 == 3:
        return low, falling, value
    if sector % 6 == 4:
        return rising, low, value
    return value, low, falling


KERNELS = (
    Kernel(
        "brightness",
        brightness,
        {"add": Parameter(-1, 1, "added to the value channel, relative to white")},
    ),
    Kernel(
        "saturate",
        saturate,
        {
            "scale": Parameter(0, 100, "factor of the saturation"),
            "offset": Parameter(-1, 1, "added to the saturation"),
        },
    ),
    Kernel(
        "contrast",
        contrast,
        {"scale": Parameter(0, 10, "factor of the distance to the mean")},
    ),
)
