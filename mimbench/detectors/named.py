"""From what a user names (recipe, plug-in, function) to its recipe; imports none of its code."""

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
    if spec.endswith(".toml") or spec in names("baselines"):
        return read_recipe(spec)
    if spec in entry_point_names():
        return Recipe(name=spec, detector=spec, description=f"Installed plug-in {spec}")
    if spec.endswith(".py"):
        raise RecipeError(f"'{spec}' is a file; say which object in it: {spec}:MyDetector.")
    raise UnknownNameError("detector", spec, [*names("baselines"), *entry_point_names()])
