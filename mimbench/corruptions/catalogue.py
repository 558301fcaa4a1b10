"""All kernels by name."""

from mimbench.corruptions.core.kernel import Kernel
from mimbench.corruptions.imagenet_c import (
    blur,
    colour,
    digital,
    elastic,
    fog,
    motion,
    noise,
    spatter,
    weather,
)
from mimbench.corruptions.skin import (
    camera,
    exposure,
    geometry,
    lighting,
    medmnist,
    messaging,
    occlusion,
    text_overlay,
)

__all__ = ["KERNELS"]

_IMAGENET_C = (noise, blur, motion, weather, fog, spatter, colour, digital, elastic)
_SKIN = (medmnist, exposure, lighting, camera, occlusion, text_overlay, messaging, geometry)

KERNELS: dict[str, Kernel] = {
    kernel.name: kernel for family in (*_IMAGENET_C, *_SKIN) for kernel in family.KERNELS
}
