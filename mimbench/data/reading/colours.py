"""Pixels of every mode as 8-bit RGB, upright."""

import numpy as np
from PIL import Image

from mimbench.data.reading.opening import Unreadable, upright

__all__ = ["upright_rgb"]

_STRIP = 2**22  # pixels that are converted at once


def upright_rgb(image: Image.Image) -> tuple[Image.Image, str]:
    """The picture as 8-bit RGB, turned as its metadata says, and why that failed, if it did."""
    turned, problem = upright(image)
    return _to_rgb(turned), problem


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode == "F":
        raise Unreadable("floating-point pixels of unknown range")
    if image.mode == "I":
        low, high = np.ravel(image.getextrema())
        if low < 0 or high > 65535:
            raise Unreadable("grey values outside the range of 16 bits")
    if image.width * image.height <= _STRIP:
        return _strip_to_rgb(image)
    rgb = Image.new("RGB", image.size)
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        rgb.paste(_strip_to_rgb(strip), (0, top))
    return rgb


def _strip_to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return _to_eight_bits(image).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("LA") if image.mode == "La" else image
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Grey values of 16 bits, of which Pillow would keep the lower eight."""
    values = np.asarray(image).astype(np.float64)
    transparent = image.info.get("transparency")
    if transparent is not None:
        values = np.where(values == transparent, 65535, values)
    return Image.fromarray(np.round(values / 257).astype(np.uint8))
