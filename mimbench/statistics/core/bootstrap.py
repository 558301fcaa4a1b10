"""Ranking metrics under patient resamples: one set of resamples for all fits, rows and conditions.

A resample is a column of integer weights, one per image. Images are sorted once per fit and
condition; each metric is then a weighted cumulative sum.
"""

from collections.abc import Sequence
from copy import copy
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mimbench.statistics.core.intervals import logit_interval
from mimbench.statistics.ranking.kernels import METRICS, WIDTH, weighted_metrics

__all__ = ["METRICS", "Resamples", "bootstrap_interval", "spread_interval"]

Array = NDArray[np.float64]


class Resamples:
    """Patient resamples, clustered by patient and stratified by category.

    Patients are drawn with replacement among those with images of the same categories. The first
    column is the sample itself: every image once.

    Attributes:
        count: number of resamples, the sample itself not counted.
        weights: uint8 (blocks, N, 64), how often each image is drawn; padded with zeros.

    Source: Field & Welsh 2007, JRSS B 69:369 (cluster bootstrap).
    """

    def __init__(
        self,
        patients: ArrayLike,
        categories: ArrayLike,
        count: int,
        generator: np.random.Generator,
    ) -> None:
        """Draw the resamples.

        Args:
            patients: (N,) integer code of the patient of each image.
            categories: (N,) category of each image.
            count: number of resamples.
            generator: source of randomness.
        """
        codes = np.unique(np.asarray(patients), return_inverse=True)[1]
        self.count = count
        drawn = np.ones((codes.max(initial=-1) + 1, count + 1), dtype=np.uint8)
        for stratum in _strata(codes, np.asarray(categories)):
            size = len(stratum)
            drawn[stratum, 1:] = generator.multinomial(size, np.full(size, 1 / size), count).T
        blocks = -(-(count + 1) // WIDTH)
        padded = np.zeros((codes.size, blocks * WIDTH), dtype=np.uint8)
        padded[:, : count + 1] = drawn[codes]
        self.weights = np.ascontiguousarray(
            padded.reshape(codes.size, blocks, WIDTH).transpose(1, 0, 2)
        )

    def first(self, count: int) -> Self:
        """The first `count` of these resamples, or all where there are fewer."""
        if count >= self.count:
            return self
        fewer = copy(self)
        fewer.count = count
        fewer.weights = self.weights[: -(-(count + 1) // WIDTH)]
        return fewer

    def drawn(self, images: ArrayLike) -> NDArray[np.int64]:
        """(n, 1 + count) how often each resample draws these images; the first is the sample."""
        own = self.weights[:, np.asarray(images, dtype=np.int64)]
        columns = own.transpose(1, 0, 2).reshape(own.shape[1], -1)
        return columns[:, : self.count + 1].astype(np.int64)

    def metrics(
        self,
        id_scores: ArrayLike,
        id_images: ArrayLike,
        ood_scores: ArrayLike,
        ood_images: ArrayLike,
        starts: Sequence[int] | NDArray[np.int64] | None = None,
        tpr: float = 0.95,
        wanted: Sequence[bool] | NDArray[np.bool_] | None = None,
    ) -> Array:
        """All `METRICS` of each OOD group against the same ID images, under every resample.

        Args:
            id_scores: (n,) scores, higher = more OOD.
            id_images: (n,) index of each ID image in the resamples.
            ood_scores: (m,) scores, group after group.
            ood_images: (m,) index of each OOD image.
            starts: (G + 1,) where the groups start; by default all are one group.
            tpr: true positive rate of the two FPR conventions.
            wanted: (metrics,) those that are wanted under the resamples, and not of the sample
                alone, which saves time; by default all.

        Returns:
            (G, metrics, 1 + count), the first being the sample itself; NaN where a side is empty
            in a resample, a score is NaN or a metric is not wanted. The detection error is that of
            the sample alone: the smallest over all thresholds is biased, so its resamples make no
            interval.
        """
        x, y = (np.asarray(scores, dtype=np.float64) for scores in (id_scores, ood_scores))
        limits = np.asarray([0, y.size] if starts is None else starts, dtype=np.int64)
        groups = np.repeat(np.arange(limits.size - 1), np.diff(limits))
        result = np.empty((limits.size - 1, len(METRICS), self.weights.shape[0] * WIDTH))
        lost = np.bincount(groups, np.isnan(y), minlength=limits.size - 1)
        valid = (lost == 0) & (np.diff(limits) > 0) & (x.size > 0) & ~np.isnan(x).any()
        asked = np.ones(len(METRICS), bool) if wanted is None else np.asarray(wanted, bool)
        id_order, ood_order = np.argsort(x), np.lexsort((y, groups))
        weighted_metrics(
            x[id_order],
            np.asarray(id_images, dtype=np.int64)[id_order],
            y[ood_order],
            np.asarray(ood_images, dtype=np.int64)[ood_order],
            limits,
            valid,
            self.weights,
            tpr,
            asked,
            result,
        )
        for metric in np.flatnonzero(~asked):  # as a mask it would copy
            result[:, metric, 1:] = np.nan
        return result[:, :, : self.count + 1]


def bootstrap_interval(
    value: ArrayLike,
    resampled: ArrayLike,
    patients: ArrayLike,
    level: float = 0.95,
    widening: ArrayLike = 1.0,
) -> tuple[Array, Array]:
    """Interval of a share from its resamples, see `spread_interval`.

    Args:
        value: (E,) in [0, 1], of the sample itself.
        resampled: (E, resamples) values; NaN where a resample has none.
        patients: (E,) K, patients on the smaller side.
        level: confidence level.
        widening: (E,) factor of the variance, for what resamples of tested patients do not show.

    Returns:
        Lower and upper ends, in [0, 1].
    """
    samples = np.asarray(resampled, dtype=np.float64)
    spread = np.nanvar if np.isnan(samples).any() else np.var
    return spread_interval(value, spread(samples, axis=-1), patients, level, widening)


def spread_interval(
    value: ArrayLike,
    variance: ArrayLike,
    patients: ArrayLike,
    level: float = 0.95,
    widening: ArrayLike = 1.0,
) -> tuple[Array, Array]:
    """Interval of a share from the variance of its resamples, symmetric on the logit scale.

    Percentiles cover too little with as few patients as there are (`results/coverage.md`). So the
    standard deviation of the resamples, times sqrt(K / (K - 1)) because a resample of K patients
    spreads too little, goes with Student's t of K - 1 degrees of freedom. A value of 0 or 1, or
    resamples without spread, get Wilson's interval for K patients.

    Args:
        value: (E,) in [0, 1], of the sample itself.
        variance: (E,) over the resamples.
        patients: (E,) K, patients on the smaller side.
        level: confidence level.
        widening: (E,) factor of the variance, as for `bootstrap_interval`.

    Returns:
        Lower and upper ends, in [0, 1].
    """
    count = np.maximum(np.asarray(patients, dtype=np.float64), 2.0)
    wider = np.asarray(variance, dtype=np.float64) * count / (count - 1) * widening
    return logit_interval(value, wider, count - 1, patients, 0, level, prior_df=0.0)


def _strata(
    patients: NDArray[np.int64], categories: NDArray[np.object_]
) -> list[NDArray[np.int64]]:
    """Patients with images of the same set of categories."""
    names: dict[int, set[str]] = {}
    for patient, category in zip(patients.tolist(), categories, strict=True):
        names.setdefault(patient, set()).add(str(category))
    members: dict[tuple[str, ...], list[int]] = {}
    for patient, own in sorted(names.items()):
        members.setdefault(tuple(sorted(own)), []).append(patient)
    return [np.asarray(found) for found in members.values()]
