"""Recipes whose weights or library are not there: they are not run, and the others are."""

from collections.abc import Sequence

from mimbench.detectors.build import build, combines
from mimbench.errors import MissingPartError, NoWeightsError
from mimbench.recipes import Recipe

__all__ = ["without_weights"]


def without_weights(recipes: Sequence[Recipe]) -> dict[str, str]:
    """Recipes that cannot run for want of weights or a library, each with the reason.

    What is made of rows of such a recipe cannot run either.

    Raises:
        NoWeightsError: that is all recipes of the run.
    """
    lacking = {recipe.name: why for recipe in recipes if (why := _lacks(recipe))}
    for recipe in recipes:
        for row in combines(recipe):
            part = row.partition("/")[0]
            if part in lacking:
                lacking[recipe.name] = f"it needs {part}, which is not run: {lacking[part]}"
    if recipes and len(lacking) == len(recipes):
        raise NoWeightsError(" ".join(f"{name}: {why}" for name, why in lacking.items()))
    return lacking


def _lacks(recipe: Recipe) -> str:
    try:
        build(recipe).require()
    except (NoWeightsError, MissingPartError) as error:
        return str(error)
    except Exception:
        return ""  # it is tried again as a row, and fails there with this reason
    return ""
