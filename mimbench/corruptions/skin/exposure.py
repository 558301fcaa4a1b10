"""What a phone's sensor does to light: exposure, white balance, noise in the dark."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtr

from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws
from mimbench.corruptions.core.kernel import Kernel, Parameter
from mimbench.corruptions.core.linear_light import decode, from_linear, to_linear
from mimbench.corruptions.imagenet_c.noise import sample

__all__ = ["KERNELS", "planckian"]

DAYLIGHT = 6504.0
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
XYZ_TO_RGB = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)


def exposure(images: Images, draws: Draws, result: Images, *, ev: float) -> None:
    """Light times 2**ev, clipped at white."""
    levels = np.arange(256, dtype=np.uint8)
    table = from_linear(to_linear(levels) * np.float32(2.0**ev))
    np.take(table, images, out=result)


def white_balance(images: Images, draws: Draws, result: Images, *, kelvin: float) -> None:
    """A camera set to daylight under a lamp of `kelvin`; the luminance of white stays."""
    gains = planckian(kelvin) / planckian(DAYLIGHT)
    gains /= LUMINANCE @ gains
    levels = to_linear(np.arange(256, dtype=np.uint8))
    for channel in range(3):
        table = from_linear(levels * np.float32(gains[channel]))
        result[..., channel] = table[images[..., channel]]


def planckian(kelvin: float) -> NDArray[np.float64]:
    """Linear sRGB colour of a black body, 1667..25000 K; a scale is left open.

    Source: Kim et al. 2002 (US patent 7024034), cubic fits of the Planckian locus.
    """
    t = 1000.0 / kelvin
    if kelvin <= 4000:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
    if kelvin <= 2222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif kelvin <= 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    xyz = np.array([x / y, 1.0, (1 - x - y) / y])
    return np.asarray(np.maximum(XYZ_TO_RGB @ xyz, 1e-3), np.float64)


def low_light(
    images: Images, draws: Draws, result: Images, *, photons: float, read_noise: float
) -> None:
    """A short exposure, brightened: shot noise of `photons` at white, and readout noise."""
    sample(images, draws, result, low_light_transitions, photons, read_noise)


def low_light_transitions(photons: float, read_noise: float) -> NDArray[np.float64]:
    """P(level after | level before) of Poisson plus Gaussian noise in linear light."""
    mean = decode(np.arange(256) / 255)[:, None] * photons
    counts = np.arange(int(photons + 12 * np.sqrt(photons) + 30))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.exp(counts * np.log(mean) - mean - gammaln(counts + 1))
    share[0] = counts == 0
    # a count reads as level k or less up to the light where k rounds to k + 1
    edges = decode((np.arange(255) + 0.5) / 255) * photons
    below = share @ ndtr((edges - counts[:, None]) / read_noise)
    below /= share.sum(axis=1, keepdims=True)
    whole = np.pad(below, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))
    return np.asarray(np.diff(whole, axis=1), np.float64)


KERNELS = (
    Kernel("exposure", exposure, {"ev": Parameter(-8, 8, "exposure error, stops")}),
    Kernel(
        "white_balance",
        white_balance,
        {"kelvin": Parameter(1667, 25000, "colour temperature of the lamp, kelvin")},
    ),
    Kernel(
        "low_light",
        low_light,
        {
            "photons": Parameter(2, 5000, "electrons that a white pixel collects"),
            "read_noise": Parameter(0.1, 100, "standard deviation of the readout, electrons"),
        },
    ),
)
