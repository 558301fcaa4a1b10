"""AUROCs of one row with patient influences, averaged over its folds and seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mimbench.statistics.cells import Cells
from mimbench.statistics.influence import Influence, combine
from mimbench.statistics.layout import Layout, Question, Row

__all__ = ["Area", "Contest", "RowAreas"]

Array = NDArray[np.float64]


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
    def mean(cls, terms: Sequence[Self]) -> Self:
        """Return the mean of the terms, entry by entry."""
        return cls.combine(terms, [1 / len(terms)] * len(terms))


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


class RowAreas:
    """One row in one contest.

    Attributes:
        cells: (position of the fit, fold, seed) of each cell.
        weights: (cells, groups) weight of each cell in the mean.
        entries: (E, groups) the groups themselves, then the means over categories.
    """

    def __init__(self, layout: Layout, contest: Contest, row: Row, values: Array) -> None:
        """Take the row's scores `values`: (fits, conditions, images)."""
        self.contest, self.row = contest, row
        self.values = np.full_like(values, np.nan) if row.reason else values
        self.conditions = layout.conditions
        self.cells = layout.cells(row)
        self.weights = contest.weights([fold for _, fold, _ in self.cells])
        means = contest.question.mean_weights
        self.entries = np.concatenate([np.eye(means.shape[1]), means])

    def area(self, condition: int, other: int) -> Area:
        """AUROC with the ID side under `condition` and the OOD side under `other`."""
        own = [
            self.contest.cells[fold].influence(*self.scores(fit, fold, condition, other))
            for fit, fold, _ in self.cells
        ]
        per_cell = self.per_cell(np.stack([influence.value for influence in own]))
        return Area(combine(own, list(self.weights)).mix(self.entries), per_cell)

    def scores(self, fit: int, fold: int, condition: int, other: int) -> tuple[Array, Array]:
        """Scores of the ID images and of the OOD images of one cell."""
        return (
            self.values[fit, condition, self.contest.id_images[fold]],
            self.values[fit, other, self.contest.ood_images[fold]],
        )

    def per_cell(self, values: Array) -> Array:
        """(cells, E) from (cells, groups): means over the groups that the fold has."""
        present = (self.weights > 0).astype(float) @ self.entries.T
        total = np.where(self.weights > 0, values, 0.0) @ self.entries.T
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(present > 0, total / present, np.nan)

    def spread(self, per_cell: Array) -> tuple[Array, Array]:
        """(E,) standard deviation over folds (of seed means) and over seeds (of fold means)."""
        folds = [fold for _, fold, _ in self.cells]
        seeds = [seed for _, _, seed in self.cells]
        return _sd_of_means(per_cell, folds), _sd_of_means(per_cell, seeds)

    def reasons(self, area: Area) -> tuple[str, ...]:
        """(E,) why each AUROC is NaN: a failed fit says it for all."""
        return tuple(self.row.reason or reason for reason in area.influence.reasons)


def _sd_of_means(per_cell: Array, labels: Sequence[int]) -> Array:
    names = sorted(set(labels))
    if len(names) < 2:
        return np.full(per_cell.shape[1], np.nan)
    of = np.asarray(labels)
    means = np.stack([np.mean(per_cell[of == name], axis=0) for name in names])
    return np.asarray(np.std(means, axis=0, ddof=1))
