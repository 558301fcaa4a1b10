"""A recipe can extend another one, and says clearly where that goes wrong."""

import pytest

from mimbench.errors import RecipeError, UnknownNameError
from mimbench.recipes import derive, read_recipe


def test_an_extending_recipe_changes_what_it_names_and_nothing_else():
    base = read_recipe("mim")
    variant = derive(
        {"extends": "mim", "name": "mim-long", "parameters": {"steps": 2000}}, "here.toml"
    )
    assert variant.name == "mim-long"
    assert variant.parameters == {**base.parameters, "steps": 2000}
    unchanged = base.model_copy(update={"name": "mim-long", "parameters": variant.parameters})
    assert variant == unchanged


def test_extended_files_are_found_from_the_recipe_that_names_them(tmp_path, monkeypatch):
    (tmp_path / "base.toml").write_text('extends = "mim"\nname = "base"\nparameters.width = 8\n')
    (tmp_path / "top.toml").write_text('extends = "base.toml"\nname = "top"\ninput_size = 96\n')
    monkeypatch.chdir("/")
    found = read_recipe(str(tmp_path / "top.toml"))
    assert (found.name, found.input_size, found.parameters["width"]) == ("top", 96, 8)


def test_circles_unknown_bases_and_wrong_types_are_errors(tmp_path):
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.toml").write_text(f'extends = "{other}.toml"\n')
    with pytest.raises(RecipeError, match="in a circle"):
        read_recipe(str(tmp_path / "a.toml"))
    with pytest.raises(UnknownNameError, match="mim"):
        derive({"extends": "mimm"}, "here.toml")
    with pytest.raises(RecipeError, match="'parameters' a table"):
        derive({"extends": "mim", "parameters": 3}, "here.toml")
