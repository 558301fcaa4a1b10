"""One row of two aligned runs: the same trained models, the same scores, or trained anew."""

from dataclasses import replace

import numpy as np
import pandas as pd

from mimbench.gate.comparability import Aligned, row_fits
from mimbench.statistics.run.uncertainty import Measured

__all__ = ["of_same_models", "repeatable", "same_scores", "same_weights"]


def same_weights(row: str, aligned: Aligned) -> bool:
    """Whether both runs scored with the very same trained models; without hashes, unknown."""
    runs = (aligned.reference, aligned.candidate)
    own, theirs = (set(row_fits(run, row)["state_hash"]) for run in runs)
    return own == theirs and "" not in own


def repeatable(row: str, aligned: Aligned) -> bool:
    """Whether both runs trained the row's models without random numbers, so once and for all.

    What was trained elsewhere is not: nobody knows how.
    """
    fits = pd.concat([row_fits(run, row) for run in (aligned.reference, aligned.candidate)])
    return bool(fits["seed"].isna().all() and (fits["fitted_on"] != "nothing").all())


def same_scores(row: str, aligned: Aligned) -> bool:
    """Whether both runs give the row the same scores, in the precision in which some are kept."""
    keys = ["fold", "seed", "corruption", "severity", "image_id"]
    tables: list[pd.DataFrame] = []
    for run in (aligned.reference, aligned.candidate):
        fits = row_fits(run, row)[["fit_id", "fold", "seed"]]
        own = run.scores[run.scores["score"] == row].merge(fits, on="fit_id")
        # as texts: two runs have other codes for the same names
        with np.errstate(over="ignore"):
            own = own.astype({"corruption": "str", "image_id": "str", "value": "float32"})
        tables.append(own[[*keys, "value"]].sort_values(keys).reset_index(drop=True))
    return bool(tables[0].equals(tables[1]))


def of_same_models(first: Measured, second: Measured) -> Measured:
    """The difference of a number between two scorings by the same trained models.

    Neither retraining is in its variance, nor the patients that a line in the score was fitted on.
    """
    difference = first.minus(second, alike=True)
    own = replace(difference.patients, line=None, unknown=())
    return replace(difference, patients=own, trainings=())
