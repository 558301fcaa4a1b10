"""How well scores rank out-of-distribution images above target images.

All functions take raw scores as two one-dimensional arrays, in-distribution (ID) and
out-of-distribution (OOD), higher = more OOD, infinities allowed. They rank in float64 and squash
nothing. NaN, or a side without scores, gives NaN with a reason.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Literal, ParamSpec, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mimbench.statistics.core.estimate import Estimate, missing

__all__ = [
    "auroc",
    "average_precision_in",
    "average_precision_out",
    "detection_error",
    "fpr_at_tpr",
    "roc_points",
]

Scores = NDArray[np.float64]
P = ParamSpec("P")


class _Metric(Protocol[P]):
    def __call__(
        self, id_scores: ArrayLike, ood_scores: ArrayLike, *args: P.args, **kwargs: P.kwargs
    ) -> Estimate: ...


def _ranking(compute: Callable[Concatenate[Scores, Scores, P], float]) -> _Metric[P]:
    """Check and sort both sides, then compute."""

    @wraps(compute)
    def checked(
        id_scores: ArrayLike, ood_scores: ArrayLike, *args: P.args, **kwargs: P.kwargs
    ) -> Estimate:
        sides = {}
        for name, scores in (("ID", id_scores), ("OOD", ood_scores)):
            values = np.sort(np.asarray(scores, dtype=np.float64).ravel())
            if values.size == 0:
                return missing(f"no {name} scores")
            if np.isnan(values[-1]):
                return missing(f"{int(np.isnan(values).sum())} of {values.size} {name} scores NaN")
            sides[name] = values
        return Estimate(float(compute(sides["ID"], sides["OOD"], *args, **kwargs)))

    return checked


@_ranking
def auroc(id_scores: Scores, ood_scores: Scores) -> float:
    """Area under the ROC curve: share of (ID, OOD) pairs ranked right, ties count half.

    Returns:
        Estimate in [0, 1], higher = better separation, 0.5 = chance.

    Source: Hanley & McNeil 1982, Radiology 143:29, equal to the Mann-Whitney statistic.
    """
    below = np.searchsorted(id_scores, ood_scores, "left").sum()
    up_to = np.searchsorted(id_scores, ood_scores, "right").sum()
    return float((int(below) + int(up_to)) / (2 * id_scores.size * ood_scores.size))


@_ranking
def average_precision_out(id_scores: Scores, ood_scores: Scores) -> float:
    """AUPR-OUT as average precision: OOD images are the positives.

    The sum of the precisions at each distinct score, weighted by the steps of recall. OpenOOD v1.5
    and pytorch-ood 0.4.0 join the same points by the trapezoid rule instead.

    Returns:
        Estimate in [0, 1], higher = better; chance is the share of OOD images.

    Source: `sklearn.metrics.average_precision_score`.
    """
    precision, recall = _precision_recall(id_scores, ood_scores)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


@_ranking
def average_precision_in(id_scores: Scores, ood_scores: Scores) -> float:
    """AUPR-IN as average precision: ID images are the positives, ranked by the negated score.

    Returns:
        Estimate in [0, 1], higher = better; chance is the share of ID images.

    Source: `sklearn.metrics.average_precision_score`.
    """
    precision, recall = _precision_recall(-ood_scores[::-1], -id_scores[::-1])
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


@_ranking
def fpr_at_tpr(
    id_scores: Scores,
    ood_scores: Scores,
    tpr: float = 0.95,
    positive: Literal["target", "ood"] = "target",
) -> float:
    """False positive rate at the first threshold that reaches `tpr`, without interpolation.

    Args:
        id_scores: scores of ID images.
        ood_scores: scores of OOD images.
        tpr: true positive rate to reach, in (0, 1].
        positive: "target": share of OOD images accepted where at least `tpr` of the ID images
            are accepted (ODIN, Liang et al. 2018); "ood": share of ID images flagged where at
            least `tpr` of the OOD images are flagged (OpenOOD v1.5).

    Returns:
        Estimate in [0, 1], **lower = better**.
    """
    if positive == "ood":
        id_scores, ood_scores = -ood_scores[::-1], -id_scores[::-1]
    reached = np.arange(1, id_scores.size + 1) / id_scores.size >= tpr
    threshold = id_scores[np.argmax(reached)]
    return float(np.searchsorted(ood_scores, threshold, "right") / ood_scores.size)


@_ranking
def detection_error(id_scores: Scores, ood_scores: Scores) -> float:
    """Smallest mean of the two error rates over all thresholds.

    Returns:
        Estimate in [0, 0.5], **lower = better**.

    Source: Liang et al. 2018, arXiv:1706.02690, equation 5.
    """
    flagged_id, flagged_ood = _roc(id_scores, ood_scores)
    return float(np.min(flagged_id + 1 - flagged_ood) / 2)


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
    sides = [np.sort(np.asarray(side, dtype=np.float64)) for side in (id_scores, ood_scores)]
    return _roc(*sides)


def _roc(id_scores: Scores, ood_scores: Scores) -> tuple[Scores, Scores]:
    flagged_id, flagged_ood = _flagged(id_scores, ood_scores)
    return (
        np.concatenate([[0.0], flagged_id / id_scores.size]),
        np.concatenate([[0.0], flagged_ood / ood_scores.size]),
    )


def _flagged(negatives: Scores, positives: Scores) -> tuple[Scores, Scores]:
    """Count of both sides at or above each distinct score, from the highest score down."""
    thresholds = np.unique(np.concatenate([negatives, positives]))[::-1]
    false = negatives.size - np.searchsorted(negatives, thresholds, "left")
    true = positives.size - np.searchsorted(positives, thresholds, "left")
    return false.astype(np.float64), true.astype(np.float64)


def _precision_recall(negatives: Scores, positives: Scores) -> tuple[Scores, Scores]:
    false, true = _flagged(negatives, positives)
    return true / (true + false), true / positives.size
