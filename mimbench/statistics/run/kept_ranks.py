"""Whether two runs rank the images of a comparison alike, so that its AUROCs are the same."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mimbench.statistics.ranking.placement import placement_values
from mimbench.statistics.run.comparison_sets import RowAreas

__all__ = ["keeps_ranks"]

Array = NDArray[np.float64]
FEWEST = 8  # images; fewer are ranked alike by chance
ROUNDING = 1e-6  # of two scores: by how much they may differ and swap


def keeps_ranks(before: tuple[RowAreas, int], after: tuple[RowAreas, int]) -> bool:
    """Whether every trained model ranks all images alike in both runs, under every condition.

    Each image must have exactly the same placement value against the other side. That alone would
    take two good models for the same where both separate the few images that there are. So all
    images of both sides must have the same order, too, but for scores that differ by rounding. What
    is compared are images under one condition; target images under corruption among clean others
    may still rank otherwise.

    Args:
        before: the row in one run, and which of its `entries` the AUROC is.
        after: the same of the other run.

    Returns:
        False where a trained model, an image, a condition or a score is missing in one of the runs,
        or where there is nothing to compare.
    """
    rows = before[0], after[0]
    if rows[0].conditions != rows[1].conditions or len(rows[0].cells) != len(rows[1].cells):
        return False
    if not rows[0].conditions or not rows[0].cells:
        return False
    return all(map(_alike, _ranked(*before), _ranked(*after)))  # ends at the first difference


def _ranked(areas: RowAreas, entry: int) -> Iterator[tuple[object, Array, Array]]:
    """Of each cell and condition: whose they are, placement values, and scores of all images."""
    used, comparison_set = areas.entries[entry] > 0, areas.comparison_set
    for fit, fold, seed in sorted(areas.cells, key=lambda cell: cell[1:]):
        starts = comparison_set.starts[fold]
        judged = np.repeat(used, np.diff(starts))
        others = comparison_set.ood_images[fold][judged].tolist()
        images = comparison_set.id_images[fold].tolist(), others
        for number in range(len(areas.conditions)):
            x, y = areas.scores(fit, fold, number, number)
            _, of_id, of_ood = placement_values(x, y, starts)
            placements = np.concatenate([of_id[used].ravel(), of_ood[judged]])
            yield (fold, seed, images), placements, np.concatenate([x, y[judged]])


def _alike(own: tuple[object, Array, Array], theirs: tuple[object, Array, Array]) -> bool:
    if own[0] != theirs[0] or not np.array_equal(own[1], theirs[1]):
        return False
    return _in_order(own[2], theirs[2]) and _in_order(theirs[2], own[2])


def _in_order(scores: Array, others: Array) -> bool:
    """Whether `others` never falls where `scores` rises; False where a score is missing."""
    if len(scores) < FEWEST or np.isnan(scores).any() or np.isnan(others).any():
        return False
    along = others[np.argsort(scores, kind="stable")]
    highest = np.maximum.accumulate(along)  # so far; one outlier makes no difference elsewhere
    return bool(np.all(highest - along <= ROUNDING * np.maximum(abs(highest), abs(along))))
