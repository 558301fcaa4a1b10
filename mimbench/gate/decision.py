"""From AUROC drops to verdicts: patients' and retraining's variance, one small family of tests."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from mimbench.statistics.comparisons import holm
from mimbench.statistics.intervals import difference_interval, difference_p_above

__all__ = ["Decision", "Drops", "decide", "spread_of_seeds"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Drops:
    """K AUROC drops, reference minus candidate, positive = the candidate is worse.

    Attributes:
        value: (K,) drops.
        variance, df: (K,) paired variance over patients and its degrees of freedom.
        patients: (K,) patients on the smaller side.
        retraining, retraining_df: (K,) variance of the drop from seed to seed, 0 for the very
            same weights, and its degrees of freedom.
    """

    value: Array
    variance: Array
    df: Array
    patients: Array
    retraining: Array
    retraining_df: Array

    @property
    def total(self) -> tuple[Array, Array]:
        """(K,) variance of the drop from both sources, and Satterthwaite's degrees of freedom."""
        total = self.variance + self.retraining
        with np.errstate(divide="ignore", invalid="ignore"):
            df = total**2 / (self.variance**2 / self.df + self.retraining**2 / self.retraining_df)
        return total, np.where(total > 0, df, self.df)

    def p_above(self, bound: float) -> Array:
        """(K,) one-sided p-values of "the drop is at most `bound`"."""
        return difference_p_above(self.value, *self.total, self.patients, bound)

    def p_below(self, bound: float) -> Array:
        """(K,) one-sided p-values of "the drop is at least `bound`"."""
        return difference_p_above(-self.value, *self.total, self.patients, -bound)

    def interval(self, level: float) -> tuple[Array, Array]:
        """(K,) ends of the intervals of the drops."""
        return difference_interval(self.value, *self.total, self.patients, level)

    def visible(self, margin: float, alpha: float) -> Array:
        """(K,) drops that a single test would call a regression in about half of all cases."""
        total, df = self.total
        return np.asarray(margin + stdtrit(df, 1 - alpha) * np.sqrt(total))


@dataclass(frozen=True)
class Decision:
    """Verdicts of a family of K tests.

    Attributes:
        verdicts: "regression", "improvement", "pass" or "inconclusive".
        p: (K,) p-values of "the drop is at most the margin", Holm-adjusted over the family.
    """

    verdicts: tuple[str, ...]
    p: Array


def decide(drops: Drops, margin: float, alpha: float) -> Decision:
    """Give a verdict on each drop of a family.

    A regression is a drop that is clearly above the margin, Holm-adjusted: at most a share `alpha`
    of all gates raises a false alarm, whatever the number of tests. An improvement is a gain that
    is clearly above 0, adjusted alike. A pass is a drop that is clearly below the margin; the
    alarms being what is controlled, it is not adjusted. What is none of these is inconclusive.

    Args:
        drops: the family.
        margin: drop that does not matter.
        alpha: family-wise share of false alarms.
    """
    worse = holm(drops.p_above(margin))
    better = holm(drops.p_below(0.0))
    kept = drops.p_below(margin)
    verdicts = np.select(
        [worse < alpha, better < alpha, kept < alpha],
        ["regression", "improvement", "pass"],
        "inconclusive",
    )
    return Decision(tuple(map(str, verdicts)), worse)


def spread_of_seeds(reference: Array, candidate: Array) -> tuple[Array, Array]:
    """Variance of the drop of mean AUROCs that comes from retraining alone.

    Args:
        reference: (..., seeds) AUROC of each seed.
        candidate: (..., seeds) likewise. At least one of the two has three seeds; the variance of
            one training is pooled over those that have.

    Returns:
        Variance of the difference of the two means, and its degrees of freedom.
    """
    squares, df = np.zeros(reference.shape[:-1]), 0
    for values in (reference, candidate):
        if values.shape[-1] >= 3:
            squares = squares + (values.shape[-1] - 1) * np.var(values, axis=-1, ddof=1)
            df += values.shape[-1] - 1
    each = squares / df
    total = each / reference.shape[-1] + each / candidate.shape[-1]
    return total, np.full(total.shape, float(df))
