"""Light on the canvas: shape of the body, lamp, highlights, hair and what lies behind."""

from dataclasses import dataclass

import cv2
import numpy as np

from mimbench.data.generated.phantom.canvas import Array, Canvas, clouds
from mimbench.data.generated.phantom.pigments import skin_reflectance
from mimbench.data.generated.phantom.skin import Body

__all__ = ["Lamp", "illuminate", "put_behind"]


@dataclass(frozen=True)
class Lamp:
    """One soft lamp and the room around it.

    Attributes:
        angle: direction it shines from, radians.
        slant: how strongly relief casts shade, 0..1.
        fall_off: change of light across the picture, 0..1.
        spot: share of a round bright area, as of a flash.
        vignette: loss of light in the corners, 0..1.
    """

    angle: float
    slant: float
    fall_off: float
    spot: float
    vignette: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Lamp":
        """Draw a lamp."""
        return cls(
            angle=float(rng.uniform(0.0, 2.0 * np.pi)),
            slant=float(rng.uniform(0.25, 0.55)),
            fall_off=float(rng.uniform(0.0, 0.45)),
            spot=float(rng.uniform(0.0, 0.35)),
            vignette=float(rng.uniform(0.0, 0.4)),
        )


def illuminate(canvas: Canvas, lamp: Lamp, body: Body, rng: np.random.Generator) -> Array:
    """Linear light (3, H, W) that the canvas sends to the camera."""
    albedo = skin_reflectance(canvas.density) * (1.0 - canvas.cover[3]) + canvas.cover[:3]
    slope_x = cv2.Sobel(canvas.height, cv2.CV_32F, 1, 0, scale=canvas.size / 8.0)
    slope_y = cv2.Sobel(canvas.height, cv2.CV_32F, 0, 1, scale=canvas.size / 8.0)
    cos, sin = np.float32(np.cos(lamp.angle)), np.float32(np.sin(lamp.angle))
    facing = -(slope_x * cos + slope_y * sin)
    aside = slope_x * sin - slope_y * cos
    shade = np.clip(1.0 + np.float32(lamp.slant) * facing / (1.0 + np.abs(facing)), 0.3, 1.7)
    off = (facing - 0.55) / 0.3
    highlight = canvas.gloss * cv2.exp(-(off * off) - (aside * aside) / 0.2)
    gain = _lamp_gain(canvas, lamp, rng)
    if body.ends:
        gain *= _limb_gain(canvas, body)
    return np.asarray((albedo * shade + highlight) * gain, np.float32)


def _lamp_gain(canvas: Canvas, lamp: Lamp, rng: np.random.Generator) -> Array:
    x, y = canvas.x - 0.5, canvas.y - 0.5
    cos, sin = np.float32(np.cos(lamp.angle)), np.float32(np.sin(lamp.angle))
    centre = rng.uniform(-0.3, 0.3, 2).astype(np.float32)
    gain = 1.0 + np.float32(lamp.fall_off) * (x * cos + y * sin)
    near = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / np.float32(0.12))
    gain = gain + np.float32(lamp.spot) * near
    gain *= 1.0 - np.float32(lamp.vignette) * 2.0 * (x * x + y * y)
    return np.asarray(gain * (1.0 + 0.05 * clouds(rng, canvas.size, 3)), np.float32)


def _limb_gain(canvas: Canvas, body: Body) -> Array:
    """A limb turns away from the lamp towards its edge."""
    turn = np.clip(1.0 - body.depth(canvas.x, canvas.y) / np.float32(0.35), 0.0, 1.0)
    return np.asarray(0.3 + 0.7 * np.sqrt(1.0 - turn * turn), np.float32)


def put_behind(radiance: Array, canvas: Canvas, body: Body, rng: np.random.Generator) -> Array:
    """The picture with blurred cloth beyond the edge of the body."""
    tone = float(rng.uniform(0.02, 0.3))
    colour = (tone * np.exp(rng.normal(0.0, 0.15, (3, 1, 1)))).astype(np.float32)
    folds = 1.0 + 0.2 * clouds(rng, canvas.size, 5, 3)
    depth = body.depth(canvas.x, canvas.y)
    skin = np.clip(depth / np.float32(0.012) + 0.5, 0.0, 1.0)
    # The limb throws a soft shadow on what lies behind it.
    shadow = 1.0 - 0.5 * np.exp(np.minimum(depth, 0.0) / np.float32(0.08))
    return np.asarray(radiance * skin + (1.0 - skin) * folds * shadow * colour, np.float32)
