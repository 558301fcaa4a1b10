"""Corruption errors relative to a reference, of AUROCs with intervals and of plain error tables."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from mimbench.errors import TableError, UnknownNameError
from mimbench.scores import CLEAN
from mimbench.statistics.estimate import Estimate
from mimbench.statistics.influence import Influence, combine

__all__ = ["Ratio", "corruption_error", "mean_ratio", "relative_corruption_error", "top1_errors"]

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
        return [
            Estimate(float(v), float(a), float(b), "" if np.isnan(a) else method, r)
            for v, a, b, r in zip(
                self.influence.value, low, high, self.influence.reasons, strict=True
            )
        ]


def corruption_error(
    areas: Sequence[Influence], reference: Sequence[Influence], level: float = 0.95
) -> Ratio:
    """CE of one corruption: summed 1 - AUROC over its severities, divided by the reference's.

    Args:
        areas: AUROCs of a row, one Influence per severity.
        reference: those of the reference row under the same conditions.
        level: confidence level at which the denominator must be above 0.

    Returns:
        Ratios >= 0, **lower = more robust**, 1 = as the reference.

    Source: Hendrycks & Dietterich 2019, arXiv:1903.12261, section 4, with 1 - AUROC as error.
    """
    return Ratio(_ratio(_errors(areas), _errors(reference), level), positive=True)


def relative_corruption_error(
    areas: Sequence[Influence],
    clean: Influence,
    reference: Sequence[Influence],
    reference_clean: Influence,
    level: float = 0.95,
) -> Ratio:
    """Relative CE: as `corruption_error`, but of the rise of the error over the clean error."""
    own = [combine([clean, area], [1, -1]) for area in areas]
    other = [combine([reference_clean, area], [1, -1]) for area in reference]
    return Ratio(_ratio(_sum(own), _sum(other), level), positive=False)


def mean_ratio(ratios: Sequence[Ratio]) -> Ratio:
    """Mean over corruptions, e.g. mCE; NaN with a reason where one of them is."""
    weights = [1 / len(ratios)] * len(ratios)
    mean = combine([ratio.influence for ratio in ratios], weights)
    return Ratio(mean, positive=all(ratio.positive for ratio in ratios))


def top1_errors(errors: pd.DataFrame, reference: str) -> pd.DataFrame:
    """CE and relative CE from plain top-1 errors, as for ImageNet-C.

    Args:
        errors: columns `model`, `corruption` ("clean" for the clean error), `severity`, `error`
            in [0, 1] or in percent.
        reference: the model that counts as 1.

    Returns:
        Columns `model`, `corruption` ("*": the mean, mCE), `ce`, `relative_ce`, `reason` (why one
        of them is NaN). **Lower = more robust**; multiply by 100 for the usual percent.

    Raises:
        TableError: a column is missing, or a cell stands twice.
        UnknownNameError: no such reference.

    Source: Hendrycks & Dietterich 2019, arXiv:1903.12261, section 4.
    """
    lacking = {"model", "corruption", "severity", "error"} - set(errors.columns)
    if lacking:
        raise TableError(f"The table of errors lacks the columns {', '.join(sorted(lacking))}.")
    key = ["model", "corruption", "severity"]
    if errors.duplicated(key).any():
        double = errors[errors.duplicated(key)].iloc[0]
        raise TableError(
            f"The error of {double['model']} under {double['corruption']} is there twice."
        )
    if reference not in set(errors["model"]):
        raise UnknownNameError("reference model", reference, set(errors["model"]))
    names, severities = errors["corruption"].tolist(), errors["severity"].tolist()
    cells = dict(
        zip(zip(errors["model"], names, severities, strict=True), errors["error"], strict=True)
    )
    levels: dict[str, list[int]] = {}
    for corruption, severity in sorted(set(zip(names, severities, strict=True))):
        levels.setdefault(corruption, []).append(severity)
    clean_level = levels.pop(CLEAN, [0])[0]
    rows = []
    for model in dict.fromkeys(errors["model"]):
        own = []
        for corruption, steps in levels.items():
            (error, rise), (under, rise_under) = (
                _sums(cells, name, corruption, steps, clean_level) for name in (model, reference)
            )
            own.append((_quotient(error, under), _quotient(rise, rise_under)))
            rows.append((model, corruption, *own[-1]))
        rows.append((model, "*", *np.mean(own, axis=0)))
    table = pd.DataFrame(rows, columns=["model", "corruption", "ce", "relative_ce"])
    bad = table["ce"].isna() | table["relative_ce"].isna()
    reason = f"an error is missing, or that of '{reference}' does not rise above 0"
    return table.assign(reason=np.where(bad, reason, ""))


def _sums(
    cells: Mapping[tuple[str, str, int], float],
    model: str,
    corruption: str,
    severities: Sequence[int],
    clean: int,
) -> tuple[float, float]:
    """Summed error over the severities, and its rise above as many clean errors."""
    total = sum(cells.get((model, corruption, severity), np.nan) for severity in severities)
    return total, total - len(severities) * cells.get((model, CLEAN, clean), np.nan)


def _quotient(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else np.nan


def _sum(terms: Sequence[Influence]) -> Influence:
    return combine(terms, [1.0] * len(terms))


def _errors(areas: Sequence[Influence]) -> Influence:
    """Summed 1 - AUROC."""
    total = combine(areas, [-1.0] * len(areas))
    return replace(total, value=len(areas) + total.value)


def _ratio(numerator: Influence, denominator: Influence, level: float) -> Influence:
    low = denominator.value - stdtrit(denominator.df, (1 + level) / 2) * np.sqrt(
        denominator.variance
    )
    safe = low > 0
    under = np.where(safe, denominator.value, 1.0)
    value = numerator.value / under
    ratio = combine([numerator, denominator], [1 / under, -value / under])
    why = "the reference's error may be 0: its interval reaches down to it"
    return replace(
        ratio,
        value=np.where(safe, value, np.nan),
        reasons=tuple(
            reason or ("" if ok else why) for reason, ok in zip(ratio.reasons, safe, strict=True)
        ),
    )
