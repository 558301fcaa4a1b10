"""All numbers of one row for one question: every condition, protocol, category and mean."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mimbench.scores.tables import CLEAN
from mimbench.statistics.core.bootstrap import Resamples, spread_interval
from mimbench.statistics.core.influence import at_once
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


# of one metric: value, low, high, method, reasons, fold_sd, seed_sd and cautions, as in a block
_Numbers = tuple[
    Array, Array, Array, str, tuple[str, ...], Array, Array, tuple[str, ...]
]  # fmt: skip


@dataclass(frozen=True)
class _Place:
    """Where metrics are measured.

    Attributes:
        condition: corruption and severity.
        area: its AUROCs.
        sides: conditions of the target's and the other images; None for a mean of conditions.
    """

    condition: Condition
    area: Area
    sides: tuple[int, int] | None = None


@dataclass(frozen=True)
class _Sampled:
    """What is measured under resamples, under one condition.

    Attributes:
        values: (E, metrics) of the sample itself.
        variances: (E, metrics) over the resamples; NaN where no interval needs it.
        fold_sd, seed_sd: (E, metrics) spread over folds and over seeds.
        count: how many resamples.
    """

    values: Array
    variances: Array
    fold_sd: Array
    seed_sd: Array
    count: int

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The numbers of all parts, one after another."""
        return cls(
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.variances for part in parts]),
            np.concatenate([part.fold_sd for part in parts]),
            np.concatenate([part.seed_sd for part in parts]),
            parts[0].count,
        )


class _RowMetrics:
    def __init__(
        self, areas: RowAreas, resamples: Resamples, level: float, *, severities: bool
    ) -> None:
        self._severities = severities
        self.conditions, self.areas = areas.conditions, areas
        self.comparison_set, self.resamples, self.level = areas.comparison_set, resamples, level
        self._fewer = resamples.first(CORRUPTED)
        self._nothing: dict[int, _Sampled] = {}
        self._clean: dict[int, Area] = {}
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
        self._cautions = {
            metric.name: metric.cautions(
                np.full(len(self._fewest_ood), self._fewest_id), self._fewest_ood
            )
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
            yield from self._measured([_Place((CLEAN, 0), clean, (k, k))], "both", None)[0]
        for protocol in self.comparison_set.question.protocols:
            if protocol == "both" or clean is not None:
                yield from self._corrupted(protocol, clean)

    def _corrupted(self, protocol: str, clean: Area | None) -> Iterator[Block]:
        """Each corruption and severity, means over severities, and over all corruptions."""
        means = []
        waiting: list[tuple[list[_Place], _Place]] = []  # severities and their mean
        corrupted = (k for k, (name, _) in enumerate(self.conditions) if name != CLEAN)
        for corruption, members in groupby(corrupted, key=lambda k: self.conditions[k][0]):
            severities = []
            for k in members:
                other = self.conditions.index((CLEAN, 0)) if protocol == "target-only" else k
                area = self.areas.area(k, other)
                severities.append(_Place(self.conditions[k], area, (k, other)))
            means.append(Area.mean([place.area for place in severities]))
            whole = _Place((corruption, MEAN_SEVERITY), means[-1])
            waiting.append((severities if self._severities else [], whole))
            count = sum(len(own) + 1 for own, _ in waiting)
            if count + len(severities) >= at_once(whole.area.influence):
                yield from self._of_corruptions(waiting, protocol, clean)
                waiting = []
        if waiting:
            yield from self._of_corruptions(waiting, protocol, clean)
        if means:
            place = _Place((ALL_CORRUPTIONS, MEAN_SEVERITY), Area.mean(means))
            yield from self._measured([place], protocol, clean)[0]

    def _of_corruptions(
        self, places: Sequence[tuple[list[_Place], _Place]], protocol: str, clean: Area | None
    ) -> Iterator[Block]:
        """The severities of each corruption, then their mean; measured together."""
        single = [place for own, _ in places for place in own]
        found = self._measured([*single, *(whole for _, whole in places)], protocol, clean)
        measured, means = iter(found[: len(single)]), found[len(single) :]
        for (own, _), mean in zip(places, means, strict=True):
            for _ in own:
                yield from next(measured)
            yield from mean

    def _measured(
        self, places: Sequence[_Place], protocol: str, clean: Area | None
    ) -> list[list[Block]]:
        """Every metric under each of some conditions.

        They are measured together, which is much faster.

        Args:
            places: the conditions; means of conditions are the last.
            protocol: which sides are corrupted.
            clean: AUROCs on clean images, to compare with.
        """
        beside = None if clean is None else self._repeated(clean, len(places))
        area = Area.joined([place.area for place in places], beside)
        single = [place.sides for place in places if place.sides is not None]
        sampled = _Sampled.joined([self._samples(*sides) for sides in single]) if single else None
        found: list[list[Block]] = [[] for _ in places]
        for metric in definitions.METRICS:
            numbers = None
            if isinstance(metric, AreaMetric):
                numbers = self._area_numbers(metric, area, beside)
            elif isinstance(metric, ScoreMetric) and sampled is not None:
                numbers = self._score_numbers(metric, area, sampled)
            if numbers is not None:
                for own, place, part in zip(found, places, self._parts(numbers), strict=False):
                    corruption, severity = place.condition
                    own.append(Block(corruption, severity, protocol, metric.name, *part))
        return found

    def _repeated(self, clean: Area, count: int) -> Area:
        """The AUROCs on clean images, so many times."""
        if count not in self._clean:
            self._clean[count] = Area.joined([clean] * count)
        return self._clean[count]

    def _parts(self, numbers: _Numbers) -> Iterator[_Numbers]:
        """Numbers of several conditions, condition by condition."""
        count = len(self.areas.entries)
        value, low, high, method, reasons, fold_sd, seed_sd, cautions = numbers
        for first in range(0, len(value), count):
            k = slice(first, first + count)
            yield (value[k], low[k], high[k], method,
                   reasons[k], fold_sd[k], seed_sd[k], cautions[k])  # fmt: skip

    def _area_numbers(self, metric: AreaMetric, area: Area, clean: Area | None) -> _Numbers | None:
        own = metric.combine(area, clean)
        if own is None:
            return None
        return (
            metric.value(own.influence),
            *metric.interval(own.influence, self.level),
            metric.method,
            self.areas.reasons(own),
            *self.areas.spread(own.per_cell),
            metric.cautions(area, clean, own),
        )

    def _score_numbers(self, metric: ScoreMetric, area: Area, sampled: _Sampled) -> _Numbers:
        """With a bootstrap interval.

        Patients that were trained on, or held out for a line, widen it as they widen the AUROC's.
        """
        k, size = self._sampled.index(metric.name), len(sampled.values)
        times = size // len(self.areas.entries)  # a mean of conditions has no such numbers
        values = np.clip(sampled.values[:, k], 0.0, 1.0)
        reasons = tuple(self._no_interval[metric.name] * times)
        missing = self.areas.reasons(area)[:size]
        if any(missing):
            reasons = tuple(a or b for a, b in zip(missing, reasons, strict=True))
        low, high = np.full((2, size), np.nan)
        given = np.asarray([not reason for reason in reasons])
        if given.any():
            low[given], high[given] = spread_interval(
                values[given],
                sampled.variances[given, k],
                area.influence.fewest_patients[:size][given],
                self.level,
                area.influence.widening[:size][given],
            )
        return (
            values,
            low,
            high,
            f"patient bootstrap, {sampled.count} resamples, logit",
            reasons,
            sampled.fold_sd[:, k],
            sampled.seed_sd[:, k],
            self._cautions[metric.name] * times,
        )

    def _why_no_interval(self, metric: ScoreMetric) -> list[str]:
        """Per entry why it gets no bootstrap interval; empty if it gets one."""
        if not self.resamples.count:
            return ["no resamples"] * len(self.areas.entries)
        return metric.no_interval(self._fewest_id, self._fewest_ood)

    def _samples(self, condition: int, other: int) -> _Sampled:
        clean = self.conditions[condition] == (CLEAN, 0)
        draws = self.resamples if clean else self._fewer
        if not self.areas.row.reason:
            return self._drawn(condition, other, draws)
        if draws.count not in self._nothing:  # the same under every condition
            self._nothing[draws.count] = self._drawn(condition, other, draws)
        return self._nothing[draws.count]

    def _drawn(self, condition: int, other: int, draws: Resamples) -> _Sampled:
        own = (self._cell(cell, condition, other, draws) for cell in self.areas.cells)
        if len(self.areas.cells) == 1:  # its own mean
            groups = next(own)
            points = groups[np.newaxis, :, :, 0].copy()
        else:
            groups, points = self._mean(own, draws.count)
        groups[(np.isnan(points[:, :, 0]) & (self.areas.weights > 0)).any(0)] = np.nan
        values, variances = mixed_spreads(groups, self.areas.entries, self._wanted)
        spread = self.areas.spread(self.areas.per_cell(points))
        return _Sampled(values, variances, *spread, draws.count)

    def _cell(
        self, cell: tuple[int, int, int], condition: int, other: int, draws: Resamples
    ) -> Array:
        """(groups, metrics, 1 + count) of one fit and fold."""
        fit, fold, _ = cell
        x, y = self.areas.scores(fit, fold, condition, other)
        own, others = self.comparison_set.id_images[fold], self.comparison_set.ood_images[fold]
        starts = self.comparison_set.starts[fold]
        wanted = self._wanted[: len(TOGETHER)]
        found = draws.metrics(x, own, y, others, starts, wanted=wanted)
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
