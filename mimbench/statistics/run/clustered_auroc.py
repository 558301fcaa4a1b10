"""AUROCs and shares of images, with the influence of each patient on them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mimbench.statistics.core.influence import Influence
from mimbench.statistics.ranking.placement import add_by_patient, placement_values

__all__ = ["Cells", "share_influence"]

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


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
        alone = (self.id_share == 1).astype(np.float64) + (self.ood_share == 1)
        self.alone = alone if alone.any() else None

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
        bound = None
        if self.alone is not None:
            bound = self.alone * np.sqrt(centre * (1 - centre))[:, None]
        return Influence(
            value=area,
            id=id_side,
            ood=ood_side,
            bound=bound,
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


def share_influence(
    flags: ArrayLike, patients: ArrayLike, starts: ArrayLike, n_patients: int
) -> Influence:
    """Share of flagged images in several groups, with the influence of each patient.

    Args:
        flags: (m,) 1 or 0 per image, group after group; NaN: missing.
        patients: (m,) integer code of the patient of each image.
        starts: (G + 1,) where the groups start.
        n_patients: length of the common list of patients.

    Returns:
        G numbers in [0, 1], on the ID side alone.
    """
    values, codes = np.asarray(flags, dtype=np.float64), np.asarray(patients, dtype=np.int64)
    sizes: Codes = np.diff(np.asarray(starts, dtype=np.int64)).astype(np.int64)
    groups = np.repeat(np.arange(sizes.size), sizes)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.bincount(groups, values, minlength=sizes.size) / sizes
    centre = np.nan_to_num(share)
    present = np.zeros((sizes.size, n_patients), dtype=bool)
    present[groups, codes] = True
    id_share, factor = _shares(present)
    influence = np.zeros(present.shape)
    scale = factor / np.maximum(sizes, 1)
    np.add.at(influence, (groups, codes), (values - centre[groups]) * scale[groups])
    lost = np.bincount(groups, np.isnan(values), minlength=sizes.size).astype(int)
    return Influence(
        value=share,
        id=np.nan_to_num(influence),
        ood=np.zeros(present.shape),
        bound=(id_share == 1) * np.sqrt(centre * (1 - centre))[:, None],
        id_share=id_share,
        ood_share=np.zeros(present.shape),
        reasons=tuple(
            "no images" if size == 0 else f"{n} of {size} scores missing" if n else ""
            for size, n in zip(sizes, lost, strict=True)
        ),
    )


def _shares(present: NDArray[np.bool_]) -> tuple[Array, Array]:
    """1 / I for the patients present in each of the rows, and the square root of I / (I - 1)."""
    count = present.sum(1).astype(np.float64)
    factor = np.sqrt(np.where(count > 1, count / np.maximum(count - 1, 1), 0.0))
    return present / np.maximum(count, 1)[:, None], factor
