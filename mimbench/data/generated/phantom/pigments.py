"""Colours of skin and of what grows on it, in linear RGB.

Light that comes back through a pigment falls exponentially with its amount; absorption and skin
colour then have few axes, melanin and haemoglobin foremost (Tsumura et al., "Image-based skin
color and texture analysis/synthesis by extracting hemoglobin and melanin information in the
skin", ACM Trans. Graph. 22, 2003). Densities are per unit amount; 1 of melanin is very dark skin,
1 of blood a vivid erythema.
"""

import cv2
import numpy as np

from mimbench.data.generated.phantom.canvas import Array

__all__ = [
    "BLOOD",
    "BRUISE",
    "CLEAR_FLUID",
    "DARK_PLUG",
    "DRIED_BLOOD",
    "FLESH",
    "HONEY",
    "KERATIN",
    "MELANIN",
    "PUS",
    "SCALE",
    "SLOUGH",
    "UNPIGMENTED",
    "YELLOW",
    "individual_typology_angle",
    "melanin_for",
    "skin_reflectance",
]


def _rgb(red: float, green: float, blue: float) -> Array:
    return np.array((red, green, blue), np.float32)


MELANIN = _rgb(2.1, 2.85, 3.55)
BLOOD = _rgb(0.22, 1.0, 0.8)
BRUISE = _rgb(0.9, 1.35, 0.75)
YELLOW = _rgb(0.02, 0.15, 0.8)

UNPIGMENTED = _rgb(0.84, 0.62, 0.5)
PUS = _rgb(0.66, 0.54, 0.33)
CLEAR_FLUID = _rgb(0.7, 0.53, 0.38)
SCALE = _rgb(0.7, 0.66, 0.61)
HONEY = _rgb(0.46, 0.22, 0.045)
KERATIN = _rgb(0.46, 0.36, 0.25)
SLOUGH = _rgb(0.5, 0.38, 0.18)
FLESH = _rgb(0.42, 0.075, 0.06)
DRIED_BLOOD = _rgb(0.12, 0.03, 0.02)
DARK_PLUG = _rgb(0.035, 0.025, 0.02)

# Light reflected at the surface, before any pigment.
_SURFACE = 0.02

_WHITE = np.array((0.95047, 1.0, 1.08883))
_TO_XYZ = np.array(((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505)))


def skin_reflectance(density: Array) -> Array:
    """Linear reflectance (3, ...), 0..1, of skin with this optical density (3, ...)."""
    base = UNPIGMENTED.reshape(3, *[1] * (density.ndim - 1))
    return np.float32(_SURFACE) + base * cv2.exp(-density)


def individual_typology_angle(reflectance: Array) -> float:
    """ITA in degrees of one linear RGB colour: about 65 very light, -60 very dark.

    Source: Chardon et al., Int. J. Cosmet. Sci. 13 (1991): arctan((L* - 50) / b*), CIELAB, D65.
    """
    _, y, z = np.cbrt(_TO_XYZ @ reflectance.astype(np.float64) / _WHITE)
    lightness, yellowness = 116.0 * y - 16.0, 200.0 * (y - z)
    return float(np.degrees(np.arctan2(lightness - 50.0, yellowness)))


def melanin_for(angle: float) -> float:
    """Amount of melanin that gives otherwise average skin this ITA in degrees."""
    return float(np.interp(-angle, -_ANGLES, _AMOUNTS))


_AMOUNTS = np.linspace(0.0, 1.1, 111)
_ANGLES = np.array(
    [
        individual_typology_angle(skin_reflectance(np.float32(amount) * MELANIN + 0.1 * BLOOD))
        for amount in _AMOUNTS
    ]
)
