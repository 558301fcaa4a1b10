"""How much retraining alone moves a number: one definition for every comparison and verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mimbench.statistics.run.questions import Row

__all__ = ["FREEDOM", "TRAININGS", "Models", "Trainings", "mixed"]

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

FREEDOM = 2  # degrees of freedom below which a spread of trainings counts as unknown
TRAININGS = FREEDOM + 1  # of one fold, that give them
SAME = ["detector", "recipe_hash", "fitted_on", "withheld", "fold"]  # of fits of one stratum


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
            larger = by_seed > each * (1 + 1e-9)  # equal where one stratum alone has several seeds
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
            for seed in np.unique(self.seeds[self.means == name]):
                own = deviations[(self.means == name) & (self.seeds == seed)]
                count = np.isfinite(own).sum(0)
                squares += np.nansum(own, axis=0) ** 2 / np.maximum(count, 1)
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


class Models:
    """The trained models of one row: which differ in the seed alone, and which are the same."""

    def __init__(self, fits: pd.DataFrame, row: Row) -> None:
        """Take the fits table and a row of it."""
        own = [index for index, _, _ in row.fits]
        strata = ["|".join(_text(fits[name].iat[index]) for name in SAME) for index in own]
        seeds = [_text(fits["seed"].iat[index]) for index in own]
        states = [str(fits["state_hash"].iat[i] or fits["fit_id"].iat[i]) for i in own]
        self.ids = tuple("|".join(about) for about in zip(strata, seeds, states, strict=True))
        self.strata = pd.factorize(np.asarray(strata, dtype=object))[0].astype(np.int64)
        self.seeds = np.asarray([seed for _, seed, _ in row.fits], dtype=np.int64)

    def trainings(self, fit_of_cell: Sequence[int], values: Array) -> tuple[Trainings, ...]:
        """The models behind the mean over cells; none if no fit draws a random number.

        A fit that serves every fold is one model, whatever the number of folds.

        Args:
            fit_of_cell: position of the fit of each cell among those of the row.
            values: (cells, E) what each cell gives; NaN: nothing.
        """
        if (self.seeds < 0).all():
            return ()
        of, here = np.asarray(fit_of_cell, dtype=np.int64), np.isfinite(values)
        each = np.full((len(self.ids), values.shape[1]), np.nan)
        for fit in range(len(each)):
            count, total = here[of == fit].sum(0), np.nansum(values[of == fit], axis=0)
            each[fit] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        means = np.zeros(len(each), dtype=np.int64)
        return (Trainings(self.ids, means, self.strata, self.seeds, each),)


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def mixed(values: Array, matrix: Array) -> Array:
    """(n, K) combinations of (n, E), `matrix` (K, E); what has no weight may be missing."""
    used = (matrix != 0)[None]
    return np.asarray(np.where(used, matrix[None] * values[:, None, :], 0.0).sum(2))


def _groups(first: Codes, second: Codes) -> list[Codes]:
    """Positions of the entries that agree in both labels."""
    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    return [np.flatnonzero([other == pair for other in pairs]) for pair in dict.fromkeys(pairs)]
