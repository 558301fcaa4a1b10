"""A number with its interval, or the reason why there is none."""

from dataclasses import dataclass
from math import isnan, nan

__all__ = ["Estimate", "missing"]


@dataclass(frozen=True)
class Estimate:
    """A measured number.

    Attributes:
        value: the number; NaN if it cannot be computed, with the reason.
        low, high: ends of its confidence interval; NaN without one.
        method: how the interval was made.
        reason: why the value, or else the interval, is NaN; empty otherwise.
        p: two-sided p-value of "the value is 0", for differences; NaN otherwise.
        caution: why the interval covers less than it says; empty if it does not.
    """

    value: float
    low: float = nan
    high: float = nan
    method: str = ""
    reason: str = ""
    p: float = nan
    caution: str = ""

    def __post_init__(self) -> None:
        """A number that is missing says why."""
        if isnan(self.value) and not self.reason:
            raise ValueError("An estimate without a value needs a reason.")

    def __repr__(self) -> str:
        """For people, e.g. in a notebook: `Estimate(-0.033 [-0.213, 0.147], p = 0.714)`."""
        if isnan(self.value):
            return f"Estimate(none: {self.reason})"
        interval = "" if isnan(self.low) else f" [{self.low:.3f}, {self.high:.3f}]"
        p = "" if isnan(self.p) else f", p = {self.p:.3f}"
        further = "".join(f"; {text}" for text in (self.reason, self.caution) if text)
        return f"Estimate({self.value:.3f}{interval}{p}{further})"


def missing(reason: str) -> Estimate:
    """Return the estimate of something that cannot be computed."""
    return Estimate(nan, reason=reason)
