"""A run file and the command's flags together make a run that says of itself what it is."""

from mimbench.evaluation.planning.flags import resolve_run


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


def test_a_run_with_a_swap_test_can_go_without() -> None:
    assert resolve_run("msld-skin18", {"data": ["x"]}).swap == ("others",)
    assert resolve_run("msld-skin18", {"data": ["x"], "swap": ["none"]}).swap == ()
