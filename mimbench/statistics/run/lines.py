"""What a line in a score, fitted on few held-out patients, does to an AUROC.

A score such as MIM's residual is an error from which a line has taken what another score, the
covariate, predicts. Both are in the tables for the held-out images that the line was fitted on, so
that it can be fitted again without each of their patients. Its intercept moves no AUROC of one fit;
its slope does.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mimbench.scores.tables import CLEAN
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.questions import Row

__all__ = ["Lines", "jackknife_slopes", "slope_differences"]

Array = NDArray[np.float64]
FEWEST = 3  # held-out patients, without whom one by one the line is fitted again


class Lines:
    """The lines in one row, one per fit.

    Attributes:
        unknown: why it cannot be said what the lines do; empty if it can.
        covariate: (fits, conditions, N) the scores that the lines have taken out.
        error: (fits,) standard error of the slope.
        moves: (fits, P) what each patient moves the slope by; the sum of squares is its variance.
    """

    def __init__(self, layout: Layout, row: Row, values: Array) -> None:
        """Fit the lines of `row` again; `values` (fits, conditions, N) are its scores."""
        self.unknown = ""
        self.covariate = layout.values(replace(row, score=row.line or ""))
        self.moves = np.zeros((len(row.fits), layout.n_patients))
        clean = layout.conditions.index((CLEAN, 0)) if (CLEAN, 0) in layout.conditions else -1
        if not row.line or clean < 0:
            self.unknown = "its line: the tables do not hold what it was fitted on"
            return
        for fit in range(len(row.fits)):
            held_out, more = layout.line_images(row, fit)
            x, y = self.covariate[fit, clean, held_out], values[fit, clean, held_out]
            self._fit_again(fit, x, y, layout.patient[held_out])
            self.moves[fit] *= np.sqrt(more)
        self.error = np.sqrt((self.moves**2).sum(1))

    def _fit_again(self, fit: int, x: Array, y: Array, patients: NDArray[np.int64]) -> None:
        names, codes = np.unique(patients, return_inverse=True)
        if len(names) < FEWEST:
            self.unknown = f"its line: {len(names)} held-out patients, {FEWEST} are needed"
        elif np.isnan(x).any() or np.isnan(y).any():
            self.unknown = "its line: held-out images have no scores"
        else:
            slopes = jackknife_slopes(x, y, codes)
            spread = np.sqrt((len(names) - 1) / len(names))
            self.moves[fit, names] = spread * (slopes[1:] - slopes[0])
            if np.isnan(slopes).any():
                self.unknown = "its line: the held-out images of all but one patient are alike"


def jackknife_slopes(x: Array, y: Array, codes: NDArray[np.int64]) -> Array:
    """(1 + G,) least-squares slope of y on x: of all images, then without each group.

    Args:
        x: (n,) the covariate.
        y: (n,) the score.
        codes: (n,) group of each image, 0..G-1.

    Returns:
        NaN where the x that are left do not vary.
    """
    x, y = x - x.mean(), y - y.mean()
    sums = np.stack([np.bincount(codes, own) for own in (np.ones_like(x), x, y, x * x, x * y)])
    n, sx, sy, sxx, sxy = sums.sum(1, keepdims=True) - np.insert(sums, 0, 0.0, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = sxx - sx**2 / n
        slope = (sxy - sx * sy / n) / spread
    return np.where((n > 1) & (spread > 1e-12 * sums[3].sum()), slope, np.nan)


def slope_differences(covariate: Array, scores: Array) -> Array:
    """(models,) least-squares slopes of each model's scores, less their mean, on its covariate.

    Args:
        covariate: (models, m).
        scores: (models, m), of the same images; 0 where there are none.
    """
    if covariate.shape[1] == 0:  # folds share no image: each other image is tested once
        return np.zeros(len(covariate))
    x = covariate - covariate.mean(1, keepdims=True)
    y = scores - scores.mean(0)
    spread = (x**2).sum(1)
    slopes = np.zeros_like(spread)
    return np.asarray(np.divide((x * y).sum(1), spread, out=slopes, where=spread > 0))
