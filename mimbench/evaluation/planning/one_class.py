"""Studies of the target alone: which rows run where nothing else may be trained on."""

from collections.abc import Sequence

from mimbench.data.categories import canonical_category
from mimbench.data.dataset import Dataset
from mimbench.detectors.build import build, combines
from mimbench.errors import (
    DataError,
    MissingPartError,
    PluginError,
    UnknownNameError,
    WeightsError,
)
from mimbench.recipes import Recipe

__all__ = ["AUTO", "NO_KNOWN", "known_categories", "swap_categories", "without_known"]

AUTO = "auto"
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


def swap_categories(
    names: Sequence[str], dataset: Dataset
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The known categories that stand in the target's place in the swap test.

    Args:
        names: of categories; `AUTO` for the one of the target's source with most patients.
        dataset: of the run.

    Returns:
        The categories, each once, and a note for each `AUTO`.

    Raises:
        DataError: there is no known category, or this one is of another source than the target.
        UnknownNameError: there is no such known category.
    """
    named = [_swap_category(name, dataset) for name in names if name != AUTO]
    if AUTO not in names:
        return tuple(dict.fromkeys(named)), ()
    chosen = _most_patients(dataset)
    if chosen is None:
        why = "The swap test is not run: the target's source has no known category."
        return tuple(dict.fromkeys(named)), (why,)
    return tuple(dict.fromkeys([*named, chosen])), (f"The swap test is on {chosen}.",)


def _most_patients(dataset: Dataset) -> str | None:
    """The known category of the target's source with most patients; the first of equal ones."""
    table = dataset.table
    known = table[table["role"] == "known"]
    here = set(table.loc[table["category"] == dataset.target, "source"])
    inside = known.groupby("category")["source"].agg(set).map(lambda sources: sources <= here)
    patients = known.groupby("category")["patient"].nunique()[inside]
    return str(patients.idxmax()) if len(patients) else None


def _swap_category(name: str, dataset: Dataset) -> str:
    """A category by its name, if it can stand in the target's place."""
    table, known = dataset.table, known_categories(dataset)
    if not known:
        raise DataError(
            "The swap test fits one-class detectors on a known category, and the data have "
            f"{NO_KNOWN}. Add a folder of another category to the data, or leave out --swap."
        )
    category = canonical_category(name)
    if category not in known:
        raise UnknownNameError("known category for the swap test", name, known)
    sources = table.groupby("category")["source"].agg(set)
    if not sources[category] <= sources[dataset.target]:
        raise DataError(
            f"The swap category '{category}' is not from the target's source, so the two "
            "models would differ by the camera too. Choose a category of the target's source."
        )
    return category
