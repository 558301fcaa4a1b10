"""Unaffected skin: tone, mottling, lines, pores, freckles, hair, and where the body ends."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mimbench.data.generated.phantom.canvas import Array, Canvas, clouds
from mimbench.data.generated.phantom.people import Person
from mimbench.data.generated.phantom.pigments import BLOOD, MELANIN, UNPIGMENTED, YELLOW

__all__ = ["Body", "creases", "grow_hair", "lay_skin"]

_FAR = 9.0


@dataclass(frozen=True)
class Body:
    """The part of the picture that shows skin: all of it, or up to a limb's bent edge.

    Attributes:
        angle: direction in which the edge lies, radians.
        offset: distance of the edge from the centre.
        bend: curvature of the edge.
    """

    angle: float
    offset: float
    bend: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Body":
        """Draw a body; the edge is out of the picture in three of four."""
        angle, bend = float(rng.uniform(0.0, 2.0 * np.pi)), float(rng.uniform(-0.2, 0.5))
        offset = float(rng.uniform(0.22, 0.46))
        return cls(angle, offset if rng.random() < 0.25 else _FAR, bend)

    @property
    def ends(self) -> bool:
        """Whether the edge is in the picture."""
        return self.offset < _FAR

    def depth(self, x: Array, y: Array) -> Array:
        """Distance from the edge, positive on the skin."""
        cos, sin = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        across = (x - 0.5) * cos + (y - 0.5) * sin
        along = (y - 0.5) * cos - (x - 0.5) * sin
        return np.float32(self.offset) - across - np.float32(self.bend) * along * along

    def shows(self, x: Array, y: Array, radius: Array) -> NDArray[np.bool_]:
        """Whether lesions of this radius at these points lie on the visible skin."""
        return self.depth(x, y) > 0.06 + 0.7 * radius


def lay_skin(canvas: Canvas, person: Person, rng: np.random.Generator) -> None:
    """Give the canvas the person's tone, mottling, relief and freckles."""
    size = canvas.size
    uneven = np.float32(person.mottling)
    melanin = person.melanin * (1.0 + 0.07 * uneven * clouds(rng, size, 4, 4, 0.7))
    blood = person.blood + 0.075 * uneven * clouds(rng, size, 5, 4, 0.8)
    whole = canvas.whole
    canvas.tint(whole, MELANIN, melanin)
    canvas.tint(whole, BLOOD, np.maximum(blood, 0.0))
    canvas.density += np.float32(person.yellow) * YELLOW[:, None, None]
    canvas.height += creases(rng, size, 0.0011 * person.relief)
    canvas.gloss += np.maximum(0.05 + 0.03 * clouds(rng, size, 6, 3), 0.0)
    _sprinkle_pores(canvas, person, rng)
    _sprinkle_freckles(canvas, person, rng)


def creases(rng: np.random.Generator, size: int, depth: float) -> Array:
    """Relief (H, W) of fine lines that cross at an angle, as on the back of a hand."""
    angle = float(rng.uniform(0.0, np.pi))
    total = np.zeros((size, size), np.float32)
    for turn, weight in ((0.0, 1.0), (1.15, 0.8)):
        bands = _stretched_noise(rng, size, angle + turn + float(rng.normal(0.0, 0.1)))
        total -= np.float32(weight) / (1.0 + np.float32(12.0) * bands * bands)
    total += 0.5 * clouds(rng, size, 64)
    return total * np.float32(depth)


def _stretched_noise(rng: np.random.Generator, size: int, angle: float) -> Array:
    """Noise (H, W) whose features are 1/14 of the side long and 1/48 across."""
    lattice = rng.standard_normal((22, 70), dtype=np.float32)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array(((48 * cos, 48 * sin), (-14 * sin, 14 * cos))) / size
    centre = np.array((35.0, 11.0)) - turn @ np.full(2, (size - 1) / 2)
    affine = np.hstack((turn, centre[:, None]))
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(lattice, affine, (size, size), flags=flags, borderMode=cv2.BORDER_WRAP)
    return np.asarray(warped, np.float32)


def _splat(canvas: Canvas, points: np.ndarray, radius: float) -> Array:
    """Soft dots (H, W) of this radius and height 1 at points (N, 2)."""
    size = canvas.size
    position = points * canvas.size - 0.5
    corner = np.floor(position).astype(int)
    share = (position - corner).astype(np.float32)
    # Each dot is shared between the four pixels around it; one more row and column catch the last.
    x = corner[:, :1] + np.array((1, 2, 1, 2))
    y = corner[:, 1:] + np.array((1, 1, 2, 2))
    right, down = share[:, :1], share[:, 1:]
    weights = np.hstack(
        ((1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down)
    )
    wide = size + 2
    counts = np.bincount((y * wide + x).ravel(), weights.ravel(), wide * wide)
    grid = counts.reshape(wide, wide)[1:-1, 1:-1].astype(np.float32)
    sigma = radius * size
    dots = cv2.GaussianBlur(grid, (0, 0), sigma)
    return np.asarray(dots * np.float32(2.0 * np.pi * sigma**2), np.float32)


def _sprinkle_pores(canvas: Canvas, person: Person, rng: np.random.Generator) -> None:
    points = rng.random((int(rng.integers(60, 260)), 2))
    pores = _splat(canvas, points, 0.0032)
    canvas.height -= 0.0016 * np.float32(person.relief) * pores
    canvas.tint(canvas.whole, BLOOD + 0.3 * MELANIN, 0.1 * np.float32(person.relief) * pores)


def _sprinkle_freckles(canvas: Canvas, person: Person, rng: np.random.Generator) -> None:
    if person.freckles:
        points = rng.random((person.freckles, 2))
        dots = _splat(canvas, points, float(rng.uniform(0.006, 0.011)))
        canvas.tint(canvas.whole, MELANIN, np.minimum(0.12 * dots, 0.25))


def grow_hair(canvas: Canvas, person: Person, rng: np.random.Generator) -> None:
    """Lay hairs over all that is on the canvas, and their shadows beside them."""
    count = int(rng.poisson(person.hair))
    if not count:
        return
    direction = float(rng.uniform(0.0, 2.0 * np.pi))
    roots = rng.uniform(-0.05, 1.05, (count, 1, 2))
    angles = direction + rng.normal(0.0, 0.25, count)
    ways = np.stack((np.cos(angles), np.sin(angles)), axis=1) * rng.uniform(0.1, 0.32, (count, 1))
    bends = rng.normal(0.0, 0.12) + rng.normal(0.0, 0.06, (count, 1))
    sides = np.stack((-ways[:, 1], ways[:, 0]), axis=1) * bends
    t = np.linspace(0.0, 1.0, 9)[:, None]
    paths = roots + ways[:, None] * t + sides[:, None] * (4.0 * t * (1.0 - t))
    hair = canvas.stroke(list(paths), float(rng.uniform(0.0022, 0.005)))
    aside = max(1, canvas.size // 100)
    canvas.density[:, aside:, aside:] += 0.2 * hair[:-aside, :-aside]
    colour = 0.5 * UNPIGMENTED * np.exp(-np.float32(1.1 * person.hair_melanin) * MELANIN)
    canvas.coat(canvas.whole, colour, 0.85 * hair)
