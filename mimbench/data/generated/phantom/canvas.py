"""What lies on the skin, described by optics: pigment, opaque material, relief and gloss.

Lengths are fractions of the picture's side, so a scene looks the same at every size.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Canvas", "Site", "Spot", "clipped", "clouds", "disc", "glow", "ring"]

Array = NDArray[np.floating]
Window = tuple[slice, slice]

_SUBPIXEL_BITS = 4
_TINY = np.float32(1e-6)


@dataclass(frozen=True)
class Site:
    """Where one lesion sits.

    Attributes:
        x, y: centre.
        radius: mean radius.
        angle: direction of the longer axis, radians.
        stretch: longer axis over shorter axis.
        lobes: amplitude and phase of the outline's harmonics 2, 3, ...
    """

    x: float
    y: float
    radius: float
    angle: float = 0.0
    stretch: float = 1.0
    lobes: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Spot:
    """The pixels around a site.

    Attributes:
        window: rows and columns of the canvas.
        rho: distance from the centre, 1 on the lesion's outline.
        radius: of the site.
        pixel: side of a pixel in radii.
    """

    window: Window
    rho: Array
    radius: float
    pixel: float


class Canvas:
    """Layers of one picture; all arrays are float32, `size` pixels a side.

    Attributes:
        density: (3, H, W) optical density added by pigments to the red, green, blue channel.
        cover: (4, H, W) linear reflectance of opaque material, times its opacity, and the
            opacity itself, 0..1.
        height: (H, W) relief.
        gloss: (H, W) strength of highlights.
    """

    def __init__(self, size: int) -> None:
        """An empty canvas of `size` pixels a side."""
        self.size = size
        centres = ((np.arange(size) + 0.5) / size).astype(np.float32)
        self.x = centres[None, :]
        self.y = centres[:, None]
        self.density: Array = np.zeros((3, size, size), np.float32)
        self.cover: Array = np.zeros((4, size, size), np.float32)
        self.height: Array = np.zeros((size, size), np.float32)
        self.gloss: Array = np.zeros((size, size), np.float32)

    @property
    def whole(self) -> Window:
        """The window that covers the canvas."""
        return (slice(None), slice(None))

    def spot(self, site: Site, reach: float = 2.0) -> Spot:
        """The pixels within `reach` radii of a site."""
        bulge = 1.0 + sum(abs(amplitude) for amplitude, _ in site.lobes)
        span = site.radius * reach * np.sqrt(site.stretch) * bulge
        rows, columns = (
            slice(max(int((c - span) * self.size), 0), max(int((c + span) * self.size) + 1, 0))
            for c in (site.y, site.x)
        )
        dx = (self.x[:, columns] - np.float32(site.x)) / np.float32(site.radius)
        dy = (self.y[rows] - np.float32(site.y)) / np.float32(site.radius)
        cos, sin = np.float32(np.cos(site.angle)), np.float32(np.sin(site.angle))
        root = np.float32(np.sqrt(site.stretch))
        u, v = (dx * cos + dy * sin) / root, (dy * cos - dx * sin) * root
        rho = np.hypot(u, v)
        if site.lobes:
            rho /= _outline(u / (rho + _TINY), v / (rho + _TINY), site.lobes)
        pixel = 1.0 / (self.size * site.radius)
        return Spot((rows, columns), rho, site.radius, pixel)

    def tint(self, window: Window, pigment: Array, amount: Array) -> None:
        """Add `amount` of a pigment, given by its density per channel."""
        self.density[:, *window] += pigment[:, None, None] * amount

    def coat(self, window: Window, material: Array, opacity: Array) -> None:
        """Lay an opaque material, given by its linear reflectance, over what is there."""
        cover = self.cover[:, *window]
        opacity = clipped(opacity)
        cover[:3] += (material[:, None, None] - cover[:3]) * opacity
        cover[3] += (1.0 - cover[3]) * opacity

    def stroke(self, paths: list[NDArray[np.float64]], width: float) -> Array:
        """Coverage (H, W), 0..1, of lines through points (N, 2) given as x, y."""
        mask = np.zeros((self.size, self.size), np.uint8)
        scale = self.size * 2**_SUBPIXEL_BITS
        fixed = [(path * scale).astype(np.int32) for path in paths]
        thickness = max(1, round(width * self.size))
        cv2.polylines(mask, fixed, False, 255, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
        strength = min(1.0, width * self.size / thickness) / 255.0
        return mask * np.float32(strength)


def _outline(cos: Array, sin: Array, lobes: tuple[tuple[float, float], ...]) -> Array:
    """Radius of a wavy outline in the direction that has this cosine and sine."""
    outline = np.ones_like(cos)
    turned_cos, turned_sin = cos, sin
    for amplitude, phase in lobes:
        turned_cos, turned_sin = (
            turned_cos * cos - turned_sin * sin,
            turned_sin * cos + turned_cos * sin,
        )
        outline += np.float32(amplitude * np.cos(phase)) * turned_cos
        outline -= np.float32(amplitude * np.sin(phase)) * turned_sin
    return np.maximum(outline, np.float32(0.3))


def clouds(
    rng: np.random.Generator, size: int, cells: int, octaves: int = 1, persistence: float = 0.5
) -> Array:
    """Smooth noise (H, W) of unit variance or less, coarsest feature 1/`cells` of the side."""
    total = rng.standard_normal((cells, cells), dtype=np.float32)
    weight = power = 1.0
    for octave in range(1, octaves):
        count = cells * 2**octave
        weight *= persistence
        power += weight**2
        lattice = rng.standard_normal((count, count), dtype=np.float32)
        total = _resized(total, count) + np.float32(weight) * lattice
    return _resized(total / np.float32(np.sqrt(power)), size)


def _resized(field: Array, size: int) -> Array:
    how = cv2.INTER_CUBIC if len(field) <= size else cv2.INTER_AREA
    return np.asarray(cv2.resize(field, (size, size), interpolation=how), np.float32)


def clipped(values: Array) -> Array:
    """Values limited to 0..1; twice as fast as `np.clip` on small arrays."""
    return np.minimum(np.maximum(values, np.float32(0.0)), np.float32(1.0))


def disc(spot: Spot, radius: float = 1.0, edge: float = 0.1) -> Array:
    """1 inside, 0 outside `radius`, with a soft edge of at least one and a half pixels."""
    width = max(edge, 1.5 * spot.pixel)
    t = clipped((radius - spot.rho) / np.float32(width) + 0.5)
    return t * t * (3.0 - 2.0 * t)


def ring(spot: Spot, radius: float, width: float) -> Array:
    """1 at `radius`, falling to both sides as a Gaussian."""
    width = max(width, spot.pixel)
    away = (spot.rho - np.float32(radius)) / np.float32(width)
    return np.asarray(np.exp(-away * away))


def glow(spot: Spot, radius: float, reach: float) -> Array:
    """1 inside `radius`, fading outside over the distance `reach`."""
    away = np.maximum(spot.rho - np.float32(radius), np.float32(0.0)) / np.float32(reach)
    return np.asarray(np.exp(-away * away))
