"""How many more patients would settle what is still open."""

from collections.abc import Callable
from math import ceil, inf, isinf, isnan, nan

import numpy as np

__all__ = ["more_patients", "open_question"]

MOST = 10_000.0  # times the patients; beyond that no number means anything
STEPS = 50  # of the search, and of the bisection within one of them


def more_patients(p: Callable[[float], float], patients: int, alpha: float) -> float:
    """Patients to add so that a claim that is open now would just be settled.

    An extrapolation: same effect, patients' part of the variance shrinking with their number,
    retraining's as it is. Half of all new samples of that size settle the claim.

    Args:
        p: the p-value of the verdict, adjusted, by the factor on the number of patients.
        patients: how many there are.
        alpha: the level that p has to fall below.

    Returns:
        At least 1; infinite where no number of patients suffices, NaN where p is unknown.
    """
    if isnan(p(1.0)):
        return nan
    # Not monotone: with many patients the few trainings decide, and their few degrees of freedom.
    factors = np.geomspace(1.0, MOST, STEPS)
    enough = next((k for k, factor in enumerate(factors) if p(float(factor)) < alpha), None)
    if enough is None:
        return inf
    low, high = float(factors[max(enough - 1, 0)]), float(factors[enough])
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if p(middle) < alpha else (middle, high)
    return float(max(1, ceil(patients * (high - 1))))


def open_question(more: float, limit: float, patients: float, distance: float) -> str:
    """What would settle a claim, in a sentence.

    Args:
        more: as from `more_patients`.
        limit: what retraining alone exceeds in 5 % of cases.
        patients: the same of the patients alone.
        distance: of the effect from the threshold.
    """
    if isinf(more) and limit > 0:
        moved = f"retraining moves the effect by up to {limit:.3f} either way"
        if distance + limit <= patients:  # wherever retraining puts it, the threshold is inside
            return (
                "More patients and more trainings (seeds) are needed: "
                f"{moved}, other patients by up to {patients:.3f}."
            )
        return f"More patients alone would not decide it: {moved}. More trainings (seeds) may."
    if isinf(more):
        return "The effect is at the threshold; no number of patients would decide it."
    return (
        f"With {_round(more)} more target patients, and others in proportion, the odds of "
        "deciding it would be even, if the true effect is the measured one; extrapolated from the "
        "width of the interval."
    )


def _round(number: float) -> str:
    """Two leading digits; beyond 10,000 no number means anything."""
    if number > 10_000:
        return "over 10,000"
    step = 10 ** max(0, len(str(int(number))) - 2)
    return f"about {ceil(number / step) * step:,}"
