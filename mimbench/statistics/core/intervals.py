"""Confidence intervals from a value, its variance and its degrees of freedom, vectorised.

Every function takes arrays that broadcast and returns arrays. NaN in, NaN out. No interval has
zero width: where the sample shows no variance, a bound from the number of patients takes over.
"""

from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtr, ndtri, stdtr, stdtrit

from mimbench.compiled import compiled

__all__ = [
    "DIFFERENCE_METHOD",
    "LOGIT_METHOD",
    "ZERO",
    "area_p_above",
    "difference_interval",
    "difference_p_above",
    "logit_interval",
    "newcombe_interval",
    "steadied",
]

Array = NDArray[np.float64]

LOGIT_METHOD = "clustered placement values, logit"
DIFFERENCE_METHOD = "clustered placement values, paired difference"

PRIOR_DF = 2.0

# Variances below this are rounding of zero: placement values are multiples of 1 / (2 n).
ZERO = 1e-18


def logit_interval(
    value: ArrayLike,
    variance: ArrayLike,
    df: ArrayLike,
    n_id: ArrayLike,
    n_ood: ArrayLike,
    level: float = 0.95,
    prior_df: float = PRIOR_DF,
) -> tuple[Array, Array]:
    """Interval of an AUROC, or a mean of AUROCs, symmetric on the logit scale.

    Student's t replaces the normal quantile because the variance is estimated from few patients.
    The variance is drawn towards that of Hanley & McNeil for as many patients, with the weight of
    `prior_df` degrees of freedom: near 0 and 1 the estimate hangs on one or two patients and is
    far too small in many samples (`results/coverage.md`). A value of 0 or 1, or no variance at
    all, gets Newcombe's interval.

    Args:
        value: AUROC in [0, 1].
        variance: its variance.
        df: degrees of freedom of the variance.
        n_id: patients on the ID side.
        n_ood: patients on the OOD side; 0 for a share.
        level: confidence level.
        prior_df: weight of the Hanley-McNeil variance.

    Returns:
        Lower and upper ends, in [0, 1].
    """
    value, variance, df, n_id, n_ood = _broadcast(value, variance, df, n_id, n_ood)
    spread = value * (1 - value)
    degenerate = (variance <= ZERO) | (spread <= 1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        steady, df = steadied(value, variance, df, n_id, n_ood, prior_df)
        half = stdtrit(df, (1 + level) / 2) * np.sqrt(steady) / spread
        low, high = expit(logit(value) - half), expit(logit(value) + half)
    if degenerate.any():
        low[degenerate], high[degenerate] = newcombe_interval(
            value[degenerate], n_id[degenerate], n_ood[degenerate], level
        )
    return low, high


def newcombe_interval(
    value: ArrayLike, n_id: ArrayLike, n_ood: ArrayLike, level: float = 0.95
) -> tuple[Array, Array]:
    """Interval of an AUROC from its value and the two sample sizes alone.

    It holds all AUROCs A with |value - A| <= z sqrt(V(A)), where V is the Hanley-McNeil variance
    of exponential scores with balanced sides. Without an OOD side `value` is a proportion and the
    interval Wilson's.

    Args:
        value: AUROC in [0, 1].
        n_id: independent units on the ID side, at least 1.
        n_ood: independent units on the OOD side; 0 for a proportion.
        level: confidence level.

    Returns:
        Lower and upper ends, in [0, 1].

    Source: Newcombe 2006, Statistics in Medicine 25:559, method 5.
    """
    value, n_id, n_ood = _broadcast(value, n_id, n_ood)
    z = ndtri((1 + level) / 2)
    with np.errstate(invalid="ignore"):
        low = _farthest_inside(value, n_id, n_ood, z, 0.0)
        high = _farthest_inside(value, n_id, n_ood, z, 1.0)
    return low, high


def difference_interval(
    value: ArrayLike,
    variance: ArrayLike,
    df: ArrayLike,
    n: ArrayLike,
    level: float = 0.95,
    reach: float = 1.0,
) -> tuple[Array, Array]:
    """Interval of a difference of AUROCs, symmetric on its own scale, within [-reach, reach].

    Where no patient departs from the mean, fewer than 1 - (alpha / 2)^(1 / n) of all patients do
    (Clopper-Pearson at zero of n), and the difference can move by no more than that.

    Args:
        value: the difference.
        variance: its variance.
        df: degrees of freedom of the variance.
        n: patients on the smaller side.
        level: confidence level.
        reach: largest difference that there can be.

    Returns:
        Lower and upper ends.
    """
    value, variance, df, n = _broadcast(value, variance, df, n)
    half = stdtrit(df, (1 + level) / 2) * np.sqrt(variance)
    half = np.where(variance <= ZERO, reach * (1 - ((1 - level) / 2) ** (1 / n)), half)
    return np.maximum(value - half, -reach), np.minimum(value + half, reach)


def difference_p_above(
    value: ArrayLike, variance: ArrayLike, df: ArrayLike, n: ArrayLike, bound: ArrayLike
) -> Array:
    """One-sided p-value of "the difference is at most `bound`"; arguments as the interval's."""
    value, variance, df, n, bound = _broadcast(value, variance, df, n, bound)
    excess = value - bound
    with np.errstate(divide="ignore", invalid="ignore"):
        by_variance = stdtr(df, -excess / np.sqrt(variance))
    by_count = (1 - np.clip(excess, 0.0, 1.0)) ** n
    return np.where(variance <= ZERO, by_count, by_variance)


def area_p_above(
    value: ArrayLike,
    variance: ArrayLike,
    df: ArrayLike,
    n_id: ArrayLike,
    n_ood: ArrayLike,
    bound: ArrayLike,
    prior_df: float = PRIOR_DF,
) -> Array:
    """One-sided p-value of "the AUROC is at most `bound`", the inversion of `logit_interval`."""
    value, variance, df, n_id, n_ood, bound = _broadcast(value, variance, df, n_id, n_ood, bound)
    spread = value * (1 - value)
    with np.errstate(divide="ignore", invalid="ignore"):
        steady, df = steadied(value, variance, df, n_id, n_ood, prior_df)
        p = stdtr(df, (logit(bound) - logit(value)) * spread / np.sqrt(steady))
        by_count = ndtr((bound - value) / np.sqrt(_hanley_mcneil(bound, n_id, n_ood)))
    return np.asarray(np.where((variance <= ZERO) | (spread <= 1e-12), by_count, p))


def steadied(
    value: Array, variance: Array, df: Array, n_id: Array, n_ood: Array, prior_df: float = PRIOR_DF
) -> tuple[Array, Array]:
    """Variance and degrees of freedom with the Hanley-McNeil variance as a prior."""
    prior = _hanley_mcneil(value, n_id, n_ood)
    return (df * variance + prior_df * prior) / (df + prior_df), df + prior_df


def _hanley_mcneil(area: Array, n_id: Array, n_ood: Array) -> Array:
    """Variance of an AUROC with exponential scores; without OOD side that of a proportion."""
    area, n_id, n_ood = _broadcast(area, n_id, n_ood)
    found: Array = _variances(area.ravel(), n_id.ravel(), n_ood.ravel())
    return found.reshape(area.shape)


def _farthest_inside(value: Array, n_id: Array, n_ood: Array, z: float, outer: float) -> Array:
    """Border of Newcombe's interval between `value`, which it holds, and `outer`, by bisection."""
    found: Array = _bisected(value.ravel(), n_id.ravel(), n_ood.ravel(), z, outer)
    return found.reshape(value.shape)


@partial(compiled, error_model="numpy")
def _variances(area: Array, n_id: Array, n_ood: Array) -> Array:
    found = np.empty_like(area)
    for place in range(area.size):
        found[place] = _variance(area[place], n_id[place], n_ood[place])
    return found


@partial(compiled, error_model="numpy")
def _bisected(value: Array, n_id: Array, n_ood: Array, z: float, outer: float) -> Array:
    found = np.empty_like(value)
    for place in range(value.size):
        inside, outside = value[place], outer
        for _ in range(60):
            middle = (outside + inside) / 2
            variance = _variance(middle, n_id[place], n_ood[place])
            if abs(value[place] - middle) <= z * np.sqrt(variance):
                inside = middle
            else:
                outside = middle
        found[place] = inside
    return found


@partial(compiled, error_model="numpy")
def _variance(area: float, n_id: float, n_ood: float) -> float:
    if n_ood <= 0:
        return area * (1 - area) / n_id
    extra = (n_id + n_ood) / 2 - 1
    shape = 1 + extra * (1 - area) / (2 - area) + extra * area / (1 + area)
    return area * (1 - area) * shape / (n_id * n_ood)


def _broadcast(*arrays: ArrayLike) -> tuple[Array, ...]:
    own = [np.asarray(array, float) for array in arrays]
    if any(array.shape != own[0].shape for array in own):
        own = list(np.broadcast_arrays(*own))
    return tuple(np.array(array) for array in own)
