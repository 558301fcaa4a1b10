"""AUROC and ROC curve of two sides' raw scores, higher = more OOD.

Scores are ranked in float64 and never squashed; infinities are allowed. The metrics of a whole run
come from `kernels` and `placement`; these two serve a single fit.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mimbench.statistics.core.estimate import Estimate, missing

__all__ = ["auroc", "roc_points"]

Scores = NDArray[np.float64]


def auroc(id_scores: ArrayLike, ood_scores: ArrayLike) -> Estimate:
    """Area under the ROC curve: share of (ID, OOD) pairs ranked right, ties count half.

    Args:
        id_scores: scores of in-distribution images.
        ood_scores: scores of out-of-distribution images.

    Returns:
        Estimate in [0, 1], higher = better separation, 0.5 = chance; NaN with a reason where a
        side has no scores or one that is NaN.

    Source: Hanley & McNeil 1982, Radiology 143:29, equal to the Mann-Whitney statistic.
    """
    target, other = _sorted(id_scores), _sorted(ood_scores)
    for name, values in (("ID", target), ("OOD", other)):
        if values.size == 0:
            return missing(f"no {name} scores")
        if np.isnan(values[-1]):
            return missing(f"{int(np.isnan(values).sum())} of {values.size} {name} scores NaN")
    below = np.searchsorted(target, other, "left").sum()
    up_to = np.searchsorted(target, other, "right").sum()
    return Estimate(float((int(below) + int(up_to)) / (2 * target.size * other.size)))


def roc_points(
    id_scores: ArrayLike, ood_scores: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ROC curve with OOD positive, one point for each distinct score.

    Args:
        id_scores: scores of ID images, at least one, no NaN.
        ood_scores: scores of OOD images, at least one, no NaN.

    Returns:
        Share of ID images flagged and share of OOD images flagged, from (0, 0) to (1, 1).
    """
    target, other = _sorted(id_scores), _sorted(ood_scores)
    thresholds = np.unique(np.concatenate([target, other]))[::-1]
    refused_target, refused_other = (
        np.concatenate([[0.0], (side.size - np.searchsorted(side, thresholds)) / side.size])
        for side in (target, other)
    )
    return refused_target, refused_other


def _sorted(scores: ArrayLike) -> Scores:
    return np.sort(np.asarray(scores, dtype=np.float64).ravel())
