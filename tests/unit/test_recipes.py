"""A recipe can extend another one, and says clearly where that goes wrong."""

import re

import pytest

from mimbench.errors import RecipeError, UnknownNameError
from mimbench.recipes import derive, read_recipe, shipped


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


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("corruptions", "quick", "is a suite of corruptions; --suite"),
        ("runs", "tour", "is a run file; `mimbench run`"),
        ("claims", "mim-paper", "is a file of claims; `mimbench verify"),
    ],
)
def test_a_file_of_another_kind_is_called_what_it_is(kind, name, words):
    path = shipped(kind) / f"{name}.toml"
    with pytest.raises(RecipeError, match=re.escape(f"{path} {words}")):
        read_recipe(str(path))
