"""From AUROC drops to verdicts: one small family of tests."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from mimbench.statistics.core.intervals import ZERO
from mimbench.statistics.run.comparisons import holm
from mimbench.statistics.run.uncertainty import Measured

__all__ = ["Decision", "decide", "visible"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Decision:
    """Verdicts of a family.

    Attributes:
        verdicts: "regression", "improvement", "pass" or "inconclusive".
        p: (K,) p-values of "the drop is at most the margin", Holm-adjusted over the family.
    """

    verdicts: tuple[str, ...]
    p: Array


def decide(drops: Sequence[Measured], margin: float, alpha: float) -> Decision:
    """Give a verdict on each drop of a family.

    A regression is a drop that is clearly above the margin, Holm-adjusted: at most a share `alpha`
    of all gates raises a false alarm, whatever the number of tests. An improvement is a gain that
    is clearly above 0, adjusted alike. A pass is a drop that is clearly below the margin; the
    alarms being what is controlled, it is not adjusted. What is none of these is inconclusive.

    Args:
        drops: the family, one number each: AUROC of the reference minus the candidate's, over
            patients and retraining.
        margin: drop that does not matter.
        alpha: family-wise share of false alarms.
    """
    worse = holm([drop.difference_p_above(margin)[0] for drop in drops])
    better = holm([drop.difference_p_below(0.0)[0] for drop in drops])
    kept = np.asarray([drop.difference_p_below(margin)[0] for drop in drops])
    verdicts = np.select(
        [worse < alpha, better < alpha, kept < alpha],
        ["regression", "improvement", "pass"],
        "inconclusive",
    )
    return Decision(tuple(map(str, verdicts)), worse)


def visible(drop: Measured, margin: float, alpha: float) -> float:
    """Drop at which a single test would call a regression with a power of about 50 %.

    NaN where the patients show no spread, which says nothing of other patients.
    """
    if drop.patients.variance[0] <= ZERO:
        return float("nan")
    return float(margin + stdtrit(drop.df[0], 1 - alpha) * np.sqrt(drop.variance[0]))
