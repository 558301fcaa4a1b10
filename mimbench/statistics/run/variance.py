"""Independent sources of variance, and what they add up to.

A source is a variance of each of E numbers with its degrees of freedom; NaN where it is unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri, stdtrit

from mimbench.statistics.run.retraining import Trainings, mixed

__all__ = ["Part", "Source", "joined", "total_variance", "varies_by"]

Array = NDArray[np.float64]
Source = tuple[Array, Array]  # (E,) variance, and its degrees of freedom

T = TypeVar("T", Trainings, "Part")
LIMIT = 0.95  # confidence of the upper limits that give the degrees of freedom of a sum


@dataclass(frozen=True)
class Part:
    """A further source of variance of E numbers, e.g. the fitted line of a residual.

    Attributes:
        name: what varies, and of what. Parts of equal name are about the same draws: they add
            before they are squared.
        effects: (n, E) independent contributions; the variance is the sum of their squares.
        df: degrees of freedom of that variance.
    """

    name: str
    effects: Array
    df: float

    @property
    def variance(self) -> tuple[Array, Array]:
        """(E,) variance and degrees of freedom."""
        variance = np.einsum("ne,ne->e", self.effects, self.effects)
        return variance, np.full(variance.shape, self.df)

    def scaled(self, weight: ArrayLike) -> Self:
        """The part of the numbers times `weight`, one number or (E,)."""
        factor = np.asarray(weight, dtype=np.float64)
        return replace(self, effects=np.where(factor == 0, 0.0, self.effects * factor))

    def mixed(self, matrix: Array) -> Self:
        """The part of K combinations of the numbers: `matrix` is (K, E)."""
        return replace(self, effects=mixed(self.effects, matrix))

    def about_the_same(self, other: Self) -> bool:
        """Whether both are about the same draws."""
        return self.name == other.name

    def plus(self, other: Self) -> Self:
        """The sum of two numbers of the same draws, draw by draw."""
        return replace(self, effects=self.effects + other.effects, df=min(self.df, other.df))


def total_variance(sources: Sequence[Source]) -> Source:
    """(E,) sum of variances of independent sources, and degrees of freedom of it.

    Satterthwaite's degrees of freedom with the upper 95 % limit of each variance in place of its
    estimate. An estimate of two or four degrees is often small by chance; as it stands it would
    claim the many degrees of the patients, and a family of sixteen tests at 5 % would reject in
    10 % (`tests/unit/test_same_recipe.py`; with the limits: `results/gate.md`).

    Args:
        sources: (E,) variance and degrees of freedom of each; NaN: unknown.

    Source: Satterthwaite 1946, Biometrics Bulletin 2:110, for the formula.
    """
    variance = np.sum([own for own, _ in sources], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        limits = [np.where(own == 0, 0.0, own * _upper(df)) for own, df in sources]
        parts = [np.where(limit == 0, 0.0, limit**2 / df)
                 for limit, (_, df) in zip(limits, sources, strict=True)]  # fmt: skip
        df = np.sum(limits, axis=0) ** 2 / np.sum(parts, axis=0)
    return variance, np.where(variance > 0, np.minimum(df, 1e9), sources[0][1])


def varies_by(variance: Array, df: Array) -> Array:
    """(E,) what a difference of this variance exceeds in 5 % of cases, either way."""
    quantile = stdtrit(np.minimum(df, 1e9), 0.975)
    return np.asarray(np.where(variance == 0, 0.0, np.sqrt(variance) * quantile))


def _upper(df: Array) -> Array:
    """(E,) upper confidence limit of a variance by its estimate."""
    finite = np.clip(df, 1.0, 1e9)
    return np.asarray(np.where(np.isinf(df), 1.0, finite / chdtri(finite, LIMIT)))


def joined(terms: Sequence[Sequence[T]], weights: Sequence[ArrayLike]) -> list[T]:
    """Sources of variance of a weighted sum: those about the same draws add up first."""
    kept: list[T] = []
    for sources, weight in zip(terms, weights, strict=True):
        for own in sources:
            found = own.scaled(weight)
            place = next((k for k, other in enumerate(kept) if other.about_the_same(found)), None)
            if place is None:
                kept.append(found)
            else:
                kept[place] = kept[place].plus(found)
    return kept
