"""From what a user names (recipe, plug-in, function) to its recipe; imports none of its code."""

from pathlib import Path

from mimbench.errors import RecipeError, UnknownNameError
from mimbench.recipes import Recipe, names, read_recipe, validate
from mimbench.registry import entry_point_names

__all__ = ["recipe_of"]


def recipe_of(spec: str) -> Recipe:
    """The recipe that `spec` stands for.

    Args:
        spec: name of a shipped recipe, path of a recipe (.toml), "file.py:Object",
            "package.module:Object", or the name of an installed plug-in.
    """
    if ":" in spec and not spec.endswith(".toml"):  # Windows has colons in paths
        table = {"name": spec.rpartition(":")[2], "detector": spec, "description": "Plug-in"}
        return validate(Recipe, table, f"Detector '{spec}'")
    if spec.endswith(".toml"):
        recipe = read_recipe(spec)
        _require_code(recipe, Path(spec))
        return recipe
    if spec in names("baselines"):
        return read_recipe(spec)
    if spec in entry_point_names():
        return Recipe(name=spec, detector=spec, description=f"Installed plug-in {spec}")
    if spec.endswith(".py"):
        raise RecipeError(f"'{spec}' is a file; say which object in it: {spec}:MyDetector.")
    raise UnknownNameError("detector", spec, [*names("baselines"), *entry_point_names()])


def _require_code(recipe: Recipe, path: Path) -> None:
    """Refuse a recipe whose code lies elsewhere than it says.

    Raises:
        RecipeError: there is no such file.
    """
    file, _, name = recipe.detector.rpartition(":")
    if not file.endswith(".py") or Path(file).is_file():
        return
    beside = path.parent / file
    remedy = f"; write {beside}:{name}" if beside.is_file() else ""
    raise RecipeError(
        f"{path}: detector names {file}, and there is no such file in {Path.cwd()}. A path in a "
        f"recipe starts where the command is run, not where the recipe lies{remedy}."
    )
