"""AUROCs with what each patient contributes to them, closed under linear combination.

Means over folds, seeds, categories and corruptions, and paired differences between rows or
conditions, are linear in the AUROCs, so their variance follows from the same patient influences.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mimbench.statistics.estimate import Estimate
from mimbench.statistics.intervals import (
    DIFFERENCE_METHOD,
    LOGIT_METHOD,
    difference_interval,
    difference_p,
    logit_interval,
)
from mimbench.statistics.placement import add_by_patient, placement_values

__all__ = ["Cells", "Influence", "combine"]

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Influence:
    """E numbers, each a linear combination of AUROCs, over a common list of P patients.

    Attributes:
        value: (E,) the numbers; NaN where something is missing.
        id: (E, P) influence of each patient through the ID side.
        ood: (E, P) influence of each patient through the OOD side.
        bound: (E, P) largest influence of patients who stand alone on a side, see `Cells`.
        id_share, ood_share: (E, P) 1 / (patients in the smallest group of that side to which the
            patient belongs); 0 for patients who are not on that side.
        reasons: (E,) why a value is NaN; empty otherwise.
    """

    value: Array
    id: Array
    ood: Array
    bound: Array
    id_share: Array
    ood_share: Array
    reasons: tuple[str, ...]

    @property
    def variance(self) -> Array:
        """(E,) sum of the squared influences of the patients."""
        total = np.abs(self.id + self.ood) + self.bound
        return np.asarray(np.einsum("ep,ep->e", total, total))

    @property
    def df(self) -> Array:
        """(E,) Satterthwaite's degrees of freedom of the variance, at least 1."""
        parts = np.zeros(len(self.value))
        for side, share in ((self.id, self.id_share), (self.ood, self.ood_share)):
            own = np.einsum("ep,ep->e", side, side)
            parts += own**2 / np.maximum((share > 0).sum(1) - share.sum(1), 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.clip(self.variance**2 / parts, 1.0, 1e9)

    @property
    def patients(self) -> tuple[Codes, Codes]:
        """(E,) numbers of patients on the ID and on the OOD side."""
        return (self.id_share > 0).sum(1), (self.ood_share > 0).sum(1)

    def mix(self, weights: ArrayLike) -> Self:
        """Return K linear combinations of the E numbers: `weights` is (K, E)."""
        matrix = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        used = matrix != 0
        with np.errstate(invalid="ignore"):
            value = np.where(used, matrix * self.value, 0.0).sum(1)
        return replace(
            self,
            value=value,
            id=matrix @ self.id,
            ood=matrix @ self.ood,
            bound=np.abs(matrix) @ self.bound,
            id_share=_largest(used, self.id_share),
            ood_share=_largest(used, self.ood_share),
            reasons=tuple(
                next((self.reasons[e] for e in np.flatnonzero(row) if self.reasons[e]), "")
                for row in used
            ),
        )

    def area_estimates(self, level: float = 0.95) -> list[Estimate]:
        """Estimates of AUROCs or means of AUROCs: intervals on the logit scale."""
        low, high = logit_interval(self.value, self.variance, self.df, *self.patients, level)
        return [
            Estimate(float(v), float(a), float(b), LOGIT_METHOD if not r else "", r)
            for v, a, b, r in zip(self.value, low, high, self.reasons, strict=True)
        ]

    def difference_estimates(self, level: float = 0.95) -> list[Estimate]:
        """Estimates of differences: intervals on the natural scale, and two-sided p-values."""
        n = np.minimum(*self.patients)
        low, high = difference_interval(self.value, self.variance, self.df, n, level)
        p = difference_p(self.value, self.variance, self.df, n)
        return [
            Estimate(float(v), float(a), float(b), DIFFERENCE_METHOD if not r else "", r, float(q))
            for v, a, b, r, q in zip(self.value, low, high, self.reasons, p, strict=True)
        ]


def combine(terms: Sequence[Influence], weights: Sequence[ArrayLike]) -> Influence:
    """Return the weighted sum of influences over the same patients, number by number.

    `combine([a, b], [1, -1])` is the paired difference; equal weights of 1 / n make a mean. A
    weight is one number or (E,); a term of weight 0 may be missing.
    """
    first = terms[0]
    factors = [np.broadcast_to(np.asarray(w, dtype=np.float64), len(first.value)) for w in weights]
    total = replace(
        first,
        value=np.zeros_like(first.value),
        id=np.zeros_like(first.id),
        ood=np.zeros_like(first.ood),
        bound=np.zeros_like(first.bound),
    )
    reasons = np.full(len(first.value), "", dtype=object)
    id_share, ood_share = first.id_share, first.ood_share
    for term, weight in zip(terms, factors, strict=True):
        column = weight[:, None]
        total.value[...] += np.where(weight == 0, 0.0, weight * term.value)
        total.id[...] += column * term.id
        total.ood[...] += column * term.ood
        total.bound[...] += np.abs(column) * term.bound
        if term.id_share is not id_share:
            id_share = np.maximum(id_share, term.id_share)
        if term.ood_share is not ood_share:
            ood_share = np.maximum(ood_share, term.ood_share)
        if any(term.reasons):
            new = (reasons == "") & (weight != 0)
            reasons[new] = np.asarray(term.reasons, dtype=object)[new]
    return replace(total, id_share=id_share, ood_share=ood_share, reasons=tuple(reasons))


class Cells:
    """AUROCs of several groups of OOD images against the same ID images.

    The variance is that of Obuchowski: per side the sum of the squared patient sums of placement
    values, times I / (I - 1) for the I patients of that side. A patient on both sides adds the
    product of the two influences twice, with the geometric mean of the two factors (Obuchowski
    uses the factor of the union; both agree when all or none are on both sides, and this one
    cannot turn negative). One patient alone on a side shows nothing about the spread between
    patients; he gets the largest standard deviation that a mean of A allows, sqrt(A (1 - A)).

    Source: Obuchowski 1997, Biometrics 53:567, equations 3-6; without clusters DeLong, DeLong &
    Clarke-Pearson 1988.
    """

    def __init__(
        self,
        id_patients: ArrayLike,
        ood_patients: ArrayLike,
        starts: ArrayLike | None = None,
        n_patients: int | None = None,
    ) -> None:
        """Say who is where.

        Args:
            id_patients: (n,) integer code of the patient of each ID image.
            ood_patients: (m,) integer codes in the same numbering, group after group.
            starts: (G + 1,) where the groups start; by default all are one group.
            n_patients: length of the common list of patients; by default the highest code + 1.
        """
        self.id_patients = np.asarray(id_patients, dtype=np.int64)
        self.ood_patients = np.asarray(ood_patients, dtype=np.int64)
        both = np.concatenate([self.id_patients, self.ood_patients])
        total = n_patients or int(both.max(initial=-1)) + 1
        limits = [0, self.ood_patients.size] if starts is None else starts
        self.starts = np.asarray(limits, dtype=np.int64)
        sizes = np.diff(self.starts)
        self.groups = np.repeat(np.arange(sizes.size), sizes)

        present = np.zeros((sizes.size, total), dtype=bool)
        present[self.groups, self.ood_patients] = True
        self.ood_share, ood_factor = _shares(present)
        self.ood_scale = ood_factor / np.maximum(sizes, 1)
        present = np.zeros((1, total), dtype=bool)
        present[0, self.id_patients] = True
        id_share, id_factor = _shares(present)
        self.id_share = np.repeat(id_share, sizes.size, axis=0)
        self.id_scale = float(id_factor[0]) / max(self.id_patients.size, 1)
        self.alone = (self.id_share == 1).astype(np.float64) + (self.ood_share == 1)

    def influence(self, id_scores: ArrayLike, ood_scores: ArrayLike) -> Influence:
        """AUROC of each group, with the influence of each patient.

        Args:
            id_scores: (n,) scores, higher = more OOD; NaN: missing.
            ood_scores: (m,) scores, group after group.

        Returns:
            G numbers in [0, 1], higher = better.
        """
        x, y = (np.asarray(scores, dtype=np.float64) for scores in (id_scores, ood_scores))
        area, id_placements, ood_placements = placement_values(x, y, self.starts)
        centre = np.nan_to_num(area)
        id_side, ood_side = np.zeros_like(self.id_share), np.zeros_like(self.id_share)
        add_by_patient((id_placements - centre[:, None]) * self.id_scale, self.id_patients, id_side)
        deviations = (ood_placements - centre[self.groups]) * self.ood_scale[self.groups]
        np.add.at(ood_side, (self.groups, self.ood_patients), deviations)
        return Influence(
            value=area,
            id=id_side,
            ood=ood_side,
            bound=self.alone * np.sqrt(centre * (1 - centre))[:, None],
            id_share=self.id_share,
            ood_share=self.ood_share,
            reasons=tuple(self._reasons(x, y, area)),
        )

    def _reasons(self, x: Array, y: Array, area: Array) -> list[str]:
        """Why each AUROC is NaN."""
        reasons = [""] * area.size
        for group in np.flatnonzero(np.isnan(area)):
            own = y[self.starts[group] : self.starts[group + 1]]
            for name, scores in (("ID", x), ("OOD", own)):
                lost = int(np.isnan(scores).sum())
                if scores.size == 0:
                    reasons[group] = f"no {name} images"
                elif lost:
                    reasons[group] = f"{lost} of {scores.size} {name} scores missing"
        return reasons


def _shares(present: NDArray[np.bool_]) -> tuple[Array, Array]:
    """1 / I for the patients present in each of the rows, and the square root of I / (I - 1)."""
    count = present.sum(1).astype(np.float64)
    factor = np.sqrt(np.where(count > 1, count / np.maximum(count - 1, 1), 0.0))
    return present / np.maximum(count, 1)[:, None], factor


def _largest(used: NDArray[np.bool_], share: Array) -> Array:
    return np.stack([share[row].max(0, initial=0.0) for row in used])
