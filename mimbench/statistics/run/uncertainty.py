"""Numbers with every source of their variance: patients, retraining, and what else is named.

A number is a linear combination of AUROCs or shares. Its patients are those of `Influence`; its
retraining comes from what each trained model alone gives for the whole combination, so that two
conditions of one model, or two scores of it, are compared model by model. The total variance is the
sum over the sources, see `total_variance`. Where a source is unknown, so is p.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mimbench.statistics.core.cautions import area_cautions, difference_cautions
from mimbench.statistics.core.estimate import Estimate
from mimbench.statistics.core.influence import Influence, combine
from mimbench.statistics.core.intervals import (
    DIFFERENCE_METHOD,
    LOGIT_METHOD,
    ZERO,
    area_p_above,
    difference_interval,
    difference_p_above,
    logit_interval,
    steadied,
)
from mimbench.statistics.run.retraining import Trainings
from mimbench.statistics.run.variance import Part, Source, joined, total_variance

__all__ = ["Measured", "paired_difference"]

Array = NDArray[np.float64]
RETRAINING = (
    "retraining: fewer than three trainings (seeds), so the interval is that of the patients alone"
)


@dataclass(frozen=True)
class Measured:
    """E numbers with all that they vary by. Closed under linear combination.

    Attributes:
        patients: the numbers and what each patient contributes.
        trainings: their trained models, one entry per recipe; none where nothing random is trained.
        parts: further sources of variance.
    """

    patients: Influence
    trainings: tuple[Trainings, ...] = ()
    parts: tuple[Part, ...] = ()

    @classmethod
    def combine(
        cls, terms: Sequence[Self], weights: Sequence[ArrayLike], *, alike: bool = False
    ) -> Self:
        """The weighted sum of numbers over the same patients; weights as in `influence.combine`.

        Args:
            terms: the numbers.
            weights: one number or (E,) for each.
            alike: the terms are the same number of other trainings of one recipe, so that their
                spread is estimated together.
        """
        factors = list(weights)
        trainings = joined([term.trainings for term in terms], factors)
        if alike and len(trainings) > 1:
            trainings = [reduce(Trainings.beside, trainings)]
        parts = joined([term.parts for term in terms], factors)
        influence = combine([term.patients for term in terms], factors)
        return cls(influence, tuple(trainings), tuple(parts))

    @classmethod
    def mean(cls, terms: Sequence[Self]) -> Self:
        """The mean of numbers over the same patients."""
        return cls.combine(terms, [1 / len(terms)] * len(terms))

    def minus(self, other: Self, *, alike: bool = False) -> Self:
        """The paired difference; `alike` as in `combine`."""
        return type(self).combine([self, other], [1, -1], alike=alike)

    def mix(self, weights: ArrayLike) -> Self:
        """Return K linear combinations of the E numbers: `weights` is (K, E)."""
        matrix = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        trainings = tuple(own.mixed(matrix) for own in self.trainings)
        parts = tuple(own.mixed(matrix) for own in self.parts)
        return replace(self, patients=self.patients.mix(matrix), trainings=trainings, parts=parts)

    @property
    def value(self) -> Array:
        """(E,) the numbers; NaN where something is missing."""
        return self.patients.value

    @property
    def area(self) -> Array:
        """(E,) the numbers as AUROCs or shares, in [0, 1]."""
        return self.patients.area

    @property
    def reasons(self) -> tuple[str, ...]:
        """(E,) why a value is NaN; empty otherwise."""
        return self.patients.reasons

    @cached_property
    def retraining(self) -> Source:
        """(E,) variance from retraining and its df: 0 where nothing random is trained, or NaN."""
        return total_variance([self._nothing, *(own.variance for own in self.trainings)])

    @property
    def refitting(self) -> Source:
        """(E,) variance from retraining and from the held-out patients of a line, and its df."""
        own = self.patients
        lines = np.where(np.asarray(own.unknown or ("",)) == "", own.line_variance, np.nan)
        return total_variance([self.retraining, (lines, own.line_df)])

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """(E,) whether the variance of every source is known."""
        return np.asarray([not text for text in self.unknown])

    @property
    def variance(self) -> Array:
        """(E,) of all sources; NaN if one of them is unknown."""
        return total_variance([self._of_patients(), *self._others])[0]

    @property
    def df(self) -> Array:
        """(E,) degrees of freedom of the variance, see `total_variance`."""
        return total_variance([self._of_patients(), *self._others])[1]

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """(E,) what of the variance is unknown, in words; empty if nothing is."""
        of_patients = self.patients.unknown or ("",) * len(self.value)
        known = np.isfinite(np.sum([variance for variance, _ in self._others], axis=0))
        others = np.where(known, "", RETRAINING).tolist()
        return tuple(own or other for own, other in zip(of_patients, others, strict=True))

    @cached_property
    def _nothing(self) -> Source:
        return np.zeros_like(self.value), np.full_like(self.value, np.inf)

    def _sides(self, more: float = 1.0) -> tuple[Array, Array]:
        """(E,) numbers of patients on the ID and on the OOD side."""
        n_id, n_ood = (side.astype(np.float64) * more for side in self.patients.patients)
        return n_id, n_ood

    def _of_patients(self, more: float = 1.0) -> Source:
        return self.patients.variance / more, self.patients.df * more

    @cached_property
    def _others(self) -> list[Source]:
        """All sources except the patients; NaN where one is unknown."""
        parts = [own.variance for own in self.parts]
        return [self._nothing, *(own.variance for own in self.trainings), *parts]

    @cached_property
    def _known_others(self) -> list[Source]:
        """The same, nothing where one is unknown."""
        return [
            (np.where(np.isfinite(variance), variance, 0.0), np.where(np.isnan(df), np.inf, df))
            for variance, df in self._others
        ]

    def _of_area(self, others: Sequence[Source], more: float = 1.0) -> Source:
        """(E,) variance and df of AUROCs: that of the patients is steadied before it is added."""
        n_id, n_ood = self._sides(more)
        steady = steadied(self.area, *self._of_patients(more), n_id, n_ood)
        return total_variance([steady, *others])

    def area_interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """(E,) ends of the intervals of AUROCs or means of AUROCs, on the logit scale.

        A source that is unknown is not in them; see `known`.
        """
        variance, df = self._of_area(self._known_others)
        ends = logit_interval(self.area, variance, df, *self.patients.patients, level, prior_df=0.0)
        alone = total_variance(self._known_others)[0] == 0
        low, high = (
            np.where(alone, own, end)
            for own, end in zip(self.patients.area_interval(level), ends, strict=True)
        )
        return low, high

    def area_p_above(self, bound: float, more: float = 1.0) -> Array:
        """(E,) one-sided p-values of "the AUROC is at most `bound`"; NaN if a source is unknown.

        `more`: what they would be with so many times the patients and the same trained models.
        """
        n_id, n_ood = self._sides(more)
        variance, df = self._of_area(self._others, more)
        with_others = area_p_above(self.area, variance, df, n_id, n_ood, bound, prior_df=0.0)
        alone = area_p_above(self.area, *self._of_patients(more), n_id, n_ood, bound)
        p = np.where(total_variance(self._others)[0] == 0, alone, with_others)
        return np.where(self.known, p, np.nan)

    def difference_interval(self, level: float = 0.95, reach: float = 1.0) -> tuple[Array, Array]:
        """(E,) ends of the intervals of differences, on their own scale, within ± `reach`.

        A source that is unknown is not in them; see `known`.
        """
        variance, df = total_variance([self._of_patients(), *self._known_others])
        n = self.patients.fewest_patients
        low, high = difference_interval(self.value, variance, df, n, level, reach)
        if self._still.any():  # their number bounds what other patients could do
            own = self.patients.difference_interval(level, reach)
            low = np.where(self._still, np.fmin(low, own[0]), low)
            high = np.where(self._still, np.fmax(high, own[1]), high)
        return low, high

    @cached_property
    def _still(self) -> NDArray[np.bool_]:
        """(E,) where no patient departs from the mean, so that their variance shows nothing."""
        return np.asarray(self.patients.variance <= ZERO)

    def difference_p_above(self, bound: float, more: float = 1.0) -> Array:
        """(E,) one-sided p-values of "the difference is at most `bound`"; NaN if one is unknown.

        `more` as in `area_p_above`.
        """
        return self._p_above(self.value, bound, more)

    def difference_p_below(self, bound: float, more: float = 1.0) -> Array:
        """(E,) one-sided p-values of "the difference is at least `bound`"; NaN if one is unknown.

        `more` as in `area_p_above`.
        """
        return self._p_above(-self.value, -bound, more)

    def difference_p(self) -> Array:
        """(E,) two-sided p-values of "the difference is 0"; NaN if one is unknown."""
        smaller = np.minimum(self.difference_p_above(0.0), self.difference_p_below(0.0))
        return np.asarray(np.minimum(1.0, 2 * smaller))

    def _p_above(self, value: Array, bound: float, more: float) -> Array:
        n = self.patients.fewest_patients * more
        variance, df = total_variance([self._of_patients(more), *self._others])
        p = difference_p_above(value, variance, df, n, bound)
        alone = difference_p_above(value, *self._of_patients(more), n, bound)
        p = np.where(self._still, np.fmax(p, alone), p)
        return np.where(self.known, p, np.nan)

    def area_estimates(self, level: float = 0.95) -> list[Estimate]:
        """E estimates of AUROCs or means of AUROCs."""
        cautions = area_cautions(self.area, *self.patients.patients)
        return _estimates(self, self.area, self.area_interval(level), LOGIT_METHOD, cautions)


def paired_difference(
    first: Measured,
    second: Measured,
    level: float = 0.95,
    reach: float = 1.0,
    *,
    alike: bool = False,
) -> list[Estimate]:
    """E estimates of `first` minus `second` over the same patients, and p of "no difference".

    Args:
        first: the numbers.
        second: what is taken off.
        level: confidence level.
        reach: largest difference that there can be: 1 between AUROCs, 2 between differences.
        alike: as in `Measured.combine`.

    Returns:
        Where a source is unknown, the interval is that of the others, its caution says so, and p
        is NaN.
    """
    own = first.minus(second, alike=alike)
    cautions = difference_cautions([first.value, second.value], own.patients.fewest_patients)
    found = own.difference_interval(level, reach)
    return _estimates(own, own.value, found, DIFFERENCE_METHOD, cautions, own.difference_p())


def _estimates(
    own: Measured,
    values: Array,
    interval: tuple[Array, Array],
    method: str,
    cautions: Sequence[str],
    p: Array | None = None,
) -> list[Estimate]:
    tested = np.full(values.shape, np.nan) if p is None else p
    return [
        Estimate(
            float(value),
            float(low),
            float(high),
            "" if reason else method,
            reason,
            float(q),
            caution if reason else unknown or caution,
        )
        for value, low, high, reason, q, caution, unknown in zip(
            values, *interval, own.reasons, tested, cautions, own.unknown, strict=True
        )
    ]
