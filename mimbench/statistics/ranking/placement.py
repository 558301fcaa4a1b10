"""Placement values: how much each image contributes to an AUROC."""

import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled

__all__ = ["add_by_patient", "placement_values"]

Array = NDArray[np.float64]


@compiled
def placement_values(
    id_scores: Array, ood_scores: Array, starts: NDArray[np.int64]
) -> tuple[Array, Array, Array]:
    """AUROC of several OOD groups against the same ID scores, and what each image adds to it.

    Args:
        id_scores: (n,) scores of the ID images, any order.
        ood_scores: (m,) scores of the OOD images, group after group.
        starts: (G + 1,) where the groups start in `ood_scores`; the last is m.

    Returns:
        (G,) AUROC of each group; (G, n) share of the group above each ID image; (m,) share of ID
        images below each OOD image; ties count half. An empty side or a NaN makes the AUROC of
        the group NaN and leaves its placement values without meaning.

    Source: DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837, equations 4 and 5.
    """
    n, groups = id_scores.size, starts.size - 1
    auroc = np.full(groups, np.nan)
    id_placements = np.zeros((groups, n))
    ood_placements = np.zeros(ood_scores.size)
    if n == 0 or np.isnan(id_scores).any():
        return auroc, id_placements, ood_placements
    order = np.argsort(id_scores)
    ranked = id_scores[order]
    for group in range(groups):
        start, stop = starts[group], starts[group + 1]
        size = stop - start
        if size == 0 or np.isnan(ood_scores[start:stop]).any():
            continue
        steps = np.zeros(n + 1, np.int64)
        total = 0
        for image in range(start, stop):
            below = np.searchsorted(ranked, ood_scores[image])
            up_to = np.searchsorted(ranked, ood_scores[image], side="right")
            steps[below] += 1
            steps[up_to] += 1
            total += below + up_to
            ood_placements[image] = (below + up_to) / (2 * n)
        auroc[group] = total / (2 * n * size)
        above = 0
        for rank in range(n - 1, -1, -1):
            above += steps[rank + 1]
            id_placements[group, order[rank]] = above / (2 * size)
    return auroc, id_placements, ood_placements


@compiled
def add_by_patient(values: Array, patients: NDArray[np.int64], sums: Array) -> None:
    """Add `values` (G, n) to `sums` (G, P), each image to the column of its patient."""
    for group in range(values.shape[0]):
        for image in range(values.shape[1]):
            sums[group, patients[image]] += values[group, image]
