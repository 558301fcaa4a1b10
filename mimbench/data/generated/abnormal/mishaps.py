"""Photographs that went wrong. Each takes a stream and a size in pixels."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mimbench.data.generated import phantom

__all__ = ["finger", "negative", "tiling"]

Picture = NDArray[np.uint8]

_TILE = 160


def finger(rng: np.random.Generator, size: int) -> Picture:
    """A finger over the lens: dark red glow, sometimes with a blurred scene in one corner."""
    x = ((np.arange(size) + 0.5) / size)[None, :]
    y = ((np.arange(size) + 0.5) / size)[:, None]
    angle = float(rng.uniform(0.0, 2.0 * np.pi))
    towards = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    # Light seeps through the finger from one side; blood lets red pass farthest.
    amount = float(rng.uniform(0.35, 1.0)) * np.exp(-float(rng.uniform(0.5, 2.0)) * (0.5 - towards))
    depth = np.array((0.35, 2.1, 2.6)) + rng.normal(0.0, 0.12, 3)
    light = amount[..., None] * np.exp(-depth * (1.15 - 0.5 * towards[..., None]))
    if rng.random() < 0.5:
        gap = 1.0 / (1.0 + np.exp(-(towards - float(rng.uniform(0.25, 0.4))) / 0.05))
        light += gap[..., None] * rng.uniform(0.2, 0.9, 3)
    grain = float(rng.uniform(0.005, 0.02)) * rng.standard_normal((size, size, 3), np.float32)
    picture = np.clip(light, 0.0, 1.0) ** (1.0 / 2.2) + grain
    return np.asarray(np.clip(np.round(255.0 * picture), 0.0, 255.0), np.uint8)


def negative(rng: np.random.Generator, size: int) -> Picture:
    """A phantom picture with its colours inverted."""
    return np.uint8(255) - _skin(rng, size)


def tiling(rng: np.random.Generator, size: int) -> Picture:
    """A phantom picture repeated many times, as of a broken decoder or a contact sheet."""
    across, down = (int(count) for count in rng.integers(3, 8, 2))
    tile = _skin(rng, _TILE)
    if rng.random() < 0.5:
        left, top = rng.integers(0, _TILE // 2, 2)
        tile = tile[top : top + _TILE // 2, left : left + _TILE // 2]
    shrunk = cv2.resize(tile, (512 // across + 1, 512 // down + 1), interpolation=cv2.INTER_AREA)
    page = np.tile(shrunk, (down, across, 1))[:512, :512]
    return np.asarray(cv2.resize(page, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _skin(rng: np.random.Generator, size: int) -> Picture:
    """A phantom picture of a seed that no benchmark uses by chance."""
    seed = int(rng.integers(2**32, 2**62))
    rows = phantom.table(seed, target_patients=1, patients_per_category=1)
    chosen = rows.iloc[[int(rng.integers(len(rows)))]]
    return np.asarray(phantom.render(chosen, size)[0])
