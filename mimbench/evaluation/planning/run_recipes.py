"""The recipes of a run: read, checked against each other, compared with the run's images."""

from collections.abc import Iterable, Iterator, Sequence

from mimbench.data.dataset import Dataset
from mimbench.detectors.build import build, combines
from mimbench.detectors.named import recipe_of
from mimbench.detectors.protocol import Detector
from mimbench.errors import (
    MissingPartError,
    PluginError,
    RecipeError,
    UnknownNameError,
    WeightsError,
)
from mimbench.evaluation.planning.run_file import RunFile
from mimbench.recipes import Recipe, derive

__all__ = ["built_or_none", "check_names", "recipe_notes", "run_recipes", "shared_outputs"]


def run_recipes(run: RunFile) -> tuple[Recipe, ...]:
    """The recipes that a run names; those of detectors that are blind are controls.

    Raises:
        RecipeError: a recipe is wrong, or two have one name.
        UnknownNameError: there is no such recipe, or no such row in the run to combine.
    """
    recipes = tuple(
        recipe_of(spec) if isinstance(spec, str) else derive(spec, f"Run '{run.name}'")
        for spec in run.detectors
    )
    check_names(recipes)
    _check_combined(recipes)
    return tuple(_as_control(recipe) for recipe in recipes)


def check_names(recipes: Sequence[Recipe]) -> None:
    """Refuse two recipes of one name.

    Raises:
        RecipeError: there are two.
    """
    names = [recipe.name for recipe in recipes]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise RecipeError(
            f"Two detectors are called '{doubled[0]}'; give one of them another name in a recipe."
        )


def _as_control(recipe: Recipe) -> Recipe:
    """The recipe, marked as a control if its detector says that it is blind."""
    detector = built_or_none(recipe)
    blind = detector is not None and detector.blind
    return recipe.model_copy(update={"control": True}) if blind else recipe


def recipe_notes(recipe: Recipe, dataset: Dataset) -> Iterator[str]:
    """Compare what an already trained detector knows with the roles that this run gives.

    Yields:
        What the reader should know, a sentence each.

    Raises:
        RecipeError: it was trained for another target.
    """
    detector = built_or_none(recipe)
    target, *others = detector.knows if detector and detector.knows else (dataset.target,)
    if target != dataset.target:
        raise RecipeError(
            f"Recipe '{recipe.name}' has the target '{target}', and this run has "
            f"'{dataset.target}'; write target = '{dataset.target}' in its [parameters]."
        )
    unknown = dataset.table["category"][dataset.table["role"] == "unknown"]
    if seen := sorted(set(unknown) & set(others)):
        yield (
            f"{recipe.name} was trained on {', '.join(seen)}, unknown categories of this run: "
            "its numbers for these categories do not show how it does on unknown ones."
        )


def _check_combined(recipes: Sequence[Recipe]) -> None:
    """Rows that an ensemble is made of must be rows of this run, as far as recipes name theirs."""
    rows_of = {recipe.name: combines(recipe) for recipe in recipes}
    single = {recipe.name: recipe for recipe in recipes if not rows_of[recipe.name]}
    for name, rows in rows_of.items():
        for row in rows:
            of = row.partition("/")[0]
            if of not in single:
                raise UnknownNameError(f"detector of this run in '{name}'", of, single)
            known = [single[of].row(score) for score in single[of].scores]
            if known and row not in known:
                raise UnknownNameError(f"row in '{name}'", row, known)


def built_or_none(recipe: Recipe) -> Detector | None:
    """The detector; None for one that will fail again as a row, beside the others."""
    try:
        return build(recipe)
    except (MissingPartError, PluginError, WeightsError):
        return None


def shared_outputs(recipes: Iterable[tuple[Recipe, int]]) -> dict[int, tuple[str, ...]]:
    """What the detectors of recipes read of a batch beside the images.

    Args:
        recipes: with the side of the images that each sees, pixels.

    Returns:
        Side -> names of shared outputs.
    """
    found: dict[int, tuple[str, ...]] = {}
    for recipe, size in recipes:
        detector = built_or_none(recipe)
        needs = () if detector is None else detector.needs
        found[size] = tuple(dict.fromkeys((*found.get(size, ()), *needs)))
    return found
