"""Sums and linear combinations of numbers that each have one value per patient, compiled.

The combinations are sparse: most numbers stand alone, a mean is over a few of them. A product of
matrices would multiply by all the zeros, and start threads for it.
"""

import numpy as np
from numpy.typing import NDArray

from mimbench.compiled import compiled

__all__ = ["NOBODY", "add_scaled", "count_and_sum", "largest", "mixed_rows", "squares"]

Array = NDArray[np.float64]
NOBODY: Array = np.zeros((0, 0))  # in place of the bounds of patients who stand alone


def mixed_rows(weights: Array, values: Array) -> Array:
    """(K, P) weighted sums of the rows of `values` (E, P); `weights` is (K, E).

    A row of weight 0 may be missing.

    Raises:
        ValueError: the weights are of another number of rows.
    """
    if weights.shape[1] != len(values):  # compiled code reads beyond an array
        raise ValueError(f"{weights.shape[1]} weights of {len(values)} rows")
    if not values.any():
        return np.zeros((len(weights), values.shape[1]))
    found: Array = _mixed_rows(np.ascontiguousarray(weights), np.ascontiguousarray(values))
    return found


@compiled
def _mixed_rows(weights: Array, values: Array) -> Array:
    sums = np.zeros((weights.shape[0], values.shape[1]))
    for mixed in range(weights.shape[0]):
        for row in range(weights.shape[1]):
            weight = weights[mixed, row]
            if weight != 0:
                for patient in range(values.shape[1]):
                    sums[mixed, patient] += weight * values[row, patient]
    return sums


@compiled
def add_scaled(total: Array, weight: Array, term: Array) -> None:
    """Add (E, P) numbers to `total`, each of the E rows times its weight."""
    for entry in range(term.shape[0]):
        for patient in range(term.shape[1]):
            total[entry, patient] += weight[entry] * term[entry, patient]


@compiled
def largest(used: NDArray[np.bool_], share: Array) -> Array:
    """(K, P) largest share of each patient among the rows of `share` that each of K uses."""
    found = np.zeros((used.shape[0], share.shape[1]))
    for mixed in range(used.shape[0]):
        for entry in range(used.shape[1]):
            if used[mixed, entry]:
                for patient in range(share.shape[1]):
                    found[mixed, patient] = max(found[mixed, patient], share[entry, patient])
    return found


@compiled
def squares(id_side: Array, ood_side: Array, bound: Array) -> Array:
    """(3, E) sums over patients of (|id + ood| + bound)², id² and ood²; arguments are (E, P).

    The bound may be `NOBODY`.
    """
    sums = np.zeros((3, id_side.shape[0]))
    alone = bound.size > 0
    for entry in range(id_side.shape[0]):
        both, of_id, of_ood = 0.0, 0.0, 0.0
        for patient in range(id_side.shape[1]):
            x, y = id_side[entry, patient], ood_side[entry, patient]
            total = abs(x + y)
            if alone:
                total += bound[entry, patient]
            both += total * total
            of_id += x * x
            of_ood += y * y
        sums[0, entry], sums[1, entry], sums[2, entry] = both, of_id, of_ood
    return sums


@compiled
def count_and_sum(share: Array) -> Array:
    """(2, E) how many of each row of (E, P) are above 0, and their sum."""
    found = np.zeros((2, share.shape[0]))
    for entry in range(share.shape[0]):
        count, total = 0.0, 0.0
        for patient in range(share.shape[1]):
            value = share[entry, patient]
            count += 1.0 if value > 0 else 0.0
            total += value
        found[0, entry], found[1, entry] = count, total
    return found
