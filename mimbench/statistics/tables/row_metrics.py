"""All numbers of one row for one question: every condition, protocol, category and mean."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from mimbench.scores.tables import CLEAN
from mimbench.statistics.core.bootstrap import METRICS, Resamples, bootstrap_interval
from mimbench.statistics.core.cautions import (
    area_cautions,
    difference_cautions,
    fpr_cautions,
    precision_cautions,
)
from mimbench.statistics.core.intervals import DIFFERENCE_METHOD, LOGIT_METHOD
from mimbench.statistics.ranking.kernels import add_present
from mimbench.statistics.run.comparison_sets import Area, Contest, RowAreas
from mimbench.statistics.run.layout import Condition, Layout, Row

__all__ = ["ALL_CORRUPTIONS", "MEAN_SEVERITY", "Block", "row_blocks"]

Array = NDArray[np.float64]
MEAN_SEVERITY = -1
ALL_CORRUPTIONS = "*"
FEWEST_FOR_FPR = 60


@dataclass(frozen=True)
class Block:
    """One metric of all entries (categories, then means) under one condition and protocol."""

    corruption: str
    severity: int
    protocol: str
    metric: str
    value: Array
    low: Array
    high: Array
    method: str
    reasons: tuple[str, ...]
    fold_sd: Array
    seed_sd: Array
    cautions: tuple[str, ...]


def row_blocks(
    layout: Layout, contest: Contest, row: Row, values: Array, resamples: Resamples, level: float
) -> list[Block]:
    """Measure one row.

    Args:
        layout: the run's arrays.
        contest: the question.
        row: the row.
        values: (fits, conditions, images) its scores.
        resamples: patient resamples of the run's images.
        level: confidence level.
    """
    areas = RowAreas(layout, contest, row, values)
    return list(_RowMetrics(areas, resamples, level).blocks())


class _RowMetrics:
    def __init__(self, areas: RowAreas, resamples: Resamples, level: float) -> None:
        self.conditions, self.areas = areas.conditions, areas
        self.contest, self.resamples, self.level = areas.contest, resamples, level
        folds = sorted({fold for _, fold, _ in areas.cells})
        self._fewest_id = min(self.contest.id_images[fold].size for fold in folds)
        sizes = np.min([np.diff(self.contest.starts[fold]) for fold in folds], axis=0)
        self._fewest_ood = np.asarray([sizes[entry > 0].min() for entry in areas.entries])

    def blocks(self) -> Iterator[Block]:
        """Clean numbers, then those of each protocol."""
        reference = None
        if (CLEAN, 0) in self.conditions:
            clean = self.conditions.index((CLEAN, 0))
            reference = self.areas.area(clean, clean)
            yield self._auroc((CLEAN, 0), "both", reference)
            yield from self._resampled(clean, clean, "both", reference)
        for protocol in self.contest.question.protocols:
            if protocol == "both" or reference is not None:
                yield from self._corrupted(protocol, reference)

    def _corrupted(self, protocol: str, reference: Area | None) -> Iterator[Block]:
        """Each corruption and severity, means over severities, and over all corruptions."""
        means = []
        corrupted = (k for k, (name, _) in enumerate(self.conditions) if name != CLEAN)
        for corruption, members in groupby(corrupted, key=lambda k: self.conditions[k][0]):
            severities = []
            for k in members:
                other = self.conditions.index((CLEAN, 0)) if protocol == "target-only" else k
                area = self.areas.area(k, other)
                severities.append(area)
                yield from self._area_blocks(self.conditions[k], protocol, area, reference)
                yield from self._resampled(k, other, protocol, area)
            means.append(Area.mean(severities))
            place = (corruption, MEAN_SEVERITY)
            yield from self._area_blocks(place, protocol, means[-1], reference)
        if means:
            place = (ALL_CORRUPTIONS, MEAN_SEVERITY)
            yield from self._area_blocks(place, protocol, Area.mean(means), reference)

    def _area_blocks(
        self, condition: Condition, protocol: str, area: Area, reference: Area | None
    ) -> Iterator[Block]:
        yield self._auroc(condition, protocol, area)
        if reference is not None:
            yield self._drop(condition, protocol, area, reference)

    def _auroc(self, condition: Condition, protocol: str, area: Area) -> Block:
        own = area.influence
        return Block(
            *condition,
            protocol,
            "auroc",
            own.area,
            *own.area_interval(self.level),
            LOGIT_METHOD,
            self.areas.reasons(area),
            *self.areas.spread(area.per_cell),
            area_cautions(own.area, *own.patients),
        )

    def _drop(self, condition: Condition, protocol: str, area: Area, reference: Area) -> Block:
        """AUROC lost by the corruption, paired: positive where the clean AUROC is higher."""
        drop = Area.combine([reference, area], [1, -1])
        own = drop.influence
        areas = (reference.influence.area, area.influence.area)
        return Block(
            *condition,
            protocol,
            "auroc_drop",
            own.value,
            *own.difference_interval(self.level),
            DIFFERENCE_METHOD,
            self.areas.reasons(drop),
            *self.areas.spread(drop.per_cell),
            difference_cautions(areas, own.fewest_patients),
        )

    def _resampled(self, condition: int, other: int, protocol: str, area: Area) -> Iterator[Block]:
        """Average precision, FPR and detection error, with bootstrap intervals.

        Patients that were trained on, or held out for a line, widen them as they widen the AUROC's.
        """
        samples, points = self._samples(condition, other)
        patients = area.influence.fewest_patients
        method = f"patient bootstrap, {self.resamples.count} resamples, logit"
        for k, metric in enumerate(METRICS):
            if metric == "auroc":
                continue
            values = np.clip(samples[:, k, 0], 0.0, 1.0)
            why = self._why_no_interval(metric)
            reasons = [a or b for a, b in zip(self.areas.reasons(area), why, strict=True)]
            low, high = np.full((2, len(values)), np.nan)
            given = np.asarray([not reason for reason in reasons])
            if given.any():
                low[given], high[given] = bootstrap_interval(
                    values[given],
                    samples[given, k, 1:],
                    patients[given],
                    self.level,
                    area.influence.widening[given],
                )
            yield Block(
                *self.conditions[condition],
                protocol,
                metric,
                values,
                low,
                high,
                method,
                tuple(reasons),
                *self.areas.spread(points[:, :, k]),
                self._bootstrap_cautions(metric),
            )

    def _samples(self, condition: int, other: int) -> tuple[Array, Array]:
        """(entries, metrics, 1 + count) means over the fits, and (cells, entries, metrics)."""
        own = (self._cell(cell, condition, other) for cell in self.areas.cells)
        if len(self.areas.cells) == 1:  # its own mean
            groups = next(own)
            points = groups[np.newaxis, :, :, 0].copy()
        else:
            groups, points = self._mean(own)
        groups[(np.isnan(points[:, :, 0]) & (self.areas.weights > 0)).any(0)] = np.nan
        means = [
            np.tensordot(own[own > 0], groups[own > 0], axes=1)
            for own in self.contest.question.mean_weights
        ]
        per_cell = [self.areas.per_cell(points[:, :, k]) for k in range(len(METRICS))]
        return np.concatenate([groups, np.stack(means)]), np.stack(per_cell, axis=2)

    def _cell(self, cell: tuple[int, int, int], condition: int, other: int) -> Array:
        """(groups, metrics, 1 + count) of one fit and fold."""
        fit, fold, _ = cell
        x, y = self.areas.scores(fit, fold, condition, other)
        return self.resamples.metrics(
            x,
            self.contest.id_images[fold],
            y,
            self.contest.ood_images[fold],
            self.contest.starts[fold],
        )

    def _mean(self, cells: Iterable[Array]) -> tuple[Array, Array]:
        """Weighted mean over the cells that a resample left something of, and their points."""
        weights = self.areas.weights
        groups = np.zeros((weights.shape[1], len(METRICS), self.resamples.count + 1))
        drawn = np.zeros_like(groups)
        points = np.zeros((len(weights), *groups.shape[:2]))
        for cell, own in enumerate(cells):
            points[cell] = own[:, :, 0]
            add_present(groups, drawn, own, weights[cell])
        with np.errstate(invalid="ignore", divide="ignore"):
            np.divide(groups, drawn, out=groups)
        return groups, points

    def _bootstrap_cautions(self, metric: str) -> tuple[str, ...]:
        fewest_id = np.full(len(self.areas.entries), self._fewest_id)
        if metric == "aupr_in":
            return precision_cautions(fewest_id, self._fewest_ood)
        if metric == "aupr_out":
            return precision_cautions(self._fewest_ood, fewest_id)
        if metric == "fpr95_target":
            return fpr_cautions(fewest_id, self._fewest_ood)
        if metric == "fpr95_ood":
            return fpr_cautions(self._fewest_ood, fewest_id)
        return ("",) * len(fewest_id)

    def _why_no_interval(self, metric: str) -> list[str]:
        """Per entry why it gets no bootstrap interval; empty if it gets one."""
        reasons = [""] * len(self.areas.entries)
        if metric == "fpr95_ood":
            other = "other images in a category of a fit"
            reasons = [_too_few(images, other) for images in self._fewest_ood]
        if metric in ("fpr95_target", "fpr95_ood"):
            target = _too_few(self._fewest_id, "target images in a fit")
            reasons = [target or reason for reason in reasons]
        if metric == "detection_error":
            reasons = ["no interval: the smallest over all thresholds is biased"] * len(reasons)
        if not self.resamples.count:
            reasons = ["no resamples"] * len(reasons)
        return reasons


def _too_few(images: int, what: str) -> str:
    if images >= FEWEST_FOR_FPR:
        return ""
    return f"{images} {what}; an interval needs {FEWEST_FOR_FPR}"
