"""A run for claims measures what they need, and says which flags that is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from small_images import write_category

from mimbench.claims import Claim, ClaimsFile, read_claims
from mimbench.data.audit.audit import Audit
from mimbench.data.audit.finding import Finding
from mimbench.data.options import ImageOptions
from mimbench.errors import RecipeError, UnknownNameError
from mimbench.evaluation.auditing import audit_images
from mimbench.evaluation.planning.claimed import as_flags, flags_for, full_command, lacking
from mimbench.evaluation.planning.flags import resolve_run
from mimbench.evaluation.planning.plan import make_plan, plan_images
from mimbench.evaluation.planning.run_file import RunFile
from mimbench.progress import Silent

RUN = """
detectors = [{ extends = "mim", name = "mim-short" }, "resnet18", "histogram"]
suites = ["derm-c"]
swap = ["orf"]
[data]
data = ["phantom"]
"""


def claims(**fields: Any) -> ClaimsFile:
    own = {"id": "a", "statement": "A.", "kind": "at_least", "rows": ("mim/ssim",), "bound": 0.6}
    if fields.get("kind", "at_least") != "at_least":
        del own["bound"]
    return ClaimsFile(name="own", claim=(Claim(**{**own, **fields}),))


def noise(*corruptions: str) -> ClaimsFile:
    return claims(corruptions=corruptions)


def test_a_claim_brings_its_rows_the_controls_three_trainings_and_the_swap_test() -> None:
    stated = claims(kind="superior", against=("resnet18/posterior", "file-statistics-64px"))
    needed = flags_for(stated, "default", {"data": ["photos"]})
    controls = ["harmonic", "random-generator", "complexity", "histogram"]
    only = ["mim", "resnet18", "file-statistics", *controls]
    trained = {"folds": 3, "seeds": 3}
    assert needed == {"only": only, "suite": ["none"], **trained, "swap": ["auto"]}
    run = resolve_run("default", {"data": ["photos"], **needed})
    assert run.detectors == tuple(only)
    assert (run.suites, run.folds, run.seeds, run.swap) == ((), 3, 3, ("auto",))
    assert as_flags(needed).startswith("--only mim,resnet18,file-statistics,harmonic,")
    assert as_flags({"only": ["a,b.toml", "mim"]}) == "--only a,b.toml --only mim"
    assert as_flags(needed).endswith(" --suite none --folds 3 --seeds 3 --swap auto")


def test_what_the_user_or_the_run_file_says_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(RUN, encoding="utf-8")
    needed = flags_for(claims(rows=("mim-short/ssim",)), str(path), {})
    assert needed == {
        "only": ["mim-short", "histogram"],
        "suite": ["none"],
        "folds": 3,
        "seeds": 3,
    }
    short, _, histogram = resolve_run(str(path), {}).detectors
    assert resolve_run(str(path), needed).detectors == (short, histogram)
    given = {"only": ["mim"], "suite": ["quick"], "seeds": 1, "swap": ["none"], "data": ["x"]}
    assert flags_for(noise("fog"), "default", {**given, "folds": 1}) == {}
    for split in ({"folds": 1}, {"given_fold": 2}):
        single = flags_for(claims(), "default", split)
        assert ("folds" in single, single["seeds"]) == (False, 3)
    path.write_text(f"folds = 5\nseeds = 4\n{RUN}", encoding="utf-8")
    several = flags_for(claims(rows=("resnet18/msp",)), str(path), {})
    assert not {"folds", "seeds"} & set(several)
    path.write_text(f'seeds = "many"\n{RUN}', encoding="utf-8")
    needed = flags_for(claims(rows=("resnet18/msp",)), str(path), {})
    with pytest.raises(RecipeError, match="seeds"):
        resolve_run(str(path), needed)


def test_an_added_detector_is_not_named_twice() -> None:
    given = {"detector": ["mine.py:Mine"]}
    needed = flags_for(claims(rows=("Mine",)), "default", given)
    assert "Mine" not in needed["only"]
    run = resolve_run("default", {**given, **needed})
    assert run.detectors[-1] == "mine.py:Mine"


@pytest.mark.parametrize(
    ("asked", "suites", "severities"),
    [
        (["gaussian_noise"], ["quick"], "1,3,5"),  # the run's own suite comes first
        (["fog", "speckle_noise"], ["imagenet-c", "imagenet-c-extra"], "1,3,5"),
        (["*"], None, None),  # all that the run has
    ],
)
def test_the_corruptions_of_claims_are_measured_and_no_others(
    asked: Sequence[str], suites: list[str] | None, severities: str | None, photos: Path
) -> None:
    needed = flags_for(noise(*asked), "default", {})
    assert (needed.get("suite"), needed.get("severities")) == (suites, severities)
    assert needed.get("corruption") == (list(asked) if suites else None)
    run = resolve_run("default", needed)
    every = conditions(resolve_run("default", {}), photos)
    assert conditions(run, photos) == (set(asked) if suites else every)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for name, level, count in (("mpox", 90, 6), ("acne", 140, 4), ("orf", 170, 6)):
        write_category(folder / name, level, count, level)
    return folder


def conditions(run: RunFile, photos: Path) -> set[str]:
    """Names of what a run measures beside clean images."""
    data = ImageOptions(data=(str(photos),), canonical_size=32)
    plan = plan_images(run.model_copy(update={"data": data}))
    return {condition.name for condition in plan.conditions} - {"clean"}


def test_severities_that_a_suite_lacks_are_not_asked_for(tmp_path: Path) -> None:
    suite = tmp_path / "own.toml"
    suite.write_text('name = "own"\nseverities = [2]\ncorruptions = ["fog"]', encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(RUN.replace("derm-c", str(suite)), encoding="utf-8")
    needed = flags_for(noise("fog"), str(path), {})
    assert needed["suite"] == [str(suite)]
    assert "severities" not in needed


def test_a_row_or_corruption_that_nothing_brings_is_an_error_before_the_run() -> None:
    with pytest.raises(RecipeError, match=r"Claim 'a' .*'mmi/ssim'.*Did you mean mim.*--detector"):
        flags_for(claims(rows=("mmi/ssim",)), "default", {})
    with pytest.raises(RecipeError, match=r"no suite has.*Did you mean gaussian_noise"):
        flags_for(noise("gausian_noise"), "default", {})


def test_a_claim_on_known_categories_brings_a_known_curve_from_one_category() -> None:
    needed = flags_for(read_claims("mim-paper"), "default", {})
    assert needed["known_curve"] == "1"
    assert needed["corruption"] == [
        "gaussian_noise",
        "shot_noise",
        "impulse_noise",
        "speckle_noise",
    ]


def test_images_that_claims_lack_are_told_by_role() -> None:
    paper = read_claims("mim-paper")
    photos = resolve_run("default", {"data": ["photos"]})
    told = list(lacking(paper, photos))
    assert [line.partition(",")[0] for line in told[-3:]] == [
        "Not tested without --unknown DIR: mean-auroc",
        "Not tested without --abnormal DIR",
        "Not tested without --external DIR",
    ]
    without = "Not tested without the rows efficientnet_lite0-64/posterior: better-on-unknown."
    assert without in told
    phantom = resolve_run("default", flags_for(paper, "default", {}))
    assert [line for line in lacking(paper, phantom) if "--external" not in line] == []


def test_rows_and_corruptions_that_the_users_flags_leave_out_are_told(photos: Path) -> None:
    given = {"only": ["histogram"], "suite": ["quick"], "corruption": ["brightness"]}
    run = resolve_run("default", given)
    told = lacking(noise("gaussian_noise"), run)
    assert next(told) == "Not tested without the rows mim/ssim: a."
    own = claims(rows=("histogram",), corruptions=("gaussian_noise", "*"))
    assert list(lacking(own, run)) == ["Not tested without --corruption gaussian_noise,*: a."]


def test_members_of_an_ensemble_come_with_it_and_a_score_must_exist() -> None:
    needed = flags_for(claims(rows=("mim-resnet18",)), "default", {})
    assert {"mim", "resnet18", "mim-resnet18"} <= set(needed["only"])
    with pytest.raises(RecipeError, match="Claim 'a': Unknown row 'mim/sim'"):
        flags_for(claims(rows=("mim/sim",)), "default", {})


def test_a_run_file_with_severities_serves_claims_without_corruptions() -> None:
    run = resolve_run("phantom-panel", flags_for(claims(), "phantom-panel", {}))
    assert (run.suites, run.severities, run.corruptions) == ((), (), ())
    given = {"severities": "1"}
    assert "suite" not in flags_for(claims(), "phantom-panel", given)


def test_a_filter_of_corruptions_needs_a_suite_that_has_them(photos: Path) -> None:
    fog = resolve_run("default", {"suite": ["imagenet-c"], "corruption": ["fog,frost"]})
    assert fog.corruptions == ("fog", "frost")
    assert conditions(fog, photos) == {"fog", "frost"}
    with pytest.raises(UnknownNameError, match="Unknown corruption of the run's suites 'fgo'"):
        conditions(resolve_run("default", {"suite": ["quick"], "corruption": ["fgo"]}), photos)
    with pytest.raises(RecipeError, match="--corruption needs a corruption suite"):
        conditions(resolve_run("default", {"suite": ["none"], "corruption": ["fog"]}), photos)


def test_the_swap_test_is_on_the_known_category_with_most_patients(photos: Path) -> None:
    given = {"data": [str(photos)], "only": ["histogram"], "suite": ["none"], "canonical_size": 32}
    plan = make_plan(resolve_run("default", {**given, "swap": ["auto"]}))
    assert {spec.fitted_on for spec in plan.fits} == {"mpox", "orf"}
    assert "The swap test is on orf." in plan.dataset.notes
    both = make_plan(resolve_run("default", {**given, "swap": ["auto", "orf"]}))
    assert len(both.fits) == len(plan.fits)


def test_a_threshold_that_no_claim_needs_is_not_spoken_of(photos: Path) -> None:
    given = {"data": [str(photos)], "only": ["histogram"], "suite": ["none"], "canonical_size": 32}
    run = resolve_run("default", given)
    told = [
        [note for note in plan.dataset.notes if note.startswith("No frozen threshold")]
        for plan in (make_plan(run), make_plan(run, threshold=False))
    ]
    assert [len(notes) for notes in told] == [1, 0]
    asked = [claims(), claims(metric="sensitivity"), claims(role="external")]
    assert [own.claim[0].needs_threshold for own in asked] == [False, True, True]


def test_a_run_for_claims_names_the_warnings_that_its_checks_and_page_tell(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = (
        Finding("error", "near-duplicates", "A leak."),
        Finding("warning", "near-duplicates", "A pair."),
        Finding("warning", "source probe", "Separated."),
        Finding("warning", "marks", "A logo."),
        Finding("note", "reading", "All read."),
    )
    monkeypatch.setattr(
        "mimbench.evaluation.auditing.cached_audit", lambda *_: Audit(found, images=3)
    )
    given = {"data": [str(photos)], "only": ["histogram"], "suite": ["none"], "canonical_size": 32}
    plan = make_plan(resolve_run("default", given))
    told: list[str] = []
    progress = Silent()
    monkeypatch.setattr(progress, "message", told.append, raising=False)
    audit_images(plan, tmp_path, progress, strict=False, claimed=True)
    assert told[:2] == ["Audit error, near-duplicates: A leak.", "Audit warning, marks: A logo."]
    assert told[2] == "Audit warnings, told on the page: near-duplicates, source probe."
    told.clear()
    audit_images(plan, tmp_path, progress, strict=False)
    assert [line.partition(":")[0] for line in told[:4]] == [
        f"Audit {own.severity}, {own.check}" for own in found[:4]
    ]


def test_without_a_known_category_there_is_no_swap_test_and_a_note(tmp_path: Path) -> None:
    write_category(tmp_path / "photos" / "mpox", 90, 6, 1)
    write_category(tmp_path / "others" / "orf", 170, 6, 2)
    given = {
        "data": [str(tmp_path / "photos")],
        "unknown": [str(tmp_path / "others")],
        "only": ["histogram"],
        "suite": ["none"],
        "swap": ["auto"],
        "canonical_size": 32,
    }
    plan = make_plan(resolve_run("default", given))
    assert {spec.fitted_on for spec in plan.fits} == {"mpox"}
    assert any("The swap test is not run" in note for note in plan.dataset.notes)


def test_the_full_command_leaves_out_what_makes_a_run_a_first_look() -> None:
    given = {
        "data": ["my photos"],
        "target": "mpox",
        "harmonise": True,
        "folds": 1,
        "seeds": 1,
        "swap": ["none"],
        "suite": None,
    }
    whole = full_command("tour", given, "ours.toml")
    start = "mimbench run --data 'my photos' --target mpox --harmonise"
    assert whole == f"{start} --claims ours.toml"
    given = {"data": ["x"], "folds": 5, "seeds": 3}
    assert full_command("default", given, "ours.toml") == ""
    assert full_command("mine.toml", {**given, "seeds": 2}, "ours.toml") == (
        "mimbench run mine.toml --data x --folds 5 --claims ours.toml"
    )
