"""Noise that is independent from value to value: Gaussian, shot, impulse and speckle.

Such noise is a 256x256 table of transition probabilities from a level to a level, so one 32-bit
word per value suffices to draw from it exactly (to 2**-32), whatever the distribution.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtr

from mimbench.compiled import compiled
from mimbench.corruptions.core.checks import Images
from mimbench.corruptions.core.draws import Draws
from mimbench.corruptions.core.kernel import Kernel, Parameter

__all__ = ["KERNELS", "sample"]

LEVELS = np.arange(256)

Transitions = NDArray[np.float64]
AliasTable = NDArray[np.uint32]


def gaussian_transitions(sigma: float) -> Transitions:
    """Level + N(0, sigma), sigma relative to white, clipped, cut to the level below."""
    return _from_cumulative(ndtr((LEVELS[None, 1:] - LEVELS[:, None]) / (255 * sigma)))


def speckle_transitions(sigma: float) -> Transitions:
    """Level x (1 + N(0, sigma)), clipped, cut to the level below."""
    relative = LEVELS[None, 1:] / np.maximum(LEVELS[:, None], 1e-300) - 1
    return _from_cumulative(ndtr(relative / sigma))


def shot_transitions(photons: float) -> Transitions:
    """Poisson counts whose mean at white is `photons`, scaled back, clipped, cut."""
    mean = LEVELS[:, None] / 255 * photons
    counts = np.arange(int(photons + 20 * np.sqrt(photons) + 60))
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = counts * np.log(mean) - mean - gammaln(counts + 1)
    share = np.exp(logarithm)
    share[0] = counts == 0
    level = (np.clip(counts / photons, 0, 1) * 255).astype(np.uint8)
    table = np.zeros((256, 256))
    np.add.at(table.T, level, share.T)
    return table


def impulse_transitions(amount: float) -> Transitions:
    """Black or white, equally often, in a share `amount` of the values."""
    table = np.zeros((256, 256))
    # A level that goes to [0, 1] and back is sometimes cut to the level below.
    table[LEVELS, (LEVELS / 255.0 * 255.0).astype(np.uint8)] = 1 - amount
    table[:, 0] += amount / 2
    table[:, 255] += amount / 2
    return table


def _from_cumulative(cumulative: Transitions) -> Transitions:
    # column k: P(result <= k), for k = 0..254
    whole = np.pad(cumulative, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))
    return np.diff(whole, axis=1)


@lru_cache(maxsize=64)
def _alias_table(transitions: Callable[..., Transitions], *parameters: float) -> AliasTable:
    table = np.empty((256, 256), np.uint32)
    _build_alias(transitions(*parameters), table)
    return table


def sample(
    images: Images,
    draws: Draws,
    result: Images,
    transitions: Callable[..., Transitions],
    *parameters: float,
) -> None:
    """Replace every value by a draw from its row of `transitions(*parameters)`.

    `transitions` gives P(level after | level before), float64 (256, 256), rows sum to 1.
    """
    table = _alias_table(transitions, *parameters)
    for image, words, out in zip(images, draws.each(images[0].size), result, strict=True):
        _sample(image.reshape(-1), words, table, out.reshape(-1))


def gaussian_noise(images: Images, draws: Draws, result: Images, *, sigma: float) -> None:
    """Additive Gaussian noise, `sigma` relative to white."""
    sample(images, draws, result, gaussian_transitions, sigma)


def shot_noise(images: Images, draws: Draws, result: Images, *, photons: float) -> None:
    """Poisson noise with `photons` counts at white."""
    sample(images, draws, result, shot_transitions, photons)


def impulse_noise(images: Images, draws: Draws, result: Images, *, amount: float) -> None:
    """Black and white values in a share `amount` of the values."""
    sample(images, draws, result, impulse_transitions, amount)


def speckle_noise(images: Images, draws: Draws, result: Images, *, sigma: float) -> None:
    """Multiplicative Gaussian noise."""
    sample(images, draws, result, speckle_transitions, sigma)


@compiled
def _build_alias(probabilities: Transitions, table: AliasTable) -> None:
    # Vose 1991. An entry holds 24 bits of threshold and 8 bits of alias.
    small, large = np.empty(256, np.int64), np.empty(256, np.int64)
    for row in range(256):
        scaled = probabilities[row] * (256.0 / probabilities[row].sum())
        n_small = n_large = 0
        for level in range(256):
            table[row, level] = np.uint32(level)  # its own alias: any threshold gives `level`
            if scaled[level] < 1.0:
                small[n_small] = level
                n_small += 1
            else:
                large[n_large] = level
                n_large += 1
        while n_small > 0 and n_large > 0:
            n_small -= 1
            less, more = small[n_small], large[n_large - 1]
            threshold = np.uint32(np.rint(scaled[less] * 2.0**24))
            if threshold < np.uint32(2**24):
                table[row, less] = np.uint32(threshold << np.uint32(8)) | np.uint32(more)
            scaled[more] -= 1.0 - scaled[less]
            if scaled[more] < 1.0:
                n_large -= 1
                small[n_small] = more
                n_small += 1


@compiled
def _sample(
    values: NDArray[np.uint8],
    words: NDArray[np.uint32],
    table: AliasTable,
    result: NDArray[np.uint8],
) -> None:
    for i in range(values.size):
        level = np.uint8(words[i])
        entry = table[values[i], level]
        kept = (words[i] >> np.uint32(8)) < (entry >> np.uint32(8))
        result[i] = level if kept else np.uint8(entry)


KERNELS = (
    Kernel(
        "gaussian_noise",
        gaussian_noise,
        {"sigma": Parameter(0.001, 2, "standard deviation, relative to white")},
    ),
    Kernel(
        "shot_noise", shot_noise, {"photons": Parameter(0.5, 10000, "mean photon count at white")}
    ),
    Kernel("impulse_noise", impulse_noise, {"amount": Parameter(0, 1, "share of values replaced")}),
    Kernel(
        "speckle_noise",
        speckle_noise,
        {"sigma": Parameter(0.001, 2, "standard deviation, relative to the level")},
    ),
)
