"""Which images a gallery shows: the clearest and the closest calls of one fit, right and wrong."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mimbench.scores.tables import CLEAN, ROLES, RunTables
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.threshold import SENSITIVITY, frozen_thresholds, validation_masks

__all__ = ["Case", "Threshold", "choose_cases", "threshold_of"]


@dataclass(frozen=True)
class Threshold:
    """Scores up to `value` are accepted as target.

    Attributes:
        frozen: whether validation images set it; otherwise the target's test images did.
    """

    value: float
    frozen: bool


@dataclass(frozen=True)
class Case:
    """One image of a gallery: its position in the images table, and why it is shown."""

    image: int
    kind: str  # "most confident right", "least confident wrong", ...


def threshold_of(tables: RunTables, fit_id: str, row: str, fold: int) -> Threshold:
    """The threshold of a row's fit for the test images of `fold`.

    Where too few patients are left for a frozen one: what accepts 95 % of the target's test images.
    """
    scores = tables.scores
    clean = scores[(scores["score"] == row) & (scores["corruption"] == CLEAN)]
    layout = Layout(replace(tables, scores=clean))
    found = next(own for own in layout.rows if own.score == row)
    values = layout.values(found)
    at, _ = frozen_thresholds(layout, found, values, validation_masks(tables, layout))
    fit_ids = tables.fits["fit_id"].tolist()
    for (position, tested, _), threshold in zip(layout.cells(found), at, strict=True):
        if fit_ids[found.fits[position][0]] != fit_id or tested != fold:
            continue
        if np.isfinite(threshold):
            return Threshold(float(threshold), frozen=True)
        target = values[position, 0, (layout.role == "target") & layout.test[fold]]
        return Threshold(float(np.nanquantile(target, SENSITIVITY, method="higher")), frozen=False)
    raise LookupError(f"the fit {fit_id} has no scores of {row} in fold {fold}")


def choose_cases(
    scores: NDArray[np.float64],
    roles: NDArray[np.object_],
    target: NDArray[np.bool_],
    threshold: float,
) -> list[Case]:
    """The most and the least confident right and wrong image of each role, no image twice.

    Args:
        scores: (N,) higher = less like the target; NaN for images that may not be shown.
        roles: (N,) role of each image.
        target: (N,) which images are of the target category, external ones included.
        threshold: target images are right up to it, all others above it.

    Returns:
        Cases by role, in the order of `ROLES`; confidence is the distance to the threshold.
    """
    distance = np.abs(scores - threshold)
    cases = []
    right = (scores <= threshold) == target
    for role in ROLES:
        for word, side in (("right", right), ("wrong", ~right)):
            found = np.flatnonzero(side & (roles == role) & np.isfinite(scores))
            order = found[np.argsort(-distance[found], kind="stable")].tolist()
            cases += [Case(image, f"most confident {word}") for image in order[:1]]
            cases += [Case(image, f"least confident {word}") for image in order[1:][-1:]]
    return cases
