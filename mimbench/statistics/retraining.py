"""How much retraining alone moves a number: one definition for every comparison and verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = ["FREEDOM", "TRAININGS", "Trainings", "mixed", "trainings_of"]
from mimbench.statistics.layout import Row

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

FREEDOM = 2  # degrees of freedom below which a spread of trainings counts as unknown
SAME = ["detector", "recipe_hash", "fitted_on", "withheld", "fold"]  # of fits of one stratum
TRAININGS = FREEDOM + 1  # of one fold, that give them


@dataclass(frozen=True)
class Trainings:
    """The trained models of one recipe behind E numbers; each number is the mean over them.

    Several means are one object where their spread is the same, e.g. that of the recipe fitted on
    the target and on a swap category: the number is the sum of the means.

    Attributes:
        ids: which training each is; two objects of equal ids are about the same models.
        means: (T,) to which of the means a training belongs.
        strata: (T,) trainings of one mean and stratum differ in the seed alone.
        seeds: (T,) the seed, which may be shared by strata.
        values: (T, E) what each training alone gives; NaN: nothing, e.g. no image in its fold.
    """

    ids: tuple[str, ...]
    means: Codes
    strata: Codes
    seeds: Codes
    values: Array

    @cached_property
    def variance(self) -> tuple[Array, Array]:
        """(E,) variance of the number from retraining alone, and its degrees of freedom.

        Trainings of a stratum that differ in the seed alone show the variance of one training,
        pooled over strata. Where the same seed serves several folds, its fits may go the same way,
        and the mean over folds varies more than that tells; then the spread of the seeds' means
        counts, with its fewer degrees of freedom. NaN with fewer than two degrees of freedom.
        """
        here = np.isfinite(self.values)
        deviations, squares, freedom = self._deviations(here)
        shared, fewer = self._seed_effects(deviations)
        with np.errstate(divide="ignore", invalid="ignore"):
            each, by_seed = squares / freedom, shared / fewer
            together = np.zeros(self.values.shape[1])
            for name in np.unique(self.means):
                together += 1.0 / here[self.means == name].sum(0)
        larger = by_seed > each  # false where one stratum alone has several seeds
        variance = np.where(larger, by_seed, each) * together
        known = (freedom >= FREEDOM) & np.isfinite(variance)
        df = np.where(larger, fewer, freedom).astype(np.float64)
        return np.where(known, variance, np.nan), np.where(known, df, np.nan)

    def _deviations(self, here: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        """(T, E) from the mean of the stratum, NaN where it has one training; their sum, df."""
        deviations = np.full(self.values.shape, np.nan)
        squares, freedom = np.zeros(self.values.shape[1]), np.zeros(self.values.shape[1])
        for own in _groups(self.means, self.strata):
            count = here[own].sum(0)
            centre = np.where(here[own], self.values[own], 0.0).sum(0) / np.maximum(count, 1)
            apart = np.where(here[own] & (count > 1), self.values[own] - centre, np.nan)
            deviations[own] = apart
            squares += np.nansum(apart**2, axis=0)
            freedom += np.maximum(count - 1, 0)
        return deviations, squares, freedom

    def _seed_effects(self, deviations: Array) -> tuple[Array, Array]:
        """(E,) squares of the seeds' mean deviations, each times its strata, and their df."""
        squares, freedom = np.zeros(deviations.shape[1]), np.zeros(deviations.shape[1])
        for name in np.unique(self.means):
            seeds = np.zeros(deviations.shape[1])
            for own in _groups(self.seeds, self.means == name):
                if self.means[own[0]] == name:
                    count = np.isfinite(deviations[own]).sum(0)
                    mean = np.nansum(deviations[own], axis=0) / np.maximum(count, 1)
                    squares += count * mean**2
                    seeds += count > 0
            freedom += np.maximum(seeds - 1, 0)
        return squares, freedom

    def scaled(self, weight: ArrayLike) -> Self:
        """The trainings of the numbers times `weight`, one number or (E,)."""
        factor = np.asarray(weight, dtype=np.float64)
        return replace(self, values=np.where(factor == 0, 0.0, self.values * factor))

    def mixed(self, matrix: Array) -> Self:
        """The trainings of K combinations of the numbers: `matrix` is (K, E)."""
        return replace(self, values=mixed(self.values, matrix))

    def about_the_same(self, other: Self) -> bool:
        """Whether both are about the same models."""
        return self.ids == other.ids

    def plus(self, other: Self) -> Self:
        """The sum of two numbers of the same models, model by model."""
        return replace(self, values=self.values + other.values)

    def beside(self, other: Self) -> Self:
        """Both as one, of the same spread: the sum of their means."""
        return replace(
            self,
            ids=self.ids + other.ids,
            means=np.concatenate([self.means, other.means + self.means.max() + 1]),
            strata=np.concatenate([self.strata, other.strata]),
            seeds=np.concatenate([self.seeds, other.seeds]),
            values=np.concatenate([self.values, other.values]),
        )


def trainings_of(
    fits: pd.DataFrame, row: Row, cells: Sequence[tuple[int, int, int]], values: Array
) -> tuple[Trainings, ...]:
    """The trained models behind the mean of one row over its cells; none if no fit has a seed.

    A fit that serves every fold is one model, whatever the number of folds.

    Args:
        fits: the fits table.
        row: the row.
        cells: (position of the fit in `row.fits`, fold, seed) of each cell.
        values: (cells, E) what each cell gives; NaN: nothing.
    """
    of = np.asarray([fit for fit, _, _ in cells], dtype=np.int64)
    here = np.isfinite(values)
    each = np.full((len(row.fits), values.shape[1]), np.nan)
    for fit in range(len(row.fits)):
        count = here[of == fit].sum(0)
        total = np.where(here, values, 0.0)[of == fit].sum(0)
        each[fit] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    table = fits.iloc[[index for index, _, _ in row.fits]]
    seeds = np.asarray([seed for _, seed, _ in row.fits], dtype=np.int64)
    if (seeds < 0).all():
        return ()
    same = table[SAME].astype("string").fillna("").agg("|".join, axis=1)
    states = table["state_hash"].where(table["state_hash"] != "", table["fit_id"])
    return (
        Trainings(
            ids=tuple(same + "|" + table["seed"].astype("string").fillna("") + "|" + states),
            means=np.zeros(len(each), dtype=np.int64),
            strata=np.asarray(pd.factorize(same)[0], dtype=np.int64),
            seeds=seeds,
            values=each,
        ),
    )


def mixed(values: Array, matrix: Array) -> Array:
    """(n, K) combinations of (n, E), `matrix` (K, E); what has no weight may be missing."""
    used = (matrix != 0)[None]
    return np.asarray(np.where(used, matrix[None] * values[:, None, :], 0.0).sum(2))


def _groups(*labels: NDArray[np.generic]) -> list[Codes]:
    """Positions of the entries that agree in all labels."""
    _, codes = np.unique(np.stack([np.unique(own, return_inverse=True)[1] for own in labels]),
                         axis=1, return_inverse=True)  # fmt: skip
    return [np.flatnonzero(codes.ravel() == code) for code in range(int(codes.max(initial=-1)) + 1)]
