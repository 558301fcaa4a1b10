"""All kernels by name."""

from mimbench.corruptions import (
    blur,
    chain,
    dermoscope,
    digital,
    elastic,
    exposure,
    fog,
    geometry,
    lettering,
    light,
    lighting,
    motion,
    noise,
    optics,
    overlay,
    spatter,
    weather,
)
from mimbench.corruptions.kernel import Kernel

__all__ = ["KERNELS"]

_IMAGENET_C = (noise, blur, motion, weather, fog, spatter, light, digital, elastic)
_SKIN = (dermoscope, exposure, lighting, optics, overlay, lettering, chain, geometry)

KERNELS: dict[str, Kernel] = {
    kernel.name: kernel for family in (*_IMAGENET_C, *_SKIN) for kernel in family.KERNELS
}
