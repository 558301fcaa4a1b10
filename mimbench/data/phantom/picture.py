"""One picture, from its seed and index alone."""

import numpy as np
from numpy.typing import NDArray

from mimbench.data.phantom.camera import Camera
from mimbench.data.phantom.canvas import Array, Canvas
from mimbench.data.phantom.eruption import Eruption
from mimbench.data.phantom.index import VERSION, Index, person_of
from mimbench.data.phantom.keys import stream
from mimbench.data.phantom.lesions import MORPHOLOGIES
from mimbench.data.phantom.light import Lamp, illuminate, put_behind
from mimbench.data.phantom.skin import Body, hairs, lay_skin

__all__ = ["picture"]

# Small pictures are drawn larger and averaged, so that fine lines survive as in a camera.
_FINEST = 128


def picture(seed: int, index: Index, size: int, camera: Camera) -> NDArray[np.uint8]:
    """Render one image: uint8 (size, size, 3), RGB."""

    def draws(subject: str) -> np.random.Generator:
        return stream("phantom", VERSION, seed, index.number, subject)

    person = person_of(seed, index)
    body = Body.draw(draws("body"))
    canvas = Canvas(size * -(-_FINEST // size))
    lay_skin(canvas, person, draws("skin"))
    eruption = Eruption.draw(person, body, draws("lesions"))
    MORPHOLOGIES[index.category](canvas, eruption)
    light = draws("light")
    radiance = illuminate(canvas, Lamp.draw(light), body, light)
    hair, colour = hairs(canvas, person, draws("hair"))
    radiance = _grow(radiance, hair, colour)
    if body.offset < 1.0:
        radiance = put_behind(radiance, canvas, body, draws("backdrop"))
    return camera.take(radiance, size, person, draws("camera"))


def _grow(radiance: Array, hair: Array, colour: Array) -> Array:
    """The picture with hairs over it and their thin shadow beside them."""
    if not hair.any():
        return radiance
    offset = max(1, len(hair) // 100)
    shadow = np.roll(hair, (offset, offset), (0, 1))
    lit = radiance.mean() * 2.0
    radiance = radiance * (1.0 - 0.2 * shadow[..., None])
    return radiance + (colour * lit - radiance) * (0.85 * hair[..., None])
