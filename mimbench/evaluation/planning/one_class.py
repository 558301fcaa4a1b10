"""Studies of the target alone: which rows run where nothing else may be trained on."""

from collections.abc import Sequence

from mimbench.data.dataset import Dataset
from mimbench.detectors.build import build, combines
from mimbench.errors import DataError, MissingPartError, PluginError, WeightsError
from mimbench.recipes import Recipe

__all__ = ["NO_KNOWN", "known_categories", "without_known"]

NO_KNOWN = "no known category"


def known_categories(dataset: Dataset) -> list[str]:
    """The categories that classifiers may train on, sorted."""
    table = dataset.table
    return sorted(table["category"][table["role"] == "known"].unique())


def without_known(recipes: Sequence[Recipe], dataset: Dataset) -> dict[str, str]:
    """Recipes that cannot run because there is no known category, each with that reason.

    What is made of rows of such a recipe cannot run either.

    Raises:
        DataError: that is all recipes of the run.
    """
    if known_categories(dataset):
        return {}
    lacking = {recipe.name for recipe in recipes if _trains_on_known(recipe)}
    lacking |= {
        recipe.name
        for recipe in recipes
        if any(row.partition("/")[0] in lacking for row in combines(recipe))
    }
    if len(lacking) == len(recipes):
        raise DataError(
            f"There is {NO_KNOWN} beside the target '{dataset.target}', and all detectors of this "
            f"run need one: {', '.join(sorted(lacking))}. Add a folder of another category to the "
            "data, or choose detectors that train on the target alone."
        )
    return {recipe.name: NO_KNOWN for recipe in recipes if recipe.name in lacking}


def _trains_on_known(recipe: Recipe) -> bool:
    try:
        return build(recipe).trains_on == "known"
    except (MissingPartError, PluginError, WeightsError):  # it will fail as a row
        return False
