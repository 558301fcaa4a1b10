"""Plain signals: uniform, noise, gradient, pattern. Each takes a stream and a size in pixels."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["black", "gaussian_noise", "gradient", "pattern", "uniform_noise", "white"]

Picture = NDArray[np.uint8]


def black(rng: np.random.Generator, size: int) -> Picture:
    """A covered sensor: levels near 0 with a sensor's noise."""
    return _sensor(rng, size, float(rng.uniform(0.0, 6.0)))


def white(rng: np.random.Generator, size: int) -> Picture:
    """An overexposed sensor: levels near 255 with a sensor's noise."""
    return _sensor(rng, size, float(rng.uniform(249.0, 255.0)))


def uniform_noise(rng: np.random.Generator, size: int) -> Picture:
    """Independent values 0..255 in every pixel and channel."""
    return rng.integers(0, 256, (size, size, 3), np.uint8)


def gaussian_noise(rng: np.random.Generator, size: int) -> Picture:
    """Normal noise around grey, in all channels alike or in each."""
    channels = 3 if rng.random() < 0.5 else 1
    noise = rng.standard_normal((size, size, channels), np.float32)
    return _pixels(np.broadcast_to(128.0 + float(rng.uniform(25, 60)) * noise, (size, size, 3)))


def gradient(rng: np.random.Generator, size: int) -> Picture:
    """A smooth change from one colour to another, straight or round."""
    x, y = _grid(size)
    angle = float(rng.uniform(0.0, 2.0 * np.pi))
    if rng.random() < 0.5:
        way = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + 0.5
    else:
        centre = rng.uniform(0.2, 0.8, 2)
        way = 1.2 * np.hypot(x - centre[0], y - centre[1])
    first, last = rng.uniform(0.0, 255.0, (2, 3))
    return _pixels(first + (last - first) * np.clip(way, 0.0, 1.0)[..., None])


def pattern(rng: np.random.Generator, size: int) -> Picture:
    """Stripes or a checkerboard of two colours, at any angle."""
    x, y = _grid(size)
    angle, period = float(rng.uniform(0.0, np.pi)), float(rng.uniform(0.06, 0.3))
    along = np.floor((x * np.cos(angle) + y * np.sin(angle)) / period)
    across = np.floor((y * np.cos(angle) - x * np.sin(angle)) / period)
    odd = (along + across if rng.random() < 0.5 else along) % 2.0
    dark, light = rng.uniform(0.0, 90.0, 3), rng.uniform(165.0, 255.0, 3)
    return _pixels(dark + (light - dark) * odd[..., None])


def _sensor(rng: np.random.Generator, size: int, level: float) -> Picture:
    noise = float(rng.uniform(0.4, 1.5)) * rng.standard_normal((size, size, 3), np.float32)
    return _pixels(level + noise)


def _grid(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns (1, W) and rows (H, 1) of pixel centres, 0..1."""
    centres = (np.arange(size) + 0.5) / size
    return centres[None, :], centres[:, None]


def _pixels(values: NDArray[np.floating]) -> Picture:
    return np.clip(np.round(values), 0.0, 255.0).astype(np.uint8)
