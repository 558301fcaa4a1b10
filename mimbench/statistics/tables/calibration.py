"""How far posteriors are from the truth: Brier score and expected calibration error."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from mimbench.scores.tables import RunTables
from mimbench.statistics.core.estimate import Estimate, missing
from mimbench.statistics.core.influence import combine
from mimbench.statistics.run.clustered_auroc import share_influence
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.questions import Row

__all__ = ["calibration_table", "expected_calibration_error"]

POSTERIOR = "posterior"  # the score that is log((1 - p) / p) of the target's probability p
METHOD = "means clustered by patient, logit"


def expected_calibration_error(
    probabilities: ArrayLike, target: ArrayLike, bins: int = 15
) -> Estimate:
    """Mean distance between probability and observed share, over bins of equal width.

    Args:
        probabilities: (n,) in [0, 1], probability of the target category.
        target: (n,) whether the image is of the target category.
        bins: number of bins of [0, 1].

    Returns:
        Estimate in [0, 1], **lower = better**, biased upwards where bins hold few images.

    Source: Naeini, Cooper & Hauskrecht 2015, AAAI 29.
    """
    p, truth = np.asarray(probabilities, float), np.asarray(target, float)
    if p.size == 0 or np.isnan(p).any():
        return missing("no probabilities" if p.size == 0 else "probabilities missing")
    bin_of = np.minimum((p * bins).astype(int), bins - 1)
    gap = np.bincount(bin_of, p - truth, minlength=bins)
    return Estimate(float(np.abs(gap).sum() / p.size))


def calibration_table(
    tables: RunTables, *, level: float = 0.95, layout: Layout | None = None
) -> pd.DataFrame:
    """Brier score and ECE of every row that is a posterior, on target and known test images.

    Args:
        tables: the three tables of a run.
        level: confidence level.
        layout: of the tables, where there is one already.

    Returns:
        Columns `row`, `detector`, `corruption`, `severity`, `metric` ("brier" or "ece"), `value`,
        `low`, `high`, `method`, `reason`, `n`, `n_patients`; means over folds and seeds.
    """
    layout = layout or Layout(tables)
    records: list[dict[str, Any]] = []
    for row in layout.rows:
        if row.score.rpartition("/")[2] == POSTERIOR:
            values = layout.values(row)
            for k, (corruption, severity) in enumerate(layout.conditions):
                place: dict[str, Any] = {"row": row.score, "detector": row.detector}
                place |= {"corruption": corruption, "severity": severity}
                records += [place | found for found in _measure(layout, row, values[:, k], level)]
    columns = ["row", "detector", "corruption", "severity", "metric", "value", "low", "high"]
    return pd.DataFrame(records, columns=[*columns, "method", "reason", "n", "n_patients"])


def _measure(
    layout: Layout, row: Row, scores: NDArray[np.float64], level: float
) -> list[dict[str, Any]]:
    target = layout.role == "target"
    seen = target | (layout.role == "known")
    squares, errors, used = [], [], np.zeros_like(seen)
    for fit, fold, _ in layout.cells(row):
        images = np.flatnonzero(seen & layout.test[fold])
        used[images] = True
        p = expit(-scores[fit, images])
        distance = (p - target[images]) ** 2
        patients = layout.patient[images]
        squares.append(share_influence(distance, patients, [0, images.size], layout.n_patients))
        errors.append(expected_calibration_error(p, target[images]))
    brier = combine(squares, [1 / len(squares)] * len(squares)).area_estimates(level)[0]
    ece = [error.value for error in errors]
    counts = {"n": int(used.sum()), "n_patients": len(np.unique(layout.patient[used]))}
    reason = row.reason or brier.reason
    return [
        {"metric": "brier", "value": brier.value, "low": brier.low, "high": brier.high,
         "method": "" if reason else METHOD, "reason": reason, **counts},
        {"metric": "ece", "value": float(np.mean(ece)), "low": np.nan, "high": np.nan,
         "method": "", "reason": reason or "no interval: binned ECE is biased", **counts},
    ]  # fmt: skip
