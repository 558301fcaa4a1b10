"""The operating threshold, frozen on validation images, and shares of images on either side."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mimbench.scores.splits import split_column
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.statistics.core.estimate import Estimate, missing
from mimbench.statistics.core.influence import combine
from mimbench.statistics.run.clustered_auroc import share_influence
from mimbench.statistics.run.fit_spread import fit_spread
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.questions import Question, Row
from mimbench.statistics.run.uncertainty import Measured

__all__ = [
    "SENSITIVITY",
    "Side",
    "conformal_threshold",
    "fewest_patients",
    "frozen_thresholds",
    "judged_sides",
    "validation_masks",
]

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
SENSITIVITY = 0.95


def conformal_threshold(
    scores: ArrayLike, patients: ArrayLike, sensitivity: float = SENSITIVITY
) -> Estimate:
    """Smallest threshold that a new target patient's image stays below with this probability.

    An image is called target where its score is at most the threshold. The threshold is the
    conformal rank of validation scores: with one image per patient the
    ceil((n + 1) sensitivity)-th smallest of n; several images of a patient share his weight.

    Args:
        scores: (n,) scores of target images that no fit was trained on, higher = more OOD.
        patients: (n,) patient of each image.
        sensitivity: probability in (0, 1).

    Returns:
        The threshold; NaN below 19 patients at 95 %, because no finite threshold keeps the word.

    Source: Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World; patients as
    groups: Dunn, Wasserman & Ramdas 2023, JASA 118:2491, pooled distributions.
    """
    values = np.asarray(scores, dtype=np.float64)
    codes = np.unique(np.asarray(patients), return_inverse=True)[1]
    count = int(codes.max(initial=-1)) + 1
    fewest = fewest_patients(sensitivity)
    if count < fewest:
        return missing(f"{count} target patients in validation; {fewest} are needed")
    if np.isnan(values).any():
        return missing(f"{int(np.isnan(values).sum())} validation scores missing")
    order = np.argsort(values, kind="stable")
    weight = 1 / (count + 1) / np.bincount(codes)[codes[order]]
    reached = np.cumsum(weight) >= sensitivity - 1e-12
    return Estimate(float(values[order][np.argmax(reached)]))


def fewest_patients(sensitivity: float = SENSITIVITY) -> int:
    """How many validation patients a finite threshold of this sensitivity in (0, 1) needs."""
    return int(np.ceil(sensitivity / (1 - sensitivity) - 1e-9))


def row_thresholds(
    layout: Layout,
    row: Row,
    values: Array,
    validation: NDArray[np.bool_],
    external: bool = False,
    sensitivity: float = SENSITIVITY,
) -> list[Estimate]:
    """Threshold of each cell of a row, from clean validation scores of all folds of its seed.

    Images that the cell's fold tests take no part in its threshold, even where another fold's fit
    validated on them: nobody sets a threshold on what it is judged by.

    Args:
        layout: the run's arrays.
        row: the row.
        values: (fits, N) scores.
        validation: (folds, N) which images are target validation images.
        external: whether external images are judged, so that all validation images take part.
        sensitivity: as for `conformal_threshold`.
    """
    cells = layout.cells(row)
    thresholds = []
    for _, tested, own_seed in cells:
        free = np.ones_like(validation[0]) if external else ~layout.test[tested]
        pooled = {
            (fit, image): values[fit, image]
            for fit, fold, seed in cells
            if seed == own_seed
            for image in np.flatnonzero(validation[fold] & free).tolist()
        }
        patients = [layout.patient[image] for _, image in pooled]
        thresholds.append(conformal_threshold(list(pooled.values()), patients, sensitivity))
    return thresholds


def validation_masks(tables: RunTables, layout: Layout) -> NDArray[np.bool_]:
    """(folds, N) which images are target validation images."""
    target = layout.role == "target"
    masks = np.zeros(layout.test.shape, dtype=bool)
    for fold, mask in enumerate(masks):
        if split_column(fold) in tables.images:
            mask |= target & (tables.images[split_column(fold)] == "validation").to_numpy(bool)
    return masks


def judged_sides(layout: Layout) -> list["Side"]:
    """Target images and others, the run's own and external ones; those that there are."""
    return [
        Side(layout, metric, images & (layout.external == external), external)
        for external in (False, True)
        for metric, images in (
            ("sensitivity", layout.is_target),
            ("specificity", ~layout.is_target),
        )
        if layout.groups(images & (layout.external == external))
    ]


class Side:
    """The images of one metric in each fold, all external or none: who counts as right."""

    def __init__(
        self, layout: Layout, metric: str, images: NDArray[np.bool_], external: bool
    ) -> None:
        self.metric, self.layout, self.external = metric, layout, external
        question = Question(metric, images, layout.groups(images), ())
        self.groups = question.groups + question.means
        weights = question.mean_weights
        self.entries = np.concatenate([np.eye(weights.shape[1]), weights])
        if metric == "sensitivity":  # one category: its mean would say the same again
            self.groups, self.entries = question.groups, np.eye(weights.shape[1])
        members = [[g.images[test[g.images]] for g in question.groups] for test in layout.test]
        self.images = [np.concatenate(own) for own in members]
        self.starts = [np.concatenate([[0], np.cumsum([len(m) for m in own])]) for own in members]

    def measured(
        self, cells: list[tuple[int, int, int]], values: Array, at: Array, row: str
    ) -> tuple[Measured, Array]:
        """Shares of images on the right side of each cell's threshold, averaged over the cells.

        Args:
            cells: (fit, fold, seed) of each cell.
            values: (fits, N) scores under one condition.
            at: (cells,) thresholds.
            row: name of the score.

        Returns:
            E shares with what varies by patients and between fits, and (cells, E) those of each
            cell, NaN where it has no image.
        """
        own, present = [], []
        for (fit, fold, _), threshold in zip(cells, at, strict=True):
            scores = values[fit, self.images[fold]]
            right = scores <= threshold if self.metric == "sensitivity" else scores > threshold
            flags = np.where(np.isnan(scores), np.nan, right)
            patients = self.layout.patient[self.images[fold]]
            own.append(share_influence(flags, patients, self.starts[fold], self.layout.n_patients))
            present.append(np.diff(self.starts[fold]) > 0)
        weights = np.asarray(present, dtype=np.float64)
        each = np.where(weights > 0, np.stack([shares.value for shares in own]), 0.0)
        with np.errstate(invalid="ignore"):
            per_cell = (each @ self.entries.T) / (weights @ self.entries.T)
        weights /= weights.sum(0)
        part = fit_spread(own, weights, [(fold, seed) for _, fold, seed in cells], row)
        return Measured(combine(own, list(weights)), parts=(part,)).mix(self.entries), per_cell


def frozen_thresholds(
    layout: Layout,
    row: Row,
    values: Array,
    validation: NDArray[np.bool_],
    external: bool = False,
    sensitivity: float = SENSITIVITY,
) -> tuple[Array, str]:
    """(cells,) threshold of each cell of a row, and why there is none where they are NaN.

    Args:
        layout: the run's arrays.
        row: the row.
        values: (fits, conditions, N) its scores.
        validation: (folds, N) which images are target validation images.
        external: whether the thresholds judge external images, see `row_thresholds`.
        sensitivity: as for `conformal_threshold`.
    """
    cells = layout.cells(row)
    if row.reason or (CLEAN, 0) not in layout.conditions:
        return np.full(len(cells), np.nan), row.reason or "no clean scores"
    clean = values[:, layout.conditions.index((CLEAN, 0))]
    thresholds = row_thresholds(layout, row, clean, validation, external, sensitivity)
    at = np.asarray([threshold.value for threshold in thresholds])
    return at, next((t.reason for t in thresholds if t.reason), "")
