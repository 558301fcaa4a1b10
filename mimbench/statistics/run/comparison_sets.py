"""AUROCs of one row with patient influences, averaged over its folds and seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mimbench.statistics.core.fold_training import (
    FoldTraining,
    fold_ratio,
    rank_variance,
    trained_influence,
)
from mimbench.statistics.core.influence import Influence, combine, joined
from mimbench.statistics.ranking.placement import placement_values
from mimbench.statistics.run.clustered_auroc import Cells
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.lines import Lines, slope_differences
from mimbench.statistics.run.questions import Question, Row

__all__ = ["Area", "ComparisonSet", "RowAreas"]

Array = NDArray[np.float64]
LOST = "its line: images have no scores of what it was fitted on"


@dataclass(frozen=True)
class Area:
    """AUROCs, or linear combinations of them, for all entries of a question.

    Attributes:
        influence: E numbers with patient influences.
        per_cell: (cells, E) their value in each fit and fold.
    """

    influence: Influence
    per_cell: Array

    @classmethod
    def combine(cls, terms: Sequence[Self], weights: Sequence[float]) -> Self:
        """Return the weighted sum, entry by entry."""
        total = np.zeros_like(terms[0].per_cell)
        for term, weight in zip(terms, weights, strict=True):
            total += weight * term.per_cell
        return cls(combine([term.influence for term in terms], weights), total)

    @classmethod
    def joined(cls, parts: Sequence[Self], like: Self | None = None) -> Self:
        """The numbers of all parts, one after another; `like` as for `influence.joined`."""
        per_cell = np.concatenate([part.per_cell for part in parts], axis=1)
        own = [part.influence for part in parts]
        return cls(joined(own, None if like is None else like.influence), per_cell)

    @classmethod
    def mean(cls, terms: Sequence[Self]) -> Self:
        """Return the mean of the terms, entry by entry."""
        return cls.combine(terms, [1 / len(terms)] * len(terms))


class ComparisonSet:
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
        self.trained_patients = _trained_patients(layout, question)
        others = np.concatenate([group.images for group in question.groups])
        self.shared_images = others[np.asarray(np.all(layout.test, axis=0))[others]]

    def weights(self, folds: Sequence[int]) -> Array:
        """(cells, groups) weight of each fit: equal among those with images on both sides."""
        present = np.asarray(
            [(np.diff(self.starts[f]) > 0) * (self.id_images[f].size > 0) for f in folds], float
        )
        total = present.sum(0)
        return np.where(total > 0, present, 1.0) / np.where(total > 0, total, len(folds))


class RowAreas:
    """One row in one comparison set.

    Attributes:
        cells: (position of the fit, fold, seed) of each cell.
        weights: (cells, groups) weight of each cell in the mean.
        entries: (E, groups) the groups themselves, then the means over categories.
    """

    def __init__(
        self, layout: Layout, comparison_set: ComparisonSet, row: Row, values: Array
    ) -> None:
        """Take the row's scores `values`: (fits, conditions, images)."""
        self.comparison_set, self.row = comparison_set, row
        self.values = np.full_like(values, np.nan) if row.reason else values
        self._lines = None if row.line is None or row.reason else Lines(layout, row, values)
        self.conditions = layout.conditions
        self.cells = layout.cells(row)
        self.weights = comparison_set.weights([fold for _, fold, _ in self.cells])
        means = comparison_set.question.mean_weights
        self.entries = np.concatenate([np.eye(means.shape[1]), means])
        several = (
            len({fold for _, fold, _ in self.cells}) > 1 and comparison_set.trained_patients.any()
        )
        self._trained_on = layout.trained_on(row) if several else ""
        self._first: Influence | None = None
        self._nothing: Area | None = None

    def area(self, condition: int, other: int) -> Area:
        """AUROC with the ID side under `condition` and the OOD side under `other`."""
        if not self.row.reason:
            return self._area(condition, other)
        if self._nothing is None:  # the same under every condition
            self._nothing = self._area(condition, other)
        return self._nothing

    def _area(self, condition: int, other: int) -> Area:
        own = [self._influence(fit, fold, condition, other) for fit, fold, _ in self.cells]
        values = np.stack([influence.value for influence in own])
        total = combine(own, list(self.weights))
        if self._trained_on:
            total = replace(total, training=self._training(total, values, condition, other))
        mixed = total.mix(self.entries, self._first)
        if self._first is None:  # its shares are those under every condition
            self._first = mixed
        return Area(mixed, self.per_cell(values))

    def _influence(self, fit: int, fold: int, condition: int, other: int) -> Influence:
        """Of one cell, with that of the patients that its line was fitted on."""
        cells = self.comparison_set.cells[fold]
        x, y = self.scores(fit, fold, condition, other)
        own, lines = cells.influence(x, y), self._lines
        if lines is None:
            return own
        if lines.unknown:
            return replace(own, unknown=(lines.unknown,) * len(own.value))
        error, covariate = lines.error[fit], lines.covariate[fit]
        x_step = error * covariate[condition, self.comparison_set.id_images[fold]]
        y_step = error * covariate[other, self.comparison_set.ood_images[fold]]
        steeper, flatter = (
            placement_values(x - sign * x_step, y - sign * y_step, cells.starts)[0]
            for sign in (1.0, -1.0)
        )
        moves = lines.moves[fit] / error if error > 0 else lines.moves[fit]
        change = (steeper - flatter) / 2
        lost = np.isnan(change) & np.isfinite(own.value)
        unknown = tuple(LOST if gone else "" for gone in lost) if lost.any() else ()
        return replace(own, line=np.nan_to_num(change)[:, None] * moves, unknown=unknown)

    def _training(
        self, total: Influence, values: Array, condition: int, other: int
    ) -> FoldTraining:
        """What the patients do to it whom a fold tests and others train on."""
        trained, shared = self.comparison_set.trained_patients, self.comparison_set.shared_images
        id_scores = [self.scores(*cell[:2], condition, other)[0] for cell in self.cells]
        ood_scores = np.stack([self.values[fit, other, shared] for fit, _, _ in self.cells])
        if self._lines is not None and not self._lines.unknown:  # what lines do counts apart
            covariate = self._lines.covariate
            of_ood = np.stack([covariate[fit, other, shared] for fit, _, _ in self.cells])
            slopes = slope_differences(of_ood, ood_scores)
            ood_scores = ood_scores - slopes[:, None] * of_ood
            id_scores = [
                own - slope * covariate[fit, condition, self.comparison_set.id_images[fold]]
                for own, slope, (fit, fold, _) in zip(id_scores, slopes, self.cells, strict=True)
            ]
        ratio = fold_ratio(trained[:, trained.any(0)])
        of = np.asarray([fold for _, fold, _ in self.cells])
        room = ratio * rank_variance(id_scores, ood_scores, of)
        tested = np.where(trained.any(0), total.id, 0.0)
        parts = np.where(self.weights > 0, self.weights * values, 0.0)
        folds = np.stack([parts[of == fold].sum(0) for fold in np.unique(of)], axis=1)
        return FoldTraining({self._trained_on: trained_influence(tested, room)}, folds, ratio)

    def scores(self, fit: int, fold: int, condition: int, other: int) -> tuple[Array, Array]:
        """Scores of the ID images and of the OOD images of one cell."""
        return (
            self.values[fit, condition, self.comparison_set.id_images[fold]],
            self.values[fit, other, self.comparison_set.ood_images[fold]],
        )

    def per_cell(self, values: Array) -> Array:
        """(cells, E, ...) from (cells, groups, ...): means over the groups that the fold has."""
        here = self.weights > 0
        further = (..., *[np.newaxis] * (values.ndim - 2))
        present = (here.astype(float) @ self.entries.T)[further]
        total = np.einsum("cg...,eg->ce...", np.where(here[further], values, 0.0), self.entries)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(present > 0, total / present, np.nan)

    def spread(self, per_cell: Array) -> tuple[Array, Array]:
        """Standard deviation over folds (of seed means) and over seeds (of fold means).

        Args:
            per_cell: (cells, ...) values; the results have its further axes.
        """
        folds = [fold for _, fold, _ in self.cells]
        seeds = [seed for _, _, seed in self.cells]
        return _sd_of_means(per_cell, folds), _sd_of_means(per_cell, seeds)

    def reasons(self, area: Area) -> tuple[str, ...]:
        """(E,) why each AUROC is NaN: a failed fit says it for all."""
        own = area.influence.reasons
        return (self.row.reason,) * len(own) if self.row.reason else own


def _trained_patients(layout: Layout, question: Question) -> NDArray[np.bool_]:
    """(folds, P) which patients of the ID side a fold trains on.

    Where no image is called training, these are the patients of other folds' test images.
    """
    images = layout.trained if layout.trained.any() else ~layout.test & layout.test.any(0)
    trained = np.zeros((len(images), layout.n_patients), dtype=bool)
    for patients, own in zip(trained, images, strict=True):
        patients[layout.patient[own & question.id_images]] = True
    return trained


def _sd_of_means(per_cell: Array, labels: Sequence[int]) -> Array:
    names = sorted(set(labels))
    if len(names) < 2:
        return np.full(per_cell.shape[1:], np.nan)
    of = np.asarray(labels)
    means = np.stack([np.mean(per_cell[of == name], axis=0) for name in names])
    return np.asarray(np.std(means, axis=0, ddof=1))
