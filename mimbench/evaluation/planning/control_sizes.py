"""Controls of a run at every input size of its other rows: a control sees what the row sees."""

from collections.abc import Sequence

from mimbench.detectors.build import kind_of
from mimbench.recipes import Recipe
from mimbench.statistics.run.controls import sized_name

__all__ = ["with_controls_at_every_size"]


def with_controls_at_every_size(
    recipes: Sequence[Recipe], canonical_size: int
) -> tuple[Recipe, ...]:
    """Add copies of controls at the sizes that other rows see and the controls do not.

    Args:
        recipes: of a run; those whose detector says `any_size` are copied.
        canonical_size: side of the images of recipes without an `input_size`, pixels.

    Returns:
        The recipes, each followed by its copies in the order of sizes. A copy is named after its
        size, as in "file-statistics-64px"; there is none where the run has that control already.
    """

    def size(recipe: Recipe) -> int:
        return recipe.input_size or canonical_size

    wanted = {
        size(recipe)
        for recipe in recipes
        if not recipe.control and kind_of(recipe).trains_on != "rows"
    }
    there = {(_content(recipe), size(recipe)) for recipe in recipes}
    found: list[Recipe] = []
    for recipe in recipes:
        found.append(recipe)
        if not (recipe.control and kind_of(recipe).any_size):
            continue
        for other in sorted(wanted):
            if (_content(recipe), other) not in there:
                there.add((_content(recipe), other))
                found.append(_at_size(recipe, other))
    return tuple(found)


def _content(recipe: Recipe) -> str:
    """What a recipe computes, whatever it is called and at whatever size."""
    return repr((recipe.detector, recipe.scores, sorted(recipe.parameters.items())))


def _at_size(recipe: Recipe, size: int) -> Recipe:
    about = f"{recipe.description} At {size} px, as rows of this run see the images.".strip()
    name = sized_name(recipe.name, size)
    return recipe.model_copy(update={"name": name, "input_size": size, "description": about})
