"""Abnormal input as a table of images and as their pixels."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.data.generated.abnormal.documents import code, screenshot, shapes, text_page
from mimbench.data.generated.abnormal.mishaps import finger, negative, tiling
from mimbench.data.generated.abnormal.signals import (
    black,
    gaussian_noise,
    gradient,
    pattern,
    uniform_noise,
    white,
)
from mimbench.data.generated.phantom.keys import image_id, stream
from mimbench.errors import DataError
from mimbench.text import listed

__all__ = ["KINDS", "VERSION", "render", "table"]

VERSION = "1"

_Kind = Callable[[np.random.Generator, int], NDArray[np.uint8]]
_PAINTERS: Mapping[str, _Kind] = {
    paint.__name__: paint
    for paint in (
        black,
        white,
        uniform_noise,
        gaussian_noise,
        gradient,
        pattern,
        text_page,
        screenshot,
        code,
        shapes,
        finger,
        negative,
        tiling,
    )
}
KINDS: tuple[str, ...] = tuple(_PAINTERS)

_SIZES = range(32, 513)
_MOST = 100_000


def table(per_kind: int = 8, seed: int = 0) -> pd.DataFrame:
    """List generated abnormal images.

    Args:
        per_kind: images of each kind, 1..100000.
        seed: any integer.

    Returns:
        One row per image: image_id, category (one of KINDS), patient (one per image),
        source ("generated"), seed, index.

    Raises:
        DataError: `per_kind` is out of range.
    """
    if not 1 <= per_kind <= _MOST:
        raise DataError(f"{per_kind} abnormal images per kind were asked for; allowed: 1..{_MOST}.")
    return pd.DataFrame(
        [
            {
                "image_id": image_id("abnormal", VERSION, seed, number),
                "category": kind,
                "patient": f"abnormal-{seed}-{number:07d}",
                "source": "generated",
                "seed": seed,
                "index": number,
            }
            for place, kind in enumerate(KINDS)
            for number in range(place * _MOST, place * _MOST + per_kind)
        ]
    )


def render(table: pd.DataFrame, size: int = 64) -> NDArray[np.uint8]:
    """Draw the images of a table; each depends on VERSION, its seed and index and the size alone.

    Args:
        table: rows of `table`, any selection in any order.
        size: side in pixels, 32..512.

    Returns:
        uint8 (N, size, size, 3), RGB, in the order of the rows.

    Raises:
        DataError: the size is out of range, or a row is not of this generator.
    """
    if size not in _SIZES:
        raise DataError(f"Abnormal images of {size} pixels were asked for; allowed: 32..512.")
    missing = {"seed", "index"} - set(table.columns)
    if missing:
        raise DataError(f"The abnormal table lacks the {listed('column', sorted(missing))}.")
    images = np.empty((len(table), size, size, 3), np.uint8)
    for row, (seed, number) in enumerate(zip(table["seed"], table["index"], strict=True)):
        images[row] = _picture(int(seed), int(number), size)
    return images


def _picture(seed: int, number: int, size: int) -> NDArray[np.uint8]:
    place = number // _MOST
    if not 0 <= place < len(KINDS):
        last = len(KINDS) * _MOST - 1
        raise DataError(f"Abnormal index {number} stands for no image; allowed: 0..{last}.")
    drawn = _PAINTERS[KINDS[place]](stream("abnormal", VERSION, seed, number), size)
    if len(drawn) != size:
        drawn = np.asarray(cv2.resize(drawn, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
    return drawn
