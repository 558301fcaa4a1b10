"""All kernels by name."""

from mimbench.corruptions import (
    blur,
    digital,
    elastic,
    fog,
    light,
    motion,
    noise,
    spatter,
    weather,
)
from mimbench.corruptions.kernel import Kernel

__all__ = ["KERNELS"]

_FAMILIES = (noise, blur, motion, weather, fog, spatter, light, digital, elastic)

KERNELS: dict[str, Kernel] = {
    kernel.name: kernel for family in _FAMILIES for kernel in family.KERNELS
}
