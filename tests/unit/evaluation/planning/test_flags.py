"""A run file and the command's flags together make a run that says of itself what it is."""

from pathlib import Path

import pytest

from mimbench.errors import RecipeError, UnknownNameError
from mimbench.evaluation.planning.flags import from_elsewhere, resolve_run

RUN = """
detectors = [{ extends = "mim", name = "mim-short" }, { extends = "resnet18" }, "harmonic"]
[data]
data = ["phantom"]
"""


def test_a_description_does_not_outlive_what_it_describes() -> None:
    default = resolve_run("default", {})
    photos = resolve_run("msld-skin18", {"data": ["x"]})
    assert default.description.startswith("The embedded phantom")
    changed = resolve_run("default", {"only": ["mim"], "suite": ["none"], "device": "cpu"})
    assert changed.description == f"{default.description} Changed by --only, --suite."
    fewer = resolve_run("default", {"abnormal": ["x"]})
    assert fewer.description == f"{default.description} Changed by --abnormal."
    assert resolve_run("default", {"data": ["x"]}).description == ""
    whole = resolve_run("msld-skin18", {"data": ["x"], "unknown": ["y"]})
    assert whole.description == photos.description != ""


def test_flags_win_over_the_file_and_added_detectors_come_after_the_chosen_ones() -> None:
    given = {"only": ["mim"], "detector": ["harmonic"], "folds": 3, "seeds": None}
    run = resolve_run("default", given)
    assert run.detectors == ("mim", "harmonic")
    assert run.folds == 3
    assert run.seeds == resolve_run("default", {}).seeds


def test_a_flag_of_the_images_keeps_what_the_file_says_of_the_others() -> None:
    default = resolve_run("default", {}).data
    changed = resolve_run("default", {"canonical_size": 96, "harmonise": True}).data
    assert changed == default.model_copy(update={"canonical_size": 96, "harmonise": True})


def test_the_word_none_leaves_out_all_suites() -> None:
    assert resolve_run("default", {"suite": ["none"]}).suites == ()
    assert resolve_run("default", {"suite": ["quick"]}).suites == ("quick",)


def test_the_word_none_stands_alone() -> None:
    with pytest.raises(RecipeError, match=r"--suite none stands for no value .* 'none', or quick"):
        resolve_run("default", {"suite": ["none,quick"]})


def test_a_run_with_a_swap_test_can_go_without() -> None:
    assert resolve_run("msld-skin18", {"data": ["x"]}).swap == ("others",)
    assert resolve_run("msld-skin18", {"data": ["x"], "swap": ["none"]}).swap == ()


def test_only_chooses_among_the_detectors_of_the_run_as_it_describes_them() -> None:
    tour = resolve_run("tour", {})
    chosen = resolve_run("tour", {"only": ["mim", "harmonic"]})
    assert chosen.detectors == (tour.detectors[0], "harmonic")
    assert tour.detectors[0] == {"extends": "mim", "parameters": {"steps": 50}}
    assert list(from_elsewhere("tour", {"only": ["mim", "harmonic"]})) == []


def test_a_shipped_recipe_that_the_run_lacks_is_announced(tmp_path: Path) -> None:
    path = tmp_path / "short.toml"
    path.write_text(RUN, encoding="utf-8")
    given = {"only": ["mim,knn-lite0,mim-short", "resnet18"]}
    run = resolve_run(str(path), given)
    short, resnet, _ = resolve_run(str(path), {}).detectors
    assert run.detectors == ("mim", "knn-lite0", short, resnet)
    assert list(from_elsewhere(str(path), given)) == [
        "--only mim: the shipped recipe. Run 'short' has none of that name; it has mim-short, "
        "which extends it.",
        "--only knn-lite0: the shipped recipe. Run 'short' has none of that name; it has "
        "mim-short, resnet18, harmonic.",
    ]


def test_several_names_may_stand_in_one_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a, b.toml").write_text('extends = "mim"\n', encoding="utf-8")
    given = {"only": ["mim, harmonic"], "detector": ["a, b.toml"], "suite": ["quick,phone"]}
    run = resolve_run("default", given)
    assert run.detectors == ("mim", "harmonic", "a, b.toml")
    assert run.suites == ("quick", "phone")


def test_an_unknown_detector_is_named_with_the_own_ones_of_the_run(tmp_path: Path) -> None:
    path = tmp_path / "short.toml"
    path.write_text(RUN, encoding="utf-8")
    with pytest.raises(UnknownNameError, match=r"'mim-shrot'\. Did you mean mim-short"):
        resolve_run(str(path), {"only": ["mim-shrot"]})


def test_a_long_list_and_a_file_with_a_comma_in_its_path(tmp_path: Path) -> None:
    many = ["histogram"] * 40
    assert resolve_run("default", {"only": [",".join(many)]}).detectors == tuple(many)
    recipe = tmp_path / "a,b.toml"
    recipe.write_text('extends = "histogram"\nname = "own"\n')
    assert resolve_run("default", {"only": [str(recipe)]}).detectors == (str(recipe),)


def test_a_folder_in_place_of_a_run_is_told_the_flag_for_photos(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=f"is a folder; give photos with --data {tmp_path}"):
        resolve_run(str(tmp_path), {})
