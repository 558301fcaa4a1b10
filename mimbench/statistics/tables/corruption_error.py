"""Corruption errors of AUROCs relative to a reference, with intervals."""

from collections.abc import Sequence
from math import isnan

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from mimbench.statistics.core.estimate import Estimate
from mimbench.statistics.core.influence import Influence, combine

__all__ = [
    "Ratio",
    "corruption_error",
    "mean_ratio",
    "relative_corruption_error",
    "summed_errors",
    "summed_rises",
]

Array = NDArray[np.float64]


class Ratio:
    """E ratios with patient influences: NaN, with a reason, where the denominator may be 0.

    The variance is that of the delta method; the interval is symmetric on the scale of the
    logarithm where `positive` says that the ratio cannot be negative, else on its own.
    """

    def __init__(self, influence: Influence, *, positive: bool) -> None:
        """Take E ratios whose influences are already those of the ratio."""
        self.influence, self.positive = influence, positive

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """(E,) ends of the intervals; NaN where the ratio is, or has no spread to show."""
        own = self.influence
        half = stdtrit(own.df, (1 + level) / 2) * np.sqrt(own.variance)
        half = np.where((half > 0) & ~np.isnan(own.value), half, np.nan)
        if not self.positive:
            return own.value - half, own.value + half
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            factor = np.exp(half / own.value)
            return own.value / factor, own.value * factor

    def estimates(self, level: float = 0.95) -> list[Estimate]:
        """E estimates."""
        low, high = self.interval(level)
        method = "delta method, logarithm" if self.positive else "delta method"
        columns = (column.tolist() for column in (self.influence.value, low, high))
        return [
            Estimate(v, a, b, "" if isnan(a) else method, r)
            for v, a, b, r in zip(*columns, self.influence.reasons, strict=True)
        ]


def summed_errors(areas: Sequence[Influence]) -> Influence:
    """Sum of 1 - AUROC over conditions, e.g. the severities of one corruption."""
    total = combine(areas, [-1.0] * len(areas))
    return total.with_value(len(areas) + total.value, total.reasons)


def summed_rises(areas: Sequence[Influence], clean: Influence) -> Influence:
    """Sum over conditions of how far the error rises over the clean one."""
    return combine([clean, *areas], [float(len(areas)), *[-1.0] * len(areas)])


def corruption_error(errors: Influence, reference: Influence, level: float = 0.95) -> Ratio:
    """CE of one corruption: summed 1 - AUROC over its severities, divided by the reference's.

    Args:
        errors: `summed_errors` of a row.
        reference: those of the reference row under the same conditions.
        level: confidence level at which the denominator must be above 0.

    Returns:
        Ratios >= 0, **lower = more robust**, 1 = as the reference.

    Source: Hendrycks & Dietterich 2019, arXiv:1903.12261, section 4, with 1 - AUROC as error.
    """
    return Ratio(_ratio(errors, reference, level), positive=True)


def relative_corruption_error(rises: Influence, reference: Influence, level: float = 0.95) -> Ratio:
    """Relative CE: as `corruption_error`, but of `summed_rises`."""
    return Ratio(_ratio(rises, reference, level), positive=False)


def mean_ratio(ratios: Sequence[Ratio]) -> Ratio:
    """Mean over corruptions, e.g. mCE; NaN with a reason where one of them is."""
    weights = [1 / len(ratios)] * len(ratios)
    mean = combine([ratio.influence for ratio in ratios], weights)
    return Ratio(mean, positive=all(ratio.positive for ratio in ratios))


def _ratio(numerator: Influence, denominator: Influence, level: float) -> Influence:
    low = denominator.value - stdtrit(denominator.df, (1 + level) / 2) * np.sqrt(
        denominator.variance
    )
    safe = low > 0
    under = np.where(safe, denominator.value, 1.0)
    value = numerator.value / under
    ratio = combine([numerator, denominator], [1 / under, -value / under])
    why = "the reference's error may be 0: its interval reaches down to it"
    reasons = tuple(
        reason or ("" if ok else why)
        for reason, ok in zip(ratio.reasons, safe.tolist(), strict=True)
    )
    return ratio.with_value(np.where(safe, value, np.nan), reasons)
