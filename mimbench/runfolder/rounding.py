"""Scores of corrupted images with as few digits as their AUROCs need.

A run under a hundred conditions has millions of scores, whose last digits are noise that no file
format compresses. Here each condition of each fit's score gets the largest step that leaves its
AUROCs where they were, up to a tolerance.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.scores.tables import CLEAN, RunTables

__all__ = ["TOLERANCES", "Rounding", "round_corrupted"]

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
Areas = Callable[[Array], Array]

TOLERANCES = (0.0005, 0.001, 0.002, 0.004)  # of an AUROC; intervals are far wider
FINEST = 12  # halvings of the quartile range before scores stay as they are


@dataclass(frozen=True)
class Rounding:
    """How the scores of corrupted images were rounded.

    Attributes:
        tolerance: what no AUROC may change by.
        change: the largest change there is.
    """

    tolerance: float
    change: float

    def __str__(self) -> str:
        return (
            "Scores of corrupted images are rounded. No AUROC of a fit, target against the images "
            f"of one role under one condition, changes by more than {self.change:.4f}."
        )


def round_corrupted(tables: RunTables, tolerance: float) -> tuple[RunTables, Rounding]:
    """Round the scores of corrupted images to multiples of a power of two.

    Args:
        tables: of a run; its values are in single precision where they can be.
        tolerance: what no AUROC of a fit may change by: target against the images of each role,
            both sides corrupted and the target alone, and target and known against the others.

    Returns:
        The tables, in which clean scores are as before, and what the rounding changed.
    """
    scores = tables.scores.reset_index(drop=True)
    values = scores["value"].to_numpy(dtype=np.float64).copy()
    roles = tables.images.set_index("image_id")["role"]
    role = roles.reindex(scores["image_id"]).to_numpy(dtype=object)
    largest = 0.0
    for rows, areas in _conditions(scores, values, role):
        values[rows], change = _rounded(values[rows], areas, tolerance)
        largest = max(largest, change)
    found = RunTables(scores.assign(value=values), tables.fits, tables.images)
    return found, Rounding(tolerance, largest)


def _conditions(
    scores: pd.DataFrame, values: Array, role: NDArray[np.object_]
) -> Iterator[tuple[Rows, Areas]]:
    """Rows of each corrupted condition of a fit's score, and the AUROCs of values for them."""
    for _, pair in scores.groupby(["fit_id", "score"], sort=False, observed=True):
        clean = pair.index[pair["corruption"] == CLEAN].to_numpy()
        own = pair[pair["corruption"] != CLEAN]
        for _, part in own.groupby(["corruption", "severity"], sort=False, observed=True):
            rows = part.index.to_numpy()
            yield rows, _areas(role[rows], role[clean], values[clean])


def _areas(role: NDArray[np.object_], clean_role: NDArray[np.object_], clean: Array) -> Areas:
    """The AUROCs of scores of images with these roles."""
    target, known = role == "target", role == "known"
    others = sorted(set(role) - {"target"})
    sides = [(target, role == name) for name in others]
    sides.append((target | known, (role == "unknown") | (role == "abnormal")))
    sides = [(inside, outside) for inside, outside in sides if inside.any() and outside.any()]
    fixed = [np.sort(clean[clean_role == name]) for name in sorted(set(clean_role) - {"target"})]

    def areas(values: Array) -> Array:
        both = [_auroc(values[inside], np.sort(values[outside])) for inside, outside in sides]
        alone = [_auroc(values[target], other) for other in fixed if target.any()]
        return np.asarray(both + alone)

    return areas


def _auroc(inside: Array, outside: Array) -> float:
    """AUROC of scores, of which the outside ones are sorted; ties count half."""
    below = np.searchsorted(outside, inside, "left").sum()
    up_to = np.searchsorted(outside, inside, "right").sum()
    return 1 - float(below + up_to) / (2 * inside.size * outside.size)


def _rounded(values: Array, areas: Areas, tolerance: float) -> tuple[Array, float]:
    """Values to the largest step that the tolerance allows, and the largest change of an AUROC."""
    spread = float(np.subtract(*np.quantile(values, [0.75, 0.25])))
    before = areas(values)
    if spread > 0 and before.size:
        first = int(np.floor(np.log2(spread)))
        for power in range(first, first - FINEST, -1):
            step = 2.0**power
            found = (values / step).round() * step
            change = float(np.abs(areas(found) - before).max())
            if change <= tolerance:
                return found, change
    return values, 0.0
