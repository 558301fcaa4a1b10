"""Numbers with what each patient contributes to them, closed under linear combination.

Means over folds, seeds, categories and corruptions, and paired differences between rows or
conditions, are linear in the AUROCs, so their variance follows from the same patient influences.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mimbench.statistics.core.cautions import area_cautions
from mimbench.statistics.core.estimate import Estimate
from mimbench.statistics.core.fold_training import FoldTraining
from mimbench.statistics.core.intervals import (
    LOGIT_METHOD,
    area_p_above,
    difference_interval,
    difference_p_above,
    logit_interval,
)
from mimbench.statistics.core.patient_rows import (
    NOBODY,
    add_scaled,
    count_and_sum,
    largest,
    mixed_rows,
    squares,
)

__all__ = ["Influence", "at_once", "combine", "joined"]

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
MOST = 2**15  # values of an array of joined numbers: 256 KiB, which stay in the cache


@dataclass(frozen=True)
class Influence:
    """E numbers, each a linear combination of AUROCs or shares, over a common list of P patients.

    Attributes:
        value: (E,) the numbers; NaN where something is missing.
        id: (E, P) influence of each patient through the ID side.
        ood: (E, P) influence of each patient through the OOD side.
        bound: (E, P) largest influence of patients who stand alone on a side, see `Cells`; None:
            nobody does.
        id_share, ood_share: (E, P) 1 / (patients in the smallest group of that side to which the
            patient belongs); 0 for patients who are not on that side.
        reasons: (E,) why a value is NaN; empty otherwise.
        line: (E, P) influence of each patient through the held-out images that a line in the score
            was fitted on; None: there is no such line.
        unknown: (E,) what of the variance is unknown, in words; empty if nothing is.
        training: the part that comes from models which were trained per fold.
    """

    value: Array
    id: Array
    ood: Array
    bound: Array | None
    id_share: Array
    ood_share: Array
    reasons: tuple[str, ...]
    line: Array | None = None
    unknown: tuple[str, ...] = ()
    training: FoldTraining | None = None

    @property
    def area(self) -> Array:
        """(E,) the numbers as AUROCs or shares: in [0, 1] whatever the rounding of a mean."""
        return np.clip(self.value, 0.0, 1.0)

    @cached_property
    def variance(self) -> Array:
        """(E,) of the patients that were tested, trained on, and held out for a line."""
        return np.asarray(self._squares[0] + self.training_variance + self.line_variance)

    @cached_property
    def _squares(self) -> Array:
        """(3, E) of the tested patients: their variance, and its parts from either side."""
        bound = NOBODY if self.bound is None else _shaped(self.bound, self.id)
        return squares(self.id, _shaped(self.ood, self.id), bound)

    @property
    def widening(self) -> Array:
        """(E,) variance by that of the tested patients alone, at least 1."""
        tested = self.variance - self.training_variance - self.line_variance
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(tested > 0, self.variance / tested, 1.0)

    @cached_property
    def training_variance(self) -> Array:
        """(E,) part of the variance from the patients that folds were trained on."""
        return np.zeros(len(self.value)) if self.training is None else self.training.variance

    @cached_property
    def line_variance(self) -> Array:
        """(E,) part of the variance from the patients that lines were fitted on."""
        return np.zeros(len(self.value)) if self.line is None else (self.line**2).sum(1)

    @property
    def line_df(self) -> Array:
        """(E,) degrees of freedom of that part."""
        if self.line is None:
            return np.full(len(self.value), np.inf)
        return np.asarray(np.maximum((self.line != 0).sum(1) - 2.0, 1.0))

    @cached_property
    def df(self) -> Array:
        """(E,) Satterthwaite's degrees of freedom of the variance, at least 1."""
        parts = np.zeros(len(self.value))
        freedom = [np.maximum(count - total, 1.0) for count, total in self._counts]
        for own, of_side in zip(self._squares[1:], freedom, strict=True):
            parts += own**2 / of_side
        parts += self.training_variance**2 / freedom[0]
        parts += self.line_variance**2 / self.line_df
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(parts == 0, 1.0, np.clip(self.variance**2 / parts, 1.0, 1e9))

    @cached_property
    def _counts(self) -> tuple[Array, Array]:
        """(2, E) for each side: the number of patients, and the sum of their shares."""
        return count_and_sum(self.id_share), count_and_sum(self.ood_share)

    @cached_property
    def patients(self) -> tuple[Codes, Codes]:
        """(E,) numbers of patients on the ID and on the OOD side."""
        of_id, of_ood = (count.astype(np.int64) for count, _ in self._counts)
        return of_id, of_ood

    @property
    def fewest_patients(self) -> Codes:
        """(E,) number of patients on the smaller side; shares have the ID side alone."""
        n_id, n_ood = self.patients
        return np.where(n_ood > 0, np.minimum(n_id, n_ood), n_id)

    def mix(self, weights: ArrayLike, like: Self | None = None) -> Self:
        """Return K linear combinations of the E numbers.

        Args:
            weights: (K, E).
            like: others of the same weights and patients, whose shares are taken; by default they
                are computed.
        """
        matrix = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        used = matrix != 0
        if like is None:
            sides = largest(used, self.id_share), largest(used, self.ood_share)
        else:
            sides = like.id_share, like.ood_share
        with np.errstate(invalid="ignore"):
            value = np.where(used, matrix * self.value, 0.0).sum(1)
        found = replace(
            self,
            value=value,
            id=mixed_rows(matrix, self.id),
            ood=mixed_rows(matrix, self.ood),
            bound=None if self.bound is None else mixed_rows(np.abs(matrix), self.bound),
            id_share=sides[0],
            ood_share=sides[1],
            reasons=_mixed_texts(self.reasons, used),
            line=None if self.line is None else mixed_rows(matrix, self.line),
            unknown=_mixed_texts(self.unknown, used),
            training=None if self.training is None else self.training.mixed(matrix),
        )
        return found if like is None else found._counted_as(like)

    def with_value(self, value: Array, reasons: tuple[str, ...]) -> Self:
        """Other numbers of the same patient influences."""
        return replace(self, value=value, reasons=reasons)._counted_as(self)

    def split(self, like: Self) -> list[Self]:
        """The numbers, a few at a time: the parts of `joined`.

        Args:
            like: others of the same patients, as many as a part has, whose shares are taken.
        """
        size = len(like.value)
        parts = [slice(first, first + size) for first in range(0, len(self.value), size)]
        return [
            replace(
                self,
                value=self.value[k],
                id=self.id[k],
                ood=self.ood[k],
                bound=None if self.bound is None else self.bound[k],
                id_share=like.id_share,
                ood_share=like.ood_share,
                reasons=self.reasons[k],
                line=None if self.line is None else self.line[k],
                unknown=self.unknown[k],
                training=None if self.training is None else self.training.part(k),
            )._counted_as(like)
            for k in parts
        ]

    def _counted_as(self, other: Self) -> Self:
        """The same numbers, with the counts of others that have the very same shares."""
        self.__dict__["_counts"] = other._counts
        return self

    def area_interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """(E,) ends of the intervals of AUROCs or means of AUROCs, on the logit scale."""
        if level not in self._area_intervals:
            found = logit_interval(self.area, self.variance, self.df, *self.patients, level)
            self._area_intervals[level] = found
        low, high = self._area_intervals[level]
        return low.copy(), high.copy()

    @cached_property
    def _area_intervals(self) -> dict[float, tuple[Array, Array]]:
        """By level; one clean AUROC stands beside those of many conditions."""
        return {}

    def difference_interval(self, level: float = 0.95, reach: float = 1.0) -> tuple[Array, Array]:
        """(E,) ends of the intervals of differences, on their own scale, within ± `reach`."""
        n = self.fewest_patients
        return difference_interval(self.value, self.variance, self.df, n, level, reach)

    def area_estimates(self, level: float = 0.95) -> list[Estimate]:
        """E estimates of AUROCs or means of AUROCs."""
        low, high = self.area_interval(level)
        cautions = area_cautions(self.area, *self.patients)
        columns = (column.tolist() for column in (self.area, low, high))
        return [
            Estimate(v, a, b, "" if r else LOGIT_METHOD, r, caution=c)
            for v, a, b, r, c in zip(*columns, self.reasons, cautions, strict=True)
        ]

    def area_p_above(self, bound: float) -> Array:
        """(E,) one-sided p-values of "the AUROC is at most `bound`"."""
        return area_p_above(self.area, self.variance, self.df, *self.patients, bound)

    def difference_p_above(self, bound: float) -> Array:
        """(E,) one-sided p-values of "the difference is at most `bound`"."""
        n = self.fewest_patients
        return difference_p_above(self.value, self.variance, self.df, n, bound)


def combine(terms: Sequence[Influence], weights: Sequence[ArrayLike]) -> Influence:
    """Return the weighted sum of influences over the same patients, number by number.

    `combine([a, b], [1, -1])` is the paired difference; equal weights of 1 / n make a mean. A
    weight is one number or (E,); a term of weight 0 may be missing.
    """
    first = terms[0]
    factors = [np.zeros(len(first.value)) + np.asarray(w, dtype=np.float64) for w in weights]
    if len(terms) == 1 and (factors[0] == 1).all():
        return first
    value, bound = np.zeros_like(first.value), None
    id_side, ood_side = np.zeros_like(first.id), np.zeros_like(first.ood)
    reasons = np.full(len(first.value), "", dtype=object)
    id_share, ood_share = first.id_share, first.ood_share
    for term, weight in zip(terms, factors, strict=True):
        value += np.where(weight == 0, 0.0, weight * term.value)
        add_scaled(id_side, weight, _shaped(term.id, id_side))
        add_scaled(ood_side, weight, _shaped(term.ood, ood_side))
        if term.bound is not None:
            bound = np.zeros_like(first.id) if bound is None else bound
            add_scaled(bound, np.abs(weight), _shaped(term.bound, bound))
        if term.id_share is not id_share:
            id_share = np.maximum(id_share, term.id_share)
        if term.ood_share is not ood_share:
            ood_share = np.maximum(ood_share, term.ood_share)
        if any(term.reasons):
            new = (reasons == "") & (weight != 0)
            reasons[new] = np.asarray(term.reasons, dtype=object)[new]
    found = Influence(
        value, id_side, ood_side, bound, id_share, ood_share,
        reasons=tuple(reasons),
        line=_summed_lines(terms, factors),
        unknown=_first_unknown(terms, factors),
        training=FoldTraining.combine([term.training for term in terms], factors),
    )  # fmt: skip
    same = id_share is first.id_share and ood_share is first.ood_share
    return found._counted_as(first) if same else found


def joined(parts: Sequence[Influence], like: Influence | None = None) -> Influence:
    """The numbers of all parts, one after another; they are over the same patients.

    What is asked of many numbers at once takes hardly longer than of a few.

    Args:
        parts: the numbers.
        like: others that were joined from as many parts of the same shares, which are taken.

    Raises:
        ValueError: only some of the parts have a line, or their models were trained differently.
    """
    if len(parts) == 1:
        return parts[0]
    lines = [part.line for part in parts if part.line is not None]
    if lines and len(lines) < len(parts):
        raise ValueError("numbers with a line and numbers without one")
    unknown = [part.unknown or ("",) * len(part.value) for part in parts]
    alone = any(part.bound is not None for part in parts)
    found = Influence(
        value=np.concatenate([part.value for part in parts]),
        id=np.concatenate([part.id for part in parts]),
        ood=np.concatenate([_shaped(part.ood, part.id) for part in parts]),
        bound=np.concatenate([_bounds(part) for part in parts]) if alone else None,
        id_share=like.id_share if like else np.concatenate([part.id_share for part in parts]),
        ood_share=like.ood_share if like else np.concatenate([part.ood_share for part in parts]),
        reasons=tuple(chain.from_iterable(part.reasons for part in parts)),
        line=np.concatenate(lines) if lines else None,
        unknown=tuple(chain.from_iterable(unknown)) if any(map(any, unknown)) else (),
        training=FoldTraining.joined([part.training for part in parts]),
    )
    if like:
        return found._counted_as(like)
    sides = zip(*(part._counts for part in parts), strict=True)
    found.__dict__["_counts"] = tuple(np.concatenate(side, axis=1) for side in sides)
    return found


def at_once(part: Influence) -> int:
    """How many such parts are best joined: more save no time, and take memory."""
    return max(1, MOST // max(part.id.size, 1))


def _bounds(part: Influence) -> Array:
    return np.zeros_like(part.id) if part.bound is None else _shaped(part.bound, part.id)


def _summed_lines(terms: Sequence[Influence], weights: Sequence[Array]) -> Array | None:
    lines = [w[:, None] * t.line for t, w in zip(terms, weights, strict=True) if t.line is not None]
    return np.sum(lines, axis=0) if lines else None


def _first_unknown(terms: Sequence[Influence], weights: Sequence[Array]) -> tuple[str, ...]:
    found = np.full(len(terms[0].value), "", dtype=object)
    for term, weight in zip(terms, weights, strict=True):
        if any(term.unknown):
            new = (found == "") & (weight != 0)
            found[new] = np.asarray(term.unknown, dtype=object)[new]
    return tuple(found) if any(found) else ()


def _mixed_texts(texts: tuple[str, ...], used: NDArray[np.bool_]) -> tuple[str, ...]:
    """(K,) the first text of those that each of K uses."""
    if not any(texts):
        return ("",) * len(used) if texts else ()
    own = np.asarray(texts, dtype=object)
    return tuple(next((text for text in own[row] if text), "") for row in used)


def _shaped(term: Array, total: Array) -> Array:
    """`term` in the shape of `total`, which compiled code takes for granted.

    Raises:
        ValueError: the numbers are of other patients, or of other rows.
    """
    same = term.shape == total.shape
    return term if same else np.ascontiguousarray(np.broadcast_to(term, total.shape))
