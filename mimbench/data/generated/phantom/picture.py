"""One picture, from its seed and index alone."""

import numpy as np
from numpy.typing import NDArray

from mimbench.data.generated.phantom.camera import Camera
from mimbench.data.generated.phantom.canvas import Canvas
from mimbench.data.generated.phantom.eruption import Eruption
from mimbench.data.generated.phantom.index import VERSION, Index, person_of
from mimbench.data.generated.phantom.keys import stream
from mimbench.data.generated.phantom.lesions import MORPHOLOGIES
from mimbench.data.generated.phantom.light import Lamp, illuminate, put_behind
from mimbench.data.generated.phantom.skin import Body, grow_hair, lay_skin

__all__ = ["picture"]

# Small pictures are drawn larger and averaged, so that fine lines survive as in a camera.
_FINEST = 128


def picture(seed: int, index: Index, size: int, camera: Camera) -> NDArray[np.uint8]:
    """Render one image: uint8 (size, size, 3), RGB."""
    person = person_of(seed, index)
    rng = stream("phantom", VERSION, seed, index.number)
    canvas = Canvas(size * -(-_FINEST // size))
    body = Body.draw(rng)
    lay_skin(canvas, person, rng)
    MORPHOLOGIES[index.category](canvas, Eruption.draw(person, body, rng))
    grow_hair(canvas, person, rng)
    radiance = illuminate(canvas, Lamp.draw(rng), body, rng)
    if body.ends:
        radiance = put_behind(radiance, canvas, body, rng)
    # Last, as the sensor's noise is the only draw whose number depends on the size.
    return camera.take(radiance, size, person, rng)
