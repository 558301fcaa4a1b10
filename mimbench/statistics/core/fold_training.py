"""What cross-validated numbers owe to the patients that their models were trained on.

A patient is tested in one fold and trained on in others, so the means of the folds are not
independent. What a patient does to a model cannot be seen in the scores of test images. How much it
varies is calibrated by detectors that were really trained per fold, in
`tests/simulations/trained.py`. It is bounded by how differently the folds' models rank the images
that all of them score, and by how much the folds differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from mimbench.statistics.core.patient_rows import mixed_rows

__all__ = ["FoldTraining", "fold_ratio", "rank_variance", "trained_influence"]

Array = NDArray[np.float64]

# Variance of what patients do as those trained on, by that of what they do as those tested: the
# least whole number with which simulated intervals hold the truth as often as they say. Nadeau &
# Bengio's rule, patients by training patients of a fold, gives 1.3 to 1.9 for three folds or more.
CALIBRATED = 2.0
FEWEST = 10  # images whose ranks say how much the folds' models differ
LIMIT = 0.9  # confidence of the upper limit that the spread of the folds sets
INSIDE = 0.05  # of the ID scores lie below and above an image whose rank counts


@dataclass(frozen=True)
class FoldTraining:
    """The part of E numbers that comes from models trained per fold, linear like the numbers.

    The variance is the sum of the squared influences over patients and over what the models were
    trained on: models of two categories share no training patient. It is at most what the spread of
    the folds leaves room for, so that a difference which is alike in all folds has hardly any.

    Attributes:
        by_source: what the models were trained on -> (E, P) influence of each patient as one who
            is trained on; 0 for patients that no fold trains on.
        folds: (E, K) what each fold contributes to the numbers; NaN: unknown.
        ratio: see `fold_ratio`.

    Source: Nadeau & Bengio 2003, Machine Learning 52:239, for a variance of folds that counts the
    overlap of their training sets.
    """

    by_source: Mapping[str, Array]
    folds: Array
    ratio: float

    @cached_property
    def variance(self) -> Array:
        """(E,) variance of the numbers from the patients that were trained on."""
        squares = [np.einsum("ep,ep->e", own, own) for own in self.by_source.values()]
        return np.asarray(np.fmin(np.sum(squares, axis=0), self._room()))

    def _room(self) -> Array:
        """(E,) upper limit of that variance from the spread of the folds; NaN without one."""
        count = self.folds.shape[1]
        if np.isinf(self.ratio):
            return np.full(len(self.folds), np.nan)
        spread = np.var(count * self.folds, axis=1, ddof=1)
        return np.asarray(self.ratio * spread * (count - 1) / chdtri(count - 1, LIMIT))

    def mixed(self, matrix: Array) -> Self:
        """That of K combinations of the numbers: `matrix` is (K, E)."""
        sources = {name: mixed_rows(matrix, own) for name, own in self.by_source.items()}
        return replace(self, by_source=sources, folds=mixed_rows(matrix, self.folds))

    def part(self, entries: slice) -> Self:
        """That of some of the numbers."""
        sources = {name: own[entries] for name, own in self.by_source.items()}
        return replace(self, by_source=sources, folds=self.folds[entries])

    @classmethod
    def joined(cls, parts: Sequence[Self | None]) -> Self | None:
        """That of the numbers of all parts, one after another; None without trained models.

        Raises:
            ValueError: the parts' models were trained on something else.
        """
        own = [part for part in parts if part is not None]
        if not own:
            return None
        names = set(own[0].by_source)
        if len(own) < len(parts) or any(set(part.by_source) != names for part in own):
            raise ValueError("numbers of models that were trained on something else")
        sources = {name: np.concatenate([part.by_source[name] for part in own]) for name in names}
        folds = np.concatenate([part.folds for part in own])
        return cls(sources, folds, max(part.ratio for part in own))

    @classmethod
    def combine(cls, terms: Sequence[Self | None], weights: Sequence[Array]) -> Self | None:
        """That of a weighted sum; None for terms without trained models. Weights are (E,)."""
        pairs = [(term, w) for term, w in zip(terms, weights, strict=True) if term is not None]
        if not pairs:
            return None
        by_source: dict[str, Array] = {}
        folds = np.zeros_like(pairs[0][0].folds)
        for term, weight in pairs:
            for name, own in term.by_source.items():
                scaled = weight[:, None] * own
                by_source[name] = by_source[name] + scaled if name in by_source else scaled
            same = term.folds.shape == folds.shape
            folds = folds + weight[:, None] * term.folds if same else np.full_like(folds, np.nan)
        return cls(by_source, folds, max(term.ratio for term, _ in pairs))


def trained_influence(tested: Array, room: float) -> Array:
    """Influence of patients as those trained on, (E, P), from that as those tested.

    Args:
        tested: (E, P).
        room: upper limit of the variance that training can make.
    """
    calibrated = CALIBRATED * np.einsum("ep,ep->e", tested, tested)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(np.minimum(1.0, room / calibrated))
    return np.asarray(np.sqrt(CALIBRATED * share)[:, None] * tested)


def fold_ratio(trained: NDArray[np.bool_]) -> float:
    """Variance of the mean of the folds by the variance between folds, from training alone.

    Each patient moves a fold's model by his part of its training set; folds that share patients
    move together, and the mean of the folds moves by more than their spread shows.

    Args:
        trained: (K, n) whether a fold trains on a patient.

    Returns:
        The ratio, at least 1 / K; infinite where all folds train on the same patients.
    """
    if (trained == trained[0]).all():
        return np.inf
    part = trained / np.maximum(trained.sum(1, keepdims=True), 1)
    return float((part.mean(0) ** 2).sum() / np.var(part, axis=0, ddof=1).sum())


def rank_variance(id_scores: Sequence[Array], shared: Array, folds: NDArray[np.int64]) -> float:
    """Mean variance between folds of the ranks that their models give to the same images.

    An AUROC is a mean of placements, and the variance of a mean is at most the mean variance. Only
    images inside the range of the ID scores count: how others rank changes no AUROC.

    Args:
        id_scores: (n,) ID scores of each model.
        shared: (models, m) scores of images that all models score and none was trained on.
        folds: of the models; those of a fold are averaged.

    Returns:
        The variance of ranks in [0, 1]; infinite with too few images to say.
    """
    from scipy.stats import rankdata  # slow to import; only folds need it

    if np.isnan(shared).any() or any(own.size == 0 or np.isnan(own).any() for own in id_scores):
        return np.inf
    below = [
        np.searchsorted(np.sort(own), row) / own.size
        for own, row in zip(id_scores, shared, strict=True)
    ]
    placed = np.mean(below, axis=0)
    inside = shared[:, (placed > INSIDE) & (placed < 1 - INSIDE)]
    if inside.shape[1] < FEWEST:
        return np.inf
    ranks = rankdata(inside, axis=1)
    means = np.stack([ranks[folds == fold].mean(0) for fold in np.unique(folds)])
    return float(np.var(means, axis=0, ddof=1).mean() / inside.shape[1] ** 2)
