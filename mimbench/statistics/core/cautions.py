"""Where intervals hold the true value in fewer than 94 % of simulations (results/coverage.md).

The rules are drawn around the cells of those tables: an AUROC near 1 rests on the few patients who
are ranked wrong, and no variance estimated from fewer than two or three of them is reliable.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "MARK",
    "UNKNOWN",
    "area_cautions",
    "difference_cautions",
    "fpr_cautions",
    "legend",
    "legends",
    "mark_of",
    "precision_cautions",
    "share_cautions",
]

MARK = "†"  # beside an interval that covers less than it says
UNKNOWN = "¶"  # beside one that lacks a source of variance, which is unknown

Texts = tuple[str, ...]
AREA = (
    "AUROC: few patients, or few are influential; such 95 % intervals have a simulated coverage of "
    "91 to 94 %"
)
DIFFERENCE = (
    "difference: few patients, or few are influential; such 95 % intervals have a simulated "
    "coverage of 83 to 94 %"
)
COMMON = (
    "average precision: positives are not outnumbered; such 95 % intervals have a simulated "
    "coverage of 91 to 94 %"
)
QUANTILE = (
    "FPR: its threshold rests on few images; such 95 % intervals have a simulated coverage of "
    "88 to 94 %"
)

DISAGREE = (
    "share: fits differ by more than their test patients account for; the range over the fits "
    "stands in place of the interval"
)

KINDS = {text.partition(":")[0] for text in (AREA, DIFFERENCE, COMMON, QUANTILE, DISAGREE)}


def area_cautions(area: ArrayLike, n_id: ArrayLike, n_ood: ArrayLike) -> Texts:
    """Caution for each AUROC, empty where its interval covers as claimed.

    Args:
        area: (E,) AUROCs, or means of AUROCs.
        n_id: (E,) patients on the ID side.
        n_ood: (E,) patients on the OOD side.
    """
    area, n_id, n_ood = (np.asarray(array, dtype=np.float64) for array in (area, n_id, n_ood))
    few, many = np.minimum(n_id, n_ood), np.maximum(n_id, n_ood)
    misranked = few * np.minimum(area, 1 - area)
    estimated = misranked > 0  # at 0 and 1 the interval comes from the number of patients
    return _texts(estimated & (misranked < 2.5) & (many >= 4 * few), AREA)


def difference_cautions(areas: Sequence[ArrayLike], fewest: ArrayLike) -> Texts:
    """Caution for each difference of AUROCs.

    Args:
        areas: (E,) each, the AUROCs that the difference is made of; the one nearest to 0 or 1
            counts.
        fewest: (E,) patients on the smaller side.
    """
    all_areas = np.asarray(areas, dtype=np.float64)
    misranked = np.asarray(fewest, dtype=np.float64) * np.minimum(all_areas, 1 - all_areas).min(0)
    return _texts(misranked < 1.5, DIFFERENCE)


def precision_cautions(positives: ArrayLike, negatives: ArrayLike) -> Texts:
    """Caution for each average precision, from the numbers of images of either kind."""
    positives, negatives = np.asarray(positives), np.asarray(negatives)
    few = (positives >= negatives) & (positives < 200)
    return _texts(few | (positives >= 2 * negatives), COMMON)


def fpr_cautions(threshold: ArrayLike, others: ArrayLike) -> Texts:
    """Caution for each FPR at a fixed TPR.

    Args:
        threshold: (E,) images of the side whose 95 % set the threshold.
        others: (E,) images of the side that is measured.
    """
    threshold, others = np.asarray(threshold), np.asarray(others)
    return _texts((threshold < 1.5 * others) & (threshold < 500), QUANTILE)


def share_cautions(of_patients: ArrayLike, of_fits: ArrayLike) -> Texts:
    """Caution for each mean share over fits, where it speaks for none of them.

    Args:
        of_patients: (E,) variance from the tested patients.
        of_fits: (E,) variance between fits beyond that.
    """
    return _texts(np.asarray(of_fits) > 2 * np.asarray(of_patients), DISAGREE)


def mark_of(caution: str) -> str:
    """The mark beside an interval with this caution; empty without one."""
    if not caution:
        return ""
    return MARK if caution.partition(":")[0] in KINDS else UNKNOWN


def legend(cautions: Iterable[str]) -> str:
    """What the marks mean for these intervals, in sentences; empty if none has a caution."""
    return " ".join(legends(cautions))


def legends(cautions: Iterable[str]) -> list[str]:
    """The same, one text for each mark, which it begins with."""
    found = sorted({caution for caution in cautions if caution}, key=str.casefold)
    said = {
        mark: ". ".join(own[0].upper() + own[1:] for own in found if mark_of(own) == mark)
        for mark in (MARK, UNKNOWN)
    }
    simulated = " (results/coverage.md)" * ("simulated coverage" in said[MARK])
    parts = [f"{MARK} Read with caution: {said[MARK]}{simulated}."] * bool(said[MARK])
    parts += [f"{UNKNOWN} {said[UNKNOWN]}."] * bool(said[UNKNOWN])
    return parts


def _texts(mask: NDArray[np.bool_], text: str) -> Texts:
    return tuple(text if flagged else "" for flagged in mask.tolist())
