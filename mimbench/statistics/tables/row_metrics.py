"""All numbers of one row for one question: every condition, protocol, category and mean."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from mimbench.scores.tables import CLEAN
from mimbench.statistics.core.bootstrap import Resamples, spread_interval
from mimbench.statistics.ranking.kernels import METRICS as TOGETHER
from mimbench.statistics.ranking.kernels import add_present, mixed_spreads
from mimbench.statistics.run.comparison_sets import Area, ComparisonSet, RowAreas
from mimbench.statistics.run.layout import Condition, Layout
from mimbench.statistics.run.questions import Row
from mimbench.statistics.tables import definitions
from mimbench.statistics.tables.definitions import AreaMetric, ScoreMetric

__all__ = ["ALL_CORRUPTIONS", "MEAN_SEVERITY", "Block", "row_blocks"]

Array = NDArray[np.float64]
MEAN_SEVERITY = -1
ALL_CORRUPTIONS = "*"
# Resamples under one corruption and severity, of which there are hundreds. Their variance makes the
# interval, whose width they leave uncertain by 1 / sqrt(2 x 511) = 3 %. 512 with the sample itself.
CORRUPTED = 511


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
    layout: Layout,
    comparison_set: ComparisonSet,
    row: Row,
    values: Array,
    resamples: Resamples,
    level: float,
    *,
    severities: bool = True,
) -> list[Block]:
    """Measure one row.

    Args:
        layout: the run's arrays.
        comparison_set: the question.
        row: the row.
        values: (fits, conditions, images) its scores.
        resamples: patient resamples of the run's images.
        level: confidence level.
        severities: whether single severities have numbers, see `metrics_table`.
    """
    areas = RowAreas(layout, comparison_set, row, values)
    return list(_RowMetrics(areas, resamples, level, severities=severities).blocks())


@dataclass(frozen=True)
class _Sampled:
    """What is measured under resamples, under one condition.

    Attributes:
        values: (E, metrics) of the sample itself.
        variances: (E, metrics) over the resamples; NaN where no interval needs it.
        per_cell: (cells, E, metrics) values of each fit and fold.
        count: how many resamples.
    """

    values: Array
    variances: Array
    per_cell: Array
    count: int


class _RowMetrics:
    def __init__(
        self, areas: RowAreas, resamples: Resamples, level: float, *, severities: bool
    ) -> None:
        self._severities = severities
        self.conditions, self.areas = areas.conditions, areas
        self.comparison_set, self.resamples, self.level = areas.comparison_set, resamples, level
        folds = sorted({fold for _, fold, _ in areas.cells})
        self._fewest_id = min(self.comparison_set.id_images[fold].size for fold in folds)
        sizes = np.min([np.diff(self.comparison_set.starts[fold]) for fold in folds], axis=0)
        self._computed = {
            metric.name: metric.compute
            for metric in definitions.METRICS
            if isinstance(metric, ScoreMetric) and metric.compute is not None
        }
        self._sampled = (*TOGETHER, *self._computed)  # what is measured under resamples, in order
        self._fewest_ood = np.asarray([sizes[entry > 0].min() for entry in areas.entries])
        self._no_interval = {
            metric.name: self._why_no_interval(metric)
            for metric in definitions.METRICS
            if isinstance(metric, ScoreMetric)
        }
        self._wanted = np.asarray(
            [
                not all(self._no_interval.get(name, ("no metric of its own",)))
                for name in self._sampled
            ]
        )

    def blocks(self) -> Iterator[Block]:
        """Clean numbers, then those of each protocol."""
        clean = None
        if (CLEAN, 0) in self.conditions:
            k = self.conditions.index((CLEAN, 0))
            clean = self.areas.area(k, k)
            yield from self._measured((CLEAN, 0), "both", clean, None, (k, k))
        for protocol in self.comparison_set.question.protocols:
            if protocol == "both" or clean is not None:
                yield from self._corrupted(protocol, clean)

    def _corrupted(self, protocol: str, clean: Area | None) -> Iterator[Block]:
        """Each corruption and severity, means over severities, and over all corruptions."""
        means = []
        corrupted = (k for k, (name, _) in enumerate(self.conditions) if name != CLEAN)
        for corruption, members in groupby(corrupted, key=lambda k: self.conditions[k][0]):
            severities = []
            for k in members:
                other = self.conditions.index((CLEAN, 0)) if protocol == "target-only" else k
                area = self.areas.area(k, other)
                severities.append(area)
                if self._severities:
                    yield from self._measured(self.conditions[k], protocol, area, clean, (k, other))
            means.append(Area.mean(severities))
            yield from self._measured((corruption, MEAN_SEVERITY), protocol, means[-1], clean)
        if means:
            place = (ALL_CORRUPTIONS, MEAN_SEVERITY)
            yield from self._measured(place, protocol, Area.mean(means), clean)

    def _measured(
        self,
        condition: Condition,
        protocol: str,
        area: Area,
        clean: Area | None,
        sides: tuple[int, int] | None = None,
    ) -> Iterator[Block]:
        """Every metric under one condition.

        Args:
            condition: corruption and severity.
            protocol: which sides are corrupted.
            area: its AUROCs.
            clean: those on clean images, to compare with.
            sides: conditions of the target's and the other images; None for a mean of conditions.
        """
        sampled = None if sides is None else self._samples(*sides)
        for metric in definitions.METRICS:
            block = None
            if isinstance(metric, AreaMetric):
                block = self._area_block(metric, condition, protocol, area, clean)
            elif isinstance(metric, ScoreMetric) and sampled is not None:
                block = self._score_block(metric, condition, protocol, area, sampled)
            if block is not None:
                yield block

    def _area_block(
        self,
        metric: AreaMetric,
        condition: Condition,
        protocol: str,
        area: Area,
        clean: Area | None,
    ) -> Block | None:
        own = metric.combine(area, clean)
        if own is None:
            return None
        return Block(
            *condition,
            protocol,
            metric.name,
            metric.value(own.influence),
            *metric.interval(own.influence, self.level),
            metric.method,
            self.areas.reasons(own),
            *self.areas.spread(own.per_cell),
            metric.cautions(area, clean, own),
        )

    def _score_block(
        self,
        metric: ScoreMetric,
        condition: Condition,
        protocol: str,
        area: Area,
        sampled: "_Sampled",
    ) -> Block:
        """With a bootstrap interval.

        Patients that were trained on, or held out for a line, widen it as they widen the AUROC's.
        """
        k = self._sampled.index(metric.name)
        values = np.clip(sampled.values[:, k], 0.0, 1.0)
        why = self._no_interval[metric.name]
        reasons = [a or b for a, b in zip(self.areas.reasons(area), why, strict=True)]
        low, high = np.full((2, len(values)), np.nan)
        given = np.asarray([not reason for reason in reasons])
        if given.any():
            low[given], high[given] = spread_interval(
                values[given],
                sampled.variances[given, k],
                area.influence.fewest_patients[given],
                self.level,
                area.influence.widening[given],
            )
        return Block(
            *condition,
            protocol,
            metric.name,
            values,
            low,
            high,
            f"patient bootstrap, {sampled.count} resamples, logit",
            tuple(reasons),
            *self.areas.spread(sampled.per_cell[:, :, k]),
            metric.cautions(np.full(len(values), self._fewest_id), self._fewest_ood),
        )

    def _why_no_interval(self, metric: ScoreMetric) -> list[str]:
        """Per entry why it gets no bootstrap interval; empty if it gets one."""
        if not self.resamples.count:
            return ["no resamples"] * len(self.areas.entries)
        return metric.no_interval(self._fewest_id, self._fewest_ood)

    def _samples(self, condition: int, other: int) -> "_Sampled":
        clean = self.conditions[condition] == (CLEAN, 0)
        draws = self.resamples if clean else self.resamples.first(CORRUPTED)
        own = (self._cell(cell, condition, other, draws) for cell in self.areas.cells)
        if len(self.areas.cells) == 1:  # its own mean
            groups = next(own)
            points = groups[np.newaxis, :, :, 0].copy()
        else:
            groups, points = self._mean(own, draws.count)
        groups[(np.isnan(points[:, :, 0]) & (self.areas.weights > 0)).any(0)] = np.nan
        values, variances = mixed_spreads(groups, self.areas.entries, self._wanted)
        return _Sampled(values, variances, self.areas.per_cell(points), draws.count)

    def _cell(
        self, cell: tuple[int, int, int], condition: int, other: int, draws: Resamples
    ) -> Array:
        """(groups, metrics, 1 + count) of one fit and fold."""
        fit, fold, _ = cell
        x, y = self.areas.scores(fit, fold, condition, other)
        own, others = self.comparison_set.id_images[fold], self.comparison_set.ood_images[fold]
        starts = self.comparison_set.starts[fold]
        found = draws.metrics(x, own, y, others, starts)
        if not self._computed:
            return found
        drawn, drawn_others = draws.drawn(own), draws.drawn(others)
        extra = np.full((len(found), len(self._computed), found.shape[2]), np.nan)
        for group, (first, last) in enumerate(pairwise(starts)):
            if np.isfinite(found[group, 0, 0]):  # scores on both sides
                sides = (x, drawn, y[first:last], drawn_others[first:last])
                extra[group] = [compute(*sides) for compute in self._computed.values()]
        return np.concatenate([found, extra], axis=1)

    def _mean(self, cells: Iterable[Array], count: int) -> tuple[Array, Array]:
        """Weighted mean over the cells that a resample left something of, and their points."""
        weights = self.areas.weights
        groups = np.zeros((weights.shape[1], len(self._sampled), count + 1))
        drawn = np.zeros_like(groups)
        points = np.zeros((len(weights), *groups.shape[:2]))
        for cell, own in enumerate(cells):
            points[cell] = own[:, :, 0]
            add_present(groups, drawn, own, weights[cell])
        with np.errstate(invalid="ignore", divide="ignore"):
            np.divide(groups, drawn, out=groups)
        return groups, points
