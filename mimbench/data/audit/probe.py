"""The source probe: can collections be separated without looking at what they show?

An audit's finding, never a row of a benchmark: it is fitted on labels of both sides.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedGroupKFold

from mimbench.statistics.core.estimate import Estimate, missing
from mimbench.statistics.core.influence import Influence, combine
from mimbench.statistics.ranking.roc import auroc
from mimbench.statistics.run.clustered_auroc import Cells

__all__ = [
    "FOLDS",
    "LEAST_PATIENTS",
    "Difference",
    "fold_influence",
    "probe",
    "strongest_differences",
]

LEAST_PATIENTS = 6
FOLDS = 5
_TREES = 50


@dataclass(frozen=True)
class Difference:
    """One fact that alone separates two collections.

    Attributes:
        fact: one of file_facts.FACTS.
        area: AUROC of the fact, folded to [0.5, 1].
        ours: median over the reference.
        theirs: median over the other collection.
    """

    fact: str
    area: float
    ours: float
    theirs: float


def probe(
    facts: pd.DataFrame, other: npt.NDArray[np.bool_], patients: pd.Series, seed: int = 0
) -> Estimate:
    """AUROC at which file and border facts separate two collections.

    A random forest, because facts such as a quality of exactly 75 have no direction; it is
    fitted on four fifths of the patients and scores the last fifth, five times. The AUROC is the
    mean over the five fits, with an interval clustered by patient.

    Args:
        facts: file_facts.FACTS, one row per image.
        other: bool (N,), whether an image belongs to the other collection.
        patients: one per image.
        seed: of the folds and the forest.

    Returns:
        0.5: cannot be separated; 1: always. Missing below LEAST_PATIENTS on either side.
    """
    codes = patients.astype("category").cat.codes.to_numpy(dtype=np.int64)
    sides = [len(set(codes[other == side])) for side in (False, True)]
    if min(sides) < LEAST_PATIENTS:
        return missing(f"fewer than {LEAST_PATIENTS} patients on one side")
    values = facts.to_numpy(dtype=np.float64)
    folds = StratifiedGroupKFold(min(FOLDS, *sides), shuffle=True, random_state=seed)
    terms = [
        _fold(values, other, codes, fitted, scored, seed)
        for fitted, scored in folds.split(values, other, codes)
    ]
    return combine(terms, [1 / len(terms)] * len(terms)).area_estimates()[0]


def _fold(
    values: npt.NDArray[np.float64],
    other: npt.NDArray[np.bool_],
    codes: npt.NDArray[np.integer],
    fitted: npt.NDArray[np.integer],
    scored: npt.NDArray[np.integer],
    seed: int,
) -> Influence:
    forest = RandomForestClassifier(
        _TREES, min_samples_leaf=3, class_weight="balanced", random_state=seed
    )
    scores = forest.fit(values[fitted], other[fitted]).predict_proba(values[scored])[:, -1]
    return fold_influence(scores, other, codes, scored)


def fold_influence(
    scores: npt.NDArray[np.float64],
    other: npt.NDArray[np.bool_],
    codes: npt.NDArray[np.integer],
    scored: npt.NDArray[np.integer],
) -> Influence:
    """AUROC of one fold's scores, with the influence of each patient.

    Args:
        scores: (n,) of the images `scored`, higher = more like the other collection.
        other: bool (N,), whether an image belongs to the other collection.
        codes: int (N,), patient of each image.
        scored: (n,) which images.
    """
    theirs = other[scored]
    cells = Cells(codes[scored][~theirs], codes[scored][theirs], n_patients=int(codes.max()) + 1)
    return cells.influence(scores[~theirs], scores[theirs])


def strongest_differences(
    facts: pd.DataFrame, other: npt.NDArray[np.bool_], least: float = 0.8, most: int = 4
) -> list[Difference]:
    """Facts that separate two collections each by itself, the clearest first.

    Args:
        facts: file_facts.FACTS, one row per image.
        other: bool (N,), whether an image belongs to the other collection.
        least: AUROC from which a fact counts.
        most: how many to name.
    """
    found = []
    for name in facts:
        values = facts[name].to_numpy(dtype=np.float64)
        ours, theirs = values[~other], values[other]
        area = auroc(ours, theirs).value
        if max(area, 1 - area) >= least:
            medians = float(np.median(ours)), float(np.median(theirs))
            found.append(Difference(str(name), max(area, 1 - area), *medians))
    return sorted(found, key=lambda difference: -difference.area)[:most]
