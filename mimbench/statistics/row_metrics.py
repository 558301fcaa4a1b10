"""All numbers of one row for one question: every condition, protocol, category and mean."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mimbench.scores import CLEAN
from mimbench.statistics.bootstrap import METRICS, Resamples, percentile_interval
from mimbench.statistics.influence import Cells, Influence, combine
from mimbench.statistics.intervals import (
    DIFFERENCE_METHOD,
    LOGIT_METHOD,
    difference_interval,
    logit_interval,
)
from mimbench.statistics.layout import Condition, Layout, Question, Row
from mimbench.statistics.weighted import add_present

__all__ = ["ALL_CORRUPTIONS", "MEAN_SEVERITY", "Block", "Contest", "row_blocks"]

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


@dataclass(frozen=True)
class _Area:
    """AUROCs (or drops) with patient influences, and their value in each fit."""

    influence: Influence
    per_cell: Array  # (cells, entries)

    @staticmethod
    def combine(terms: Sequence["_Area"], weights: Sequence[float]) -> "_Area":
        total = np.zeros_like(terms[0].per_cell)
        for term, weight in zip(terms, weights, strict=True):
            total += weight * term.per_cell
        return _Area(combine([term.influence for term in terms], weights), total)


class Contest:
    """A question as it stands in each fold: who is compared with whom. Shared by all rows."""

    def __init__(self, layout: Layout, question: Question) -> None:
        """Select the test images of every fold."""
        self.question = question
        self.id_images, self.ood_images, self.starts, self.cells = [], [], [], []
        for test in layout.test:
            own_id = np.flatnonzero(question.id_images & test)
            members = [group.images[test[group.images]] for group in question.groups]
            own_ood = np.concatenate(members)
            starts = np.concatenate([[0], np.cumsum([len(m) for m in members])])
            self.id_images.append(own_id)
            self.ood_images.append(own_ood)
            self.starts.append(starts)
            self.cells.append(
                Cells(layout.patient[own_id], layout.patient[own_ood], starts, layout.n_patients)
            )

    def weights(self, folds: Sequence[int]) -> Array:
        """(cells, groups) weight of each fit: equal among those with images on both sides."""
        present = np.asarray(
            [(np.diff(self.starts[f]) > 0) * (self.id_images[f].size > 0) for f in folds], float
        )
        total = present.sum(0)
        return np.where(total > 0, present, 1.0) / np.where(total > 0, total, len(folds))


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
    return list(_RowMetrics(layout, contest, row, values, resamples, level).blocks())


class _RowMetrics:
    def __init__(
        self,
        layout: Layout,
        contest: Contest,
        row: Row,
        values: Array,
        resamples: Resamples,
        level: float,
    ) -> None:
        self.layout, self.contest, self.row = layout, contest, row
        self.values, self.resamples, self.level = values, resamples, level
        self.cells = layout.cells(row)
        self.weights = contest.weights([fold for _, fold, _ in self.cells])
        means = contest.question.mean_weights
        self.entries = np.concatenate([np.eye(means.shape[1]), means])
        folds = sorted({fold for _, fold, _ in self.cells})
        self._fewest_id = min(contest.id_images[fold].size for fold in folds)
        sizes = np.min([np.diff(contest.starts[fold]) for fold in folds], axis=0)
        self._fewest_ood = np.asarray([sizes[entry > 0].min() for entry in self.entries])

    def blocks(self) -> Iterator[Block]:
        conditions = self.layout.conditions
        clean = conditions.index((CLEAN, 0)) if (CLEAN, 0) in conditions else None
        corrupted = [k for k, (name, _) in enumerate(conditions) if name != CLEAN]
        reference = None
        if clean is not None:
            reference = self._area(clean, clean)
            yield self._area_block((CLEAN, 0), "both", "auroc", reference)
            yield from self._resampled(clean, clean, "both", reference)
        for protocol in self.contest.question.protocols:
            other_is_clean = protocol == "target-only"
            if other_is_clean and clean is None:
                continue
            means: dict[str, list[_Area]] = {}
            for k in corrupted:
                other = clean if other_is_clean and clean is not None else k
                area = self._area(k, other)
                means.setdefault(conditions[k][0], []).append(area)
                yield from self._area_blocks(conditions[k], protocol, area, reference)
                yield from self._resampled(k, other, protocol, area)
            yield from self._mean_blocks(means, protocol, reference)

    def _mean_blocks(
        self, areas: dict[str, list[_Area]], protocol: str, reference: _Area | None
    ) -> Iterator[Block]:
        """Means over the severities of each corruption, and over all corruptions."""
        means = {name: _mean(own) for name, own in areas.items()}
        for name, area in means.items():
            yield from self._area_blocks((name, MEAN_SEVERITY), protocol, area, reference)
        if means:
            overall = _mean(list(means.values()))
            place = (ALL_CORRUPTIONS, MEAN_SEVERITY)
            yield from self._area_blocks(place, protocol, overall, reference)

    def _area_blocks(
        self, condition: Condition, protocol: str, area: _Area, reference: _Area | None
    ) -> Iterator[Block]:
        yield self._area_block(condition, protocol, "auroc", area)
        if reference is not None:
            drop = _Area.combine([reference, area], [1, -1])
            yield self._area_block(condition, protocol, "auroc_drop", drop)

    def _area_block(self, condition: Condition, protocol: str, metric: str, area: _Area) -> Block:
        own = area.influence
        if metric == "auroc":
            method = LOGIT_METHOD
            ends = logit_interval(own.value, own.variance, own.df, *own.patients, self.level)
        else:
            method = DIFFERENCE_METHOD
            n = np.minimum(*own.patients)
            ends = difference_interval(own.value, own.variance, own.df, n, self.level)
        return Block(
            *condition,
            protocol,
            metric,
            own.value,
            *ends,
            method,
            self._reasons(area),
            *self._spread(area.per_cell),
        )

    def _reasons(self, area: _Area) -> tuple[str, ...]:
        """Why each AUROC is NaN: a failed fit says it for all."""
        return tuple(self.row.reason or reason for reason in area.influence.reasons)

    def _area(self, condition: int, other: int) -> _Area:
        """AUROC with the ID side under `condition` and the OOD side under `other`."""
        own = []
        for fit, fold, _ in self.cells:
            x, y = self._scores(fit, fold, condition, other)
            own.append(self.contest.cells[fold].influence(x, y))
        per_cell = np.stack([influence.value for influence in own])
        mean = combine(own, list(self.weights))
        return _Area(mean.mix(self.entries), self._per_cell(per_cell))

    def _scores(self, fit: int, fold: int, condition: int, other: int) -> tuple[Array, Array]:
        return (
            self.values[fit, condition, self.contest.id_images[fold]],
            self.values[fit, other, self.contest.ood_images[fold]],
        )

    def _per_cell(self, values: Array) -> Array:
        """(cells, entries) from (cells, groups): means over the groups that the fold has."""
        present = (self.weights > 0).astype(float) @ self.entries.T
        total = np.where(self.weights > 0, values, 0.0) @ self.entries.T
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(present > 0, total / present, np.nan)

    def _spread(self, per_cell: Array) -> tuple[Array, Array]:
        """Standard deviation over folds (of seed means) and over seeds (of fold means)."""
        folds = [fold for _, fold, _ in self.cells]
        seeds = [seed for _, _, seed in self.cells]
        return _sd_of_means(per_cell, folds), _sd_of_means(per_cell, seeds)

    def _resampled(self, condition: int, other: int, protocol: str, area: _Area) -> Iterator[Block]:
        """Average precision and FPR, with bootstrap intervals for the means and clean scores."""
        samples, points = self._samples(condition, other)
        clean = self.layout.conditions[condition][0] == CLEAN
        for k, metric in enumerate(METRICS):
            if metric == "auroc":
                continue
            values = samples[:, k, 0]
            why = self._why_no_interval(metric, clean)
            reasons = [a or b for a, b in zip(self._reasons(area), why, strict=True)]
            low, high = np.full((2, len(values)), np.nan)
            given = np.asarray([not reason for reason in reasons])
            if given.any():
                low[given], high[given] = percentile_interval(samples[given, k, 1:], self.level)
            method = f"patient bootstrap, {self.resamples.count} resamples"
            yield Block(
                *self.layout.conditions[condition],
                protocol,
                metric,
                values,
                low,
                high,
                method,
                tuple(reasons),
                *self._spread(points[:, :, k]),
            )

    def _samples(self, condition: int, other: int) -> tuple[Array, Array]:
        """(entries, metrics, 1 + count) means over the fits, and (cells, entries, metrics)."""
        shape = (self.weights.shape[1], len(METRICS), self.resamples.count + 1)
        total, drawn, broken = np.zeros(shape), np.zeros(shape), np.zeros(shape[0], dtype=bool)
        points = np.zeros((len(self.cells), *shape[:2]))
        for cell, (fit, fold, _) in enumerate(self.cells):
            x, y = self._scores(fit, fold, condition, other)
            own = self.resamples.metrics(
                x,
                self.contest.id_images[fold],
                y,
                self.contest.ood_images[fold],
                self.contest.starts[fold],
            )
            points[cell] = own[:, :, 0]
            broken |= np.isnan(own[:, 0, 0]) & (self.weights[cell] > 0)
            add_present(total, drawn, own, self.weights[cell])
        with np.errstate(invalid="ignore", divide="ignore"):
            groups = np.divide(total, drawn, out=total)
        groups[broken] = np.nan
        means = [
            np.tensordot(weights[weights > 0], groups[weights > 0], axes=1)
            for weights in self.contest.question.mean_weights
        ]
        per_cell = [self._per_cell(points[:, :, k]) for k in range(len(METRICS))]
        return np.concatenate([groups, np.stack(means)]), np.stack(per_cell, axis=2)

    def _why_no_interval(self, metric: str, clean: bool) -> list[str]:
        """Per entry why it gets no bootstrap interval; empty if it gets one."""
        groups, entries = self.entries.shape[1], len(self.entries)
        if not self.resamples.count:
            return ["no resamples"] * entries
        reasons = ["" if clean else "interval only on clean images"] * groups
        reasons += [""] * (entries - groups)
        if metric == "fpr95_ood":
            reasons = [
                _too_few(n, "OOD") or r for n, r in zip(self._fewest_ood, reasons, strict=True)
            ]
        if metric in ("fpr95_target", "fpr95_ood"):
            reasons = [_too_few(self._fewest_id, "ID") or reason for reason in reasons]
        return reasons


def _mean(areas: Sequence[_Area]) -> _Area:
    return _Area.combine(areas, [1 / len(areas)] * len(areas))


def _sd_of_means(per_cell: Array, labels: Sequence[int]) -> Array:
    names = sorted(set(labels))
    if len(names) < 2:
        return np.full(per_cell.shape[1], np.nan)
    of = np.asarray(labels)
    means = np.stack([np.mean(per_cell[of == name], axis=0) for name in names])
    return np.asarray(np.std(means, axis=0, ddof=1))


def _too_few(images: int, side: str) -> str:
    if images >= FEWEST_FOR_FPR:
        return ""
    return f"{images} {side} images in a fit; an interval needs {FEWEST_FOR_FPR}"
