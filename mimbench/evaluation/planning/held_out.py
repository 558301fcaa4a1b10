"""Too few images in a part of the splits: said before anything is fitted."""

from collections.abc import Iterator, Sequence

import pandas as pd

from mimbench.detectors.build import kind_of
from mimbench.evaluation.planning.threshold_folds import MOST_FOLDS, fewest_folds
from mimbench.recipes import Recipe
from mimbench.scores.splits import split_column
from mimbench.statistics.tables.subgroups import FEWEST_PATIENTS
from mimbench.text import counted

__all__ = ["few_tested_notes", "held_out_notes"]


def few_tested_notes(images: pd.DataFrame, folds: int) -> Iterator[str]:
    """Say so if hardly any patient of the target will be tested.

    Args:
        images: with `role`, `patient` and a column `split_<k>` per fold.
        folds: number of folds.
    """
    own = images[images["role"] == "target"]
    parts = own[[split_column(fold) for fold in range(folds)]]
    tested = own.loc[(parts == "test").any(axis=1), "patient"].nunique()
    if tested < FEWEST_PATIENTS:
        every = own["patient"].nunique()
        more = folds == 1 and every > max(2, tested)
        remedy = f" --folds 3 tests all {every}." if more else ""
        patients = counted(tested, "target patient")
        yield f"Tested: only {patients}; fewer than {FEWEST_PATIENTS} show little.{remedy}"


def held_out_notes(
    recipes: Sequence[Recipe],
    images: pd.DataFrame,
    target: str,
    folds: int,
    plan_seed: int,
) -> Iterator[str]:
    """Which rows have too few held-out images in some fold, and what gives them more.

    Args:
        recipes: that are fitted.
        images: with `category`, `role`, `patient` and a column `split_<k>` per fold.
        target: category that they are fitted on.
        folds: number of folds.
        plan_seed: of the splits.
    """
    rows: dict[int, list[str]] = {}
    for recipe in recipes:
        for score, fewest in kind_of(recipe).needs_held_out.items():
            if score in recipe.scores or not recipe.scores:
                rows.setdefault(fewest, []).append(recipe.row(score))
    count = _held_out(images, target, folds)
    where = "the fold with the fewest" if folds > 1 else "validation"
    for fewest, named in rows.items():
        if count < fewest:
            yield (
                f"Not run: {', '.join(named)}. A fit needs {fewest} held-out images of {target}, "
                f"and {where} has {count}. Add images of other {target} patients"
                f"{_folds_remedy(images, target, fewest, plan_seed)}."
            )


def _held_out(images: pd.DataFrame, target: str, folds: int) -> int:
    """Validation images of the target, in the fold that has the fewest."""
    own = images[images["category"] == target]
    return min(int((own[split_column(fold)] == "validation").sum()) for fold in range(folds))


def _folds_remedy(images: pd.DataFrame, target: str, fewest: int, plan_seed: int) -> str:
    """Another number of folds that gives enough images, as the end of a sentence."""

    def enough(drawn: pd.DataFrame, folds: int) -> bool:
        return _held_out(drawn, target, folds) >= fewest

    folds = fewest_folds(images, plan_seed, enough)
    if folds is None:
        return f"; no number of folds up to {MOST_FOLDS} gives enough of those that are there"
    return f", or use --folds {folds}, the smallest number of folds that gives enough"
