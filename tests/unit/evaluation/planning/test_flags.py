"""A run file and the command's flags together make a run that says of itself what it is."""

from mimbench.evaluation.planning.flags import Flags, resolve_run


def test_a_description_does_not_outlive_what_it_describes() -> None:
    default = resolve_run("default", Flags())
    photos = resolve_run("msld-skin18", Flags(data=["x"]))
    assert default.description.startswith("The embedded phantom")
    changed = resolve_run("default", Flags(only=["mim"], suite=["none"], device="cpu"))
    assert changed.description == f"{default.description} Changed by --only, --suite."
    fewer = resolve_run("default", Flags(abnormal=["x"]))
    assert fewer.description == f"{default.description} Changed by --abnormal."
    assert resolve_run("default", Flags(data=["x"])).description == ""
    whole = resolve_run("msld-skin18", Flags(data=["x"], unknown=["y"]))
    assert whole.description == photos.description != ""
