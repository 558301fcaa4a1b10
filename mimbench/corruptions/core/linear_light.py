"""Between sRGB levels and linear light, where lenses, lamps and sensors act.

Source: IEC 61966-2-1 (sRGB).
"""

import numpy as np
from numpy.typing import NDArray

from mimbench.corruptions.core.checks import Images

__all__ = ["Light", "decode", "encode", "from_linear", "to_linear"]

Light = NDArray[np.float32]

_STEPS = 2**16


def decode(encoded: NDArray[np.floating]) -> NDArray[np.float64]:
    """Linear light in [0, 1] of sRGB values in [0, 1]."""
    power = ((encoded + 0.055) / 1.055) ** 2.4
    return np.asarray(np.where(encoded <= 0.04045, encoded / 12.92, power), np.float64)


def encode(linear: NDArray[np.floating]) -> NDArray[np.float64]:
    """SRGB values in [0, 1] of linear light; clipped at black and white."""
    clipped = np.clip(linear, 0.0, 1.0)
    power = 1.055 * clipped ** (1 / 2.4) - 0.055
    return np.asarray(np.where(clipped <= 0.0031308, 12.92 * clipped, power), np.float64)


_TO_LINEAR = decode(np.arange(256) / 255).astype(np.float32)
_FROM_LINEAR = np.round(255 * encode(np.arange(_STEPS) / (_STEPS - 1))).astype(np.uint8)


def to_linear(image: Images) -> Light:
    """Linear light, float32 in [0, 1], of levels 0..255."""
    return _TO_LINEAR[image]


def from_linear(light: Light) -> Images:
    """Levels 0..255 of linear light; what is brighter than white is clipped."""
    steps = np.clip(light, 0, 1) * np.float32(_STEPS - 1) + np.float32(0.5)
    return np.asarray(_FROM_LINEAR[steps.astype(np.uint16)], np.uint8)
