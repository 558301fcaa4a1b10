"""The gate before an app is written: another runtime must score as the benchmark did."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mimbench.errors import DetectorError

__all__ = ["TOLERANCE", "Parity", "check_parity", "compare", "differences"]

Array = NDArray[np.float64]
TOLERANCE = 1e-3  # standard deviations of a fit's scores of validation target images


@dataclass(frozen=True)
class Parity:
    """How far apart two runtimes score the same pictures.

    Attributes:
        runtime: what was compared with torch.
        pictures: how many.
        largest: difference of a fit's score that the gate judges, see `differences`.
        deviations: the largest difference in the fit's standard deviations alone.
        flipped: decisions that differ although torch's score is further than TOLERANCE from the
            threshold.
        where: the picture with the largest difference.
    """

    runtime: str
    pictures: int
    largest: float
    deviations: float
    flipped: int
    where: str

    @property
    def passed(self) -> bool:
        """Whether the scores may be called the same."""
        return self.largest <= TOLERANCE and not self.flipped


def differences(reference: Array, found: Array, thresholds: Array, unit: Array) -> Array:
    """Absolute differences (N, F) of scores; infinite where not finite.

    In units of `unit` (F,), or of the score's distance from the threshold where that is larger: the
    score of a black picture can lie a thousand standard deviations away, where single precision
    rounds to more than a thousandth of one and no decision is near.
    """
    apart = np.abs(found - reference) / np.maximum(unit, np.abs(reference - thresholds))
    return np.where(np.isfinite(apart), apart, np.inf)


def compare(
    runtime: str,
    reference: Array,
    found: Array,
    thresholds: Array,
    unit: Array,
    names: Sequence[str],
) -> Parity:
    """Compare scores (N, F) of another runtime with torch's.

    Args:
        runtime: its name.
        reference: torch's.
        found: the other ones.
        thresholds: (F,), scores up to it are accepted.
        unit: (F,), standard deviation of each fit's scores of validation target images.
        names: of the N pictures.
    """
    apart = differences(reference, found, thresholds, unit)
    clear = np.abs(reference - thresholds) > TOLERANCE * unit
    flipped = clear & ((reference <= thresholds) != (found <= thresholds))
    worst = np.where(flipped.any(1), np.inf, apart.max(1))
    return Parity(
        runtime,
        len(names),
        float(apart.max()),
        float((np.abs(found - reference) / unit).max()),
        int(flipped.sum()),
        names[int(worst.argmax())],
    )


def check_parity(parity: Parity, row: str) -> None:
    """Refuse an app whose scores are not the benchmark's.

    Raises:
        DetectorError: with the picture that differs most.
    """
    if parity.passed:
        return
    raise DetectorError(
        f"{row} scores differently in {parity.runtime}: by up to {parity.largest:.2g} standard "
        f"deviations (at most {TOLERANCE} is allowed), with {parity.flipped} other decisions, most "
        f"on {parity.where}. No app is written; choose another --row."
    )
