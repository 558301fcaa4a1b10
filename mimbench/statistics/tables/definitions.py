"""The metrics of the metrics table: one object each, which everything that names metrics asks.

To add a metric, add an object to `METRICS`. It is in metrics.parquet then, for every condition that
it can be computed for, and in the leaderboard if it has a heading for its column.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mimbench.statistics.core.cautions import (
    area_cautions,
    difference_cautions,
    fpr_cautions,
    precision_cautions,
)
from mimbench.statistics.core.influence import Influence
from mimbench.statistics.core.intervals import DIFFERENCE_METHOD, LOGIT_METHOD
from mimbench.statistics.run.comparison_sets import Area

__all__ = ["METRICS", "AreaMetric", "Metric", "ScoreMetric", "metric"]

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
Texts = tuple[str, ...]

FEWEST_FOR_FPR = 60


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric.

    Attributes:
        name: in the column `metric` of the metrics table.
        title: for readers.
        lower_is_better: direction; otherwise higher is better.
        on_page: whether the page's curves and its table of conditions can show it.
        column: heading of its clean value in the leaderboard; empty where it has no column, or one
            that `mimbench.report.leaderboard.columns` describes.
    """

    name: str
    title: str
    lower_is_better: bool = False
    on_page: bool = False
    column: str = ""


@dataclass(frozen=True, kw_only=True)
class AreaMetric(Metric):
    """A linear combination of AUROCs, computed from their patient influences.

    Aggregation: the mean over fits, over the categories of a group, over severities and over
    corruptions. Interval: from the influence of every patient.

    Attributes:
        combine: from the AUROCs under a condition and those on clean images, if there are any;
            None where there is no such number.
        value: the numbers.
        interval: lower and upper ends at a confidence level.
        method: how the interval is made.
        cautions: why an interval covers less than it says, from what `combine` was given and what
            it returned.
    """

    combine: Callable[[Area, Area | None], Area | None]
    value: Callable[[Influence], Array]
    interval: Callable[[Influence, float], tuple[Array, Array]]
    method: str
    cautions: Callable[[Area, Area | None, Area], Texts]


@dataclass(frozen=True, kw_only=True)
class ScoreMetric(Metric):
    """A share in [0, 1] that is computed from the scores of one condition.

    Aggregation: the mean over fits and over the categories of a group; none over conditions.
    Interval: from patient resamples, on the logit scale.

    Attributes:
        compute: from ID scores (n,), how often each resample draws them (n, R), OOD scores (m,) and
            how often each resample draws those (m, R): (R,) values, the first being the sample
            itself; NaN where a resample draws nothing of a side. None for those of
            `mimbench.statistics.ranking.kernels.METRICS`, which one pass computes together.
        cautions: why an interval covers less than it says, from the fewest ID images (E,) and OOD
            images (E,) of a fit.
        no_interval: why there is none, from the fewest ID images of a fit and OOD images (E,);
            empty texts where there is one.
    """

    compute: Callable[[Array, Counts, Array, Counts], Array] | None = None
    cautions: Callable[[Counts, Counts], Texts] = lambda target, other: ("",) * len(other)
    no_interval: Callable[[int, Counts], list[str]] = lambda target, other: [""] * len(other)


def metric(name: str) -> Metric:
    """The metric of this name."""
    return next(own for own in METRICS if own.name == name)


def _difference_cautions(area: Area, clean: Area | None, drop: Area) -> Texts:
    areas = [own.influence.area for own in (clean, area) if own is not None]
    return difference_cautions(areas, drop.influence.fewest_patients)


def _too_few(images: int, what: str) -> str:
    if images >= FEWEST_FOR_FPR:
        return ""
    return f"{images} {what}; an interval needs {FEWEST_FOR_FPR}"


def _too_few_targets(target: int, other: Counts) -> list[str]:
    return [_too_few(target, "target images in a fit")] * len(other)


def _too_few_on_a_side(target: int, other: Counts) -> list[str]:
    own = [_too_few(images, "other images in a category of a fit") for images in other]
    return [a or b for a, b in zip(_too_few_targets(target, other), own, strict=True)]


METRICS: tuple[Metric, ...] = (
    AreaMetric(
        name="auroc",
        title="AUROC",
        on_page=True,
        combine=lambda area, clean: area,
        value=lambda influence: influence.area,
        interval=lambda influence, level: influence.area_interval(level),
        method=LOGIT_METHOD,
        cautions=lambda area, clean, _: area_cautions(
            area.influence.area, *area.influence.patients
        ),
    ),
    AreaMetric(
        name="auroc_drop",  # paired: positive where the clean AUROC is higher
        title="AUROC drop",
        lower_is_better=True,
        on_page=True,
        combine=lambda area, clean: None if clean is None else Area.combine([clean, area], [1, -1]),
        value=lambda influence: influence.value,
        interval=lambda influence, level: influence.difference_interval(level),
        method=DIFFERENCE_METHOD,
        cautions=_difference_cautions,
    ),
    ScoreMetric(
        name="aupr_in",
        title="average precision, target positive",
        cautions=precision_cautions,
    ),
    ScoreMetric(
        name="aupr_out",
        title="average precision, OOD positive",
        cautions=lambda target, other: precision_cautions(other, target),
    ),
    ScoreMetric(
        name="fpr95_target",
        title="FPR@95TPR, target positive",
        lower_is_better=True,
        on_page=True,
        cautions=fpr_cautions,
        no_interval=_too_few_targets,
    ),
    ScoreMetric(
        name="fpr95_ood",
        title="FPR@95TPR, OOD positive",
        lower_is_better=True,
        on_page=True,
        cautions=lambda target, other: fpr_cautions(other, target),
        no_interval=_too_few_on_a_side,
    ),
    ScoreMetric(
        name="detection_error",
        title="detection error",
        lower_is_better=True,
        no_interval=lambda target, other: (
            ["no interval: the smallest over all thresholds is biased"] * len(other)
        ),
    ),
)
