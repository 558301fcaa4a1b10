"""How many folds give a frozen threshold: each adds validation patients of the target."""

from collections.abc import Callable

import pandas as pd

from mimbench.data.splits import split
from mimbench.errors import SplitError
from mimbench.scores.splits import split_column
from mimbench.statistics.run.threshold import fewest_patients

__all__ = ["MOST_FOLDS", "fewest_folds", "threshold_note", "validation_patients"]

MOST_FOLDS = 20


def validation_patients(images: pd.DataFrame, folds: int, *, external: bool) -> int:
    """Target patients who set the threshold, in the fold that has the fewest of them.

    Args:
        images: with `category`, `role`, `patient` and a column `split_<k>` per fold.
        folds: number of folds.
        external: whether external images are judged; else those that a fold tests are left out.
    """
    target = images[images["role"] == "target"]
    columns = [target[split_column(fold)] for fold in range(folds)]
    validated = pd.concat([column == "validation" for column in columns], axis=1).any(axis=1)
    if external:
        return target.loc[validated, "patient"].nunique()
    return min(
        target.loc[validated & (column != "test"), "patient"].nunique() for column in columns
    )


def fewest_folds(
    images: pd.DataFrame, plan_seed: int, enough: Callable[[pd.DataFrame, int], bool]
) -> int | None:
    """The smallest number of folds that gives enough; None if up to 20 do not.

    Args:
        images: of a run.
        plan_seed: of its splits.
        enough: whether images that may be trained on, split into so many folds, are enough.
    """
    trainable = images[images["role"].isin(["target", "known"])]
    for folds in range(1, MOST_FOLDS + 1):
        try:
            drawn = split(trainable, folds, plan_seed)
        except SplitError:  # too few patients for so many folds
            continue
        if enough(drawn, folds):
            return folds
    return None


def threshold_note(images: pd.DataFrame, folds: int, plan_seed: int, *, external: bool) -> str:
    """Why these folds give no threshold, and how many would; empty if they give one."""
    count = validation_patients(images, folds, external=external)
    if count >= fewest_patients():
        return ""

    def enough(drawn: pd.DataFrame, number: int) -> bool:
        return validation_patients(drawn, number, external=external) >= fewest_patients()

    fewest = fewest_folds(images, plan_seed, enough)
    patients = images.loc[images["role"] == "target", "patient"].nunique()
    remedy = (
        f"--folds {fewest} is the smallest number of folds that gives one"
        if fewest is not None
        else f"no number of folds up to {MOST_FOLDS} gives one for {patients} target patients"
    )
    judged = " for external images" if external else ""
    lost = "decision on a single image" if external else "sensitivity on the run's own images"
    return (
        f"No frozen threshold{judged} with --folds {folds}, so no {lost}: a threshold needs "
        f"{fewest_patients()} target patients in validation, and there are {count}; {remedy}."
    )
