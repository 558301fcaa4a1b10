"""How many more patients would settle what is still open."""

from math import ceil, nan

import numpy as np
from scipy.special import ndtri

__all__ = ["more_patients", "open_question"]


def more_patients(
    value: float,
    low: float,
    high: float,
    threshold: float,
    patients: int,
    family: int,
    alpha: float,
) -> float:
    """Patients to add so that the interval, adjusted for the family, would end at the threshold.

    A new sample of that size settles the claim in half of all cases.

    An extrapolation: same effect, and a width that shrinks with the square root of the number.

    Args:
        value: the effect.
        low: lower end of its 95 % interval.
        high: upper end.
        threshold: what the effect is compared with.
        patients: how many there are.
        family: number of tests.
        alpha: family-wise level.

    Returns:
        At least 1; NaN where the effect is exactly at the threshold.
    """
    distance = abs(value - threshold)
    end = low if value > threshold else high
    wider = ndtri(1 - alpha / 2 / family) / ndtri(0.975)
    if distance < 1e-9:
        return nan
    factor = (abs(value - end) * wider / distance) ** 2
    return float(max(1, ceil(patients * (factor - 1))))


def open_question(more: float) -> str:
    """What would settle a claim, in a sentence; `more` as from `more_patients`."""
    if np.isnan(more):
        return "The effect is at the threshold; no number of patients would settle it."
    return (
        f"With {_round(more)} more target patients, and others in proportion, the odds of "
        "settling it would be even, if the true effect is the measured one; extrapolated from the "
        "width of the interval."
    )


def _round(number: float) -> str:
    """Two leading digits; beyond 10,000 no number means anything."""
    if number > 10_000:
        return "over 10,000"
    step = 10 ** max(0, len(str(int(number))) - 2)
    return f"about {ceil(number / step) * step:,}"
