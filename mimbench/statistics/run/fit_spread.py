"""How much fits differ in a share, beyond what their test patients account for.

Each fit has a threshold of its own. Where thresholds disagree, shares do, and their mean is an
estimate of little: its variance is that between fits, of which there are few.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mimbench.statistics.core.influence import Influence
from mimbench.statistics.run.variance import Part

__all__ = ["fit_spread"]

Array = NDArray[np.float64]


def fit_spread(
    shares: Sequence[Influence], weights: Array, labels: Sequence[tuple[int, int]], row: str
) -> Part:
    """The part of the variance of mean shares that is between fits.

    It is the variance between the means of the folds, less what the patients explain of it, by
    the number of folds; with one fold, the same between seeds. A single fit has none. One patient
    alone in a fold shows no spread of patients; for this fold it is that of a coin which falls
    like the mean share of the other folds. Where each fold has one patient, folds differ as
    patients do, and nothing is known of the fits.

    Args:
        shares: of each fit, of the same groups of images.
        weights: (fits, groups) weight of each fit in the means; 0: no image.
        labels: (fold, seed) of each fit.
        row: the score's name.

    Returns:
        Of the means over the fits, group by group.
    """
    folds = [fold for fold, _ in labels]
    names = folds if len(set(folds)) > 1 else [seed for _, seed in labels]
    if len(set(names)) == 1:
        return Part(f"fits of {row}", np.zeros((1, weights.shape[1])), 1.0)
    of = np.asarray(names)
    groups = [_mean(shares, weights, np.flatnonzero(of == name)) for name in sorted(set(names))]
    values = np.stack([value for value, _ in groups])
    patients = np.stack([influence for _, influence in groups])
    alone = np.stack([_alone(shares, weights, np.flatnonzero(of == n)) for n in sorted(set(names))])
    count = np.isfinite(values).sum(0)
    count = np.where((alone | np.isnan(values)).all(0), 0, count)
    some = (count > 1)[None]
    apart = np.where(some, values - np.nansum(values, axis=0) / np.maximum(count, 1), 0.0)
    centre = np.nansum(patients, axis=0) / np.maximum(count, 1)[:, None]
    moved = np.where(some[..., None], patients - centre, 0.0)
    others = (np.nansum(values, axis=0) - np.nan_to_num(values)) / np.maximum(count - 1, 1)
    coin = np.where(np.isfinite(values), others * (1 - others), 0.0)
    within = np.where(alone, np.clip(coin, 0.0, None), np.nansum(moved**2, axis=2))
    between, explained = np.nansum(apart**2, axis=0), within.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        beyond = np.nan_to_num(np.clip(1 - explained / between, 0.0, 1.0))
    scale = np.sqrt(beyond / np.maximum(count * (count - 1.0), 1.0))
    df = max(float(count.min()) - 1.0, 1.0)
    return Part(f"fits of {row}", np.nan_to_num(apart) * scale, df)


def _mean(
    shares: Sequence[Influence], weights: Array, fits: NDArray[np.intp]
) -> tuple[Array, Array]:
    """(groups,) mean share of some fits, NaN without any, and (groups, P) its influences."""
    own = weights[fits]
    values = np.stack([np.nan_to_num(shares[fit].value) for fit in fits])
    influences = np.stack([shares[fit].id for fit in fits])
    with np.errstate(invalid="ignore", divide="ignore"):
        part = own / own.sum(0)
    return (part * values).sum(0), np.einsum("fg,fgp->gp", part, influences)


def _alone(
    shares: Sequence[Influence], weights: Array, fits: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """(groups,) whether the images of a group are all of one patient."""
    own = [(weights[fit] > 0)[:, None] & (shares[fit].id_share > 0) for fit in fits]
    return np.asarray(np.any(own, axis=0).sum(1) == 1)
