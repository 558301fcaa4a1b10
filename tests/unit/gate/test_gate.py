"""The gate calls what it should: damage, twins, improvements, and runs that are not comparable."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from made_tables import Made, made_images, made_tables

from mimbench.cli import main
from mimbench.errors import MimbenchError
from mimbench.gate import (
    GateSettings,
    Spread,
    as_json,
    as_junit,
    as_markdown,
    as_text,
    folder_settings,
    gate,
    movers,
    read_gate_file,
)
from mimbench.gate.decision import decide
from mimbench.scores.tables import RunTables
from mimbench.statistics.core.influence import Influence
from mimbench.statistics.ranking.roc import auroc
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.run.uncertainty import Measured
from mimbench.statistics.run.variance import Part

pytest_plugins = ["pytester"]

SEEDS = (0, 1, 2)
GOOD = {"mim": Made(0.85, drop=0.02), "harmonic": Made(0.6, control=True)}
BAD = GOOD | {"mim": Made(0.6, drop=0.02)}


@pytest.fixture(scope="module")
def reference() -> RunTables:
    return made_tables(GOOD, seeds=SEEDS)


def test_a_damaged_model_fails_with_exit_1_and_names_what_broke(reference: RunTables) -> None:
    result = gate(reference, made_tables(BAD, seeds=SEEDS, draw=1))
    assert result.verdicts == {"mim": "regression"}
    assert result.exit_code == 1
    assert [test.condition for test in result.tests] == ["clean", "corrupted"]
    assert "REGRESSION" in as_text(result)


def test_a_retrained_twin_raises_no_alarm(reference: RunTables) -> None:
    result = gate(reference, made_tables(GOOD, seeds=SEEDS, draw=1))
    assert "regression" not in result.verdicts.values()
    assert result.exit_code == 0
    assert all(test.retraining_sd > 0 for test in result.tests)


def test_a_better_model_is_an_improvement_and_swapped_it_is_a_regression(
    reference: RunTables,
) -> None:
    worse = made_tables(BAD, seeds=SEEDS, draw=1)
    assert gate(worse, reference).verdicts == {"mim": "improvement"}


def test_identical_scores_pass_without_any_patient_to_spare(reference: RunTables) -> None:
    result = gate(reference, reference)
    assert result.verdicts == {"mim": "pass"}
    strict = gate(reference, reference, GateSettings(require_evidence=True))
    assert strict.exit_code == 0


def test_scores_that_a_reference_keeps_in_single_precision_are_the_same(
    reference: RunTables,
) -> None:
    scores = reference.scores
    rounded = scores.assign(value=scores["value"].astype("float32").astype("float64"))
    assert not rounded["value"].equals(scores["value"])
    kept = RunTables(rounded, reference.fits, reference.images)
    result = gate(kept, reference, GateSettings(require_evidence=True))
    assert result.exit_code == 0
    assert "every score is the same" in as_text(result)
    moved = scores.assign(value=scores["value"] * 1.001)
    other = RunTables(moved, reference.fits, reference.images)
    assert "every score is the same" not in as_text(gate(reference, other))


def test_a_change_that_keeps_all_ranks_passes_and_says_so(reference: RunTables) -> None:
    """Such as a distance that becomes its square; its recipe and models may be others."""
    fits = reference.fits.assign(state_hash=reference.fits["state_hash"] + "-new")
    scores = reference.scores.assign(value=np.exp(reference.scores["value"]))
    scores = scores.sample(frac=1, random_state=0, ignore_index=True)  # the order says nothing
    changed = RunTables(scores, fits, reference.images)
    result = gate(reference, changed, GateSettings(require_evidence=True))
    assert result.exit_code == 0
    assert result.verdicts == {"mim": "pass"}
    for shown in (as_text(result), as_markdown(result), as_junit(result), as_json(result)):
        assert "nan" not in shown.lower()
        assert "null" not in shown
    for shown in (as_text(result), as_markdown(result)):
        assert "1 row in which all images keep their ranks" in shown
        assert "largest drops" not in shown.lower()
        assert "every score is the same" not in shown


@pytest.mark.parametrize(
    "images",
    [{"acne-003": 50.0}, {"acne-003": -50.0, "acne-004": 50.0}, {"mpox-003": 50.0}],
)
@pytest.mark.parametrize("where", [("clean", 0, 0), ("gaussian_noise", 3, 2)])
def test_one_image_that_moves_in_one_model_and_condition_is_a_change(
    reference: RunTables, images: dict[str, float], where: tuple[str, int, int]
) -> None:
    corruption, severity, seed = where
    fit = reference.fits.loc[reference.fits["seed"] == seed, "fit_id"]
    scores = reference.scores.assign(value=np.exp(reference.scores["value"]))
    for image, move in images.items():
        here = (
            (scores["image_id"] == image)
            & scores["fit_id"].isin(fit)
            & (scores["corruption"] == corruption)
            & (scores["severity"] == severity)
        )
        assert here.any()
        scores.loc[here, "value"] += move
    result = gate(reference, RunTables(scores, reference.fits, reference.images))
    assert not any(test.unchanged for test in result.tests)
    assert "keep their ranks" not in as_text(result)


def test_two_models_that_both_separate_few_images_are_not_said_to_be_the_same() -> None:
    """Each image is right in both, but in another order: the next patient may not be."""
    rows = {"mim": Made(1 - 1e-15)}
    images = made_images({"mpox": ("target", "clinic", 60), "acne": ("unknown", "clinic", 60)})
    runs = [made_tables(rows, images=images, seeds=SEEDS, draw=draw) for draw in (0, 1)]
    result = gate(*runs)
    assert [test.drop for test in result.tests] == [0, 0]
    assert result.verdicts == {"mim": "inconclusive"}
    for shown in (as_text(result), as_markdown(result), as_junit(result)):
        assert "nan" not in shown
        assert "unknown" in shown
        assert "largest drops" not in shown.lower()


def test_an_outlier_does_not_hide_that_other_images_changed_places(reference: RunTables) -> None:
    """Both models separate all images; how the other targets are ranked differs."""
    runs = []
    for sign in (1, -1):
        scores = reference.scores.copy()
        mim, target = scores["score"] == "mim", scores["image_id"].str.startswith("mpox")
        scores.loc[mim, "value"] = np.where(target, 0, 1e4) + sign * scores["value"]
        scores.loc[mim & (scores["image_id"] == "acne-000"), "value"] = 1e12
        runs.append(RunTables(scores, reference.fits, reference.images))
    assert not any(test.unchanged for test in gate(*runs).tests)


def test_images_whose_order_rounding_swaps_keep_their_ranks(reference: RunTables) -> None:
    """Two images of one side, with none between them, change no placement value."""
    highest = reference.scores["value"].max()
    runs = []
    for order in (("acne-000", "acne-001"), ("acne-001", "acne-000")):
        scores = reference.scores.copy()
        for step, image in enumerate(order):
            own = (scores["image_id"] == image) & (scores["score"] == "mim")
            scores.loc[own, "value"] = highest + 1 + 1e-7 * step
        runs.append(RunTables(scores, reference.fits, reference.images))
    (verdict,) = {test.unchanged for test in gate(*runs).tests}
    assert verdict == "ranks"


def test_a_twin_without_enough_patients_passes_unless_evidence_is_required(
    reference: RunTables,
) -> None:
    twin = made_tables(GOOD, seeds=SEEDS, draw=1)
    assert gate(reference, twin).verdicts == {"mim": "inconclusive"}
    result = gate(reference, twin, GateSettings(require_evidence=True))
    assert result.exit_code == 1
    assert "Gate failed" in as_text(result)
    assert "<failure" in as_junit(result)


def test_the_drop_is_the_difference_of_mean_aurocs(reference: RunTables) -> None:
    candidate = made_tables(BAD, seeds=SEEDS, draw=1)
    test = gate(reference, candidate).tests[0]
    for run, value in ((reference, test.reference), (candidate, test.candidate)):
        clean = run.scores[(run.scores["corruption"] == "clean") & (run.scores["score"] == "mim")]
        clean = clean.merge(run.images, on="image_id")
        clean = clean[(clean["split_0"] == "test") & clean["role"].isin(["target", "unknown"])]
        seeds = [
            auroc(
                own.loc[own["role"] == "target", "value"],
                own.loc[own["role"] == "unknown", "value"],
            ).value
            for _, own in clean.groupby("fit_id")
        ]
        assert np.mean(seeds) == pytest.approx(value)
    assert test.drop == pytest.approx(test.reference - test.candidate)


def test_one_seed_without_a_recorded_spread_is_not_comparable() -> None:
    runs = [made_tables(GOOD, draw=draw) for draw in (0, 1)]
    result = gate(*runs)
    assert result.exit_code == 2
    assert [problem.kind for problem in result.problems] == ["retraining"]
    assert "only identical weights" in as_text(result)
    recorded = GateSettings(retraining={"mim": Spread(sd=0.01)})
    assert gate(*runs, recorded).exit_code == 0


def test_what_was_trained_elsewhere_is_judged_as_it_is_unless_a_spread_is_recorded() -> None:
    runs = []
    for draw, state in ((0, "old"), (1, "new")):
        made = made_tables(GOOD, draw=draw)
        fits = made.fits.assign(fitted_on="nothing", fold=pd.NA, seed=pd.NA, state_hash=state)
        runs.append(replace(made, fits=fits.astype({"fold": "Int64", "seed": "Int64"})))
    alone = gate(*runs)
    assert not alone.problems
    assert "retraining variance excluded" in as_text(alone)
    recorded = gate(*runs, GateSettings(retraining={"mim": Spread(sd=0.02)}))
    for before, after in zip(alone.tests, recorded.tests, strict=True):
        assert after.retraining_sd == pytest.approx(0.02 * 2**0.5)
        assert after.high - after.low > before.high - before.low


def test_identical_weights_need_no_seeds() -> None:
    run = made_tables(GOOD)
    shaken = run.scores.assign(value=run.scores["value"] + 1e-3 * np.arange(len(run.scores)) % 7)
    result = gate(run, RunTables(shaken, run.fits, run.images))
    assert not result.problems
    assert all(test.retraining_sd == 0 for test in result.tests)


def test_models_without_a_recorded_hash_are_not_taken_for_the_same() -> None:
    runs = []
    for draw in (0, 1):
        made = made_tables(GOOD, draw=draw)
        runs.append(replace(made, fits=made.fits.assign(state_hash="")))
    result = gate(*runs)
    assert result.exit_code == 2
    assert [problem.kind for problem in result.problems] == ["retraining"]
    assert not result.tests


@pytest.mark.parametrize("kind", ["missing-row", "nan", "images", "conditions", "recipe"])
def test_what_changed_fails_by_name_unless_allowed(reference: RunTables, kind: str) -> None:
    changed, words = _changed(reference, kind)
    rows = ("mim", "harmonic")
    result = gate(reference, changed, GateSettings(rows=rows))
    assert result.exit_code == 2
    assert any(p.kind == kind and words in p.message for p in result.problems)
    assert gate(reference, changed, GateSettings(rows=rows, allow=(kind,))).exit_code == 0


def _changed(run: RunTables, kind: str) -> tuple[RunTables, str]:
    scores, fits, images = run.scores, run.fits, run.images
    if kind == "missing-row":
        return replace(run, scores=scores[scores["score"] != "harmonic"]), "row harmonic"
    if kind == "nan":
        lost = (scores["score"] == "harmonic") & (scores["image_id"] == "acne-000")
        return replace(run, scores=scores[~lost]), "harmonic has no AUROC: 1 of 120"
    if kind == "images":
        kept = images["image_id"] != "acne-000"
        left = scores[scores["image_id"] != "acne-000"]
        return RunTables(left, fits, images[kept]), "1 image is in the reference only"
    if kind == "conditions":
        return replace(run, scores=scores[scores["severity"] < 3]), "gaussian_noise 3"
    return replace(run, fits=fits.assign(recipe_hash="new")), "recipe of harmonic changed"


def test_nothing_compared_is_no_pass(reference: RunTables) -> None:
    fits = reference.fits.assign(status="failed", reason="out of memory")
    broken = RunTables(reference.scores.iloc[:0], fits, reference.images)
    result = gate(broken, reference)
    assert result.exit_code == 3
    assert "reference has no scores for the row mim: out of memory" in as_text(result)
    assert [problem.kind for problem in result.problems] == ["missing-row"]
    turned = gate(reference, broken)
    assert turned.exit_code == 3
    assert "candidate has no scores for the row mim: out of memory" in as_text(turned)
    fewer = made_images({"mpox": ("target", "clinic", 60), "acne": ("unknown", "clinic", 60)})
    changed = gate(RunTables(broken.scores, broken.fits, fewer), reference)
    assert changed.exit_code == 2
    assert "--allow images" in as_text(changed)
    assert "--allow images" in as_markdown(changed)
    nobody = gate(made_tables({"harmonic": GOOD["harmonic"]}), reference)
    assert nobody.exit_code == 2
    assert "nothing is gated" in as_text(nobody)
    unseen = gate(
        reference, broken, GateSettings(rows=("mim",), allow=("missing-row", "conditions"))
    )
    assert unseen.exit_code == 2
    assert "--row NAME" in as_text(unseen)
    assert "--row NAME" not in as_text(gate(reference, reference))


def test_a_regression_beside_a_missing_row_is_still_a_regression(reference: RunTables) -> None:
    candidate = made_tables({"mim": BAD["mim"]}, seeds=SEEDS, draw=1)
    result = gate(reference, candidate, GateSettings(rows=("mim", "harmonic")))
    assert result.exit_code == 1
    assert [problem.kind for problem in result.problems] == ["missing-row"]


def test_a_detector_that_failed_in_the_reference_is_said_by_name_and_the_others_are_gated(
    reference: RunTables, tmp_path: Path
) -> None:
    candidate = made_tables({**GOOD, "vit": Made(0.8)}, seeds=SEEDS)
    lost = candidate.fits["detector"] == "vit"
    told = {"status": "failed", "reason": "out of memory"}
    fits = candidate.fits.copy()
    fits.loc[lost, list(told)] = list(told.values())
    kept = ~candidate.scores["fit_id"].isin(fits.loc[lost, "fit_id"])
    broken = RunTables(candidate.scores[kept], fits, candidate.images)
    broken.write(tmp_path)
    for settings in (GateSettings(), folder_settings(tmp_path)):
        result = gate(broken, candidate, settings)
        assert result.exit_code == 3
        assert "incomplete" in as_text(result)
        assert "--allow missing-row" in as_text(result)
        assert "Failed: the reference has no scores for the row vit" in as_text(result)
        assert result.verdicts == {"mim": "pass"}
        assert [problem.message for problem in result.problems] == [
            "the reference has no scores for the row vit: out of memory"
        ]
        allowed = settings.model_copy(update={"allow": ("missing-row",)})
        assert gate(broken, candidate, allowed).exit_code == 0
        both = gate(broken, broken, settings)
        assert both.exit_code == 0
        assert "neither run has scores for the row vit: out of memory" in as_text(both)


def drop(value: float, variance: float, patients: int = 51, *parts: Part) -> Measured:
    """A drop with the given variance over patients, and further parts of it."""
    each = np.full((1, patients), np.sqrt(variance / patients))
    nobody = np.zeros((1, patients))
    share = np.full((1, patients), 1 / patients)
    own = Influence(np.asarray([value]), each, nobody, nobody, share, nobody, ("",))
    return Measured(own, parts=parts)


def test_holm_keeps_one_alarm_from_many_tests() -> None:
    def drops(size: int) -> list[Measured]:
        return [drop(0.05 if k == 0 else 0.0, 4e-4, 2000) for k in range(size)]

    assert decide(drops(1), 0.01, 0.05).verdicts[0] == "regression"
    assert decide(drops(10), 0.01, 0.05).verdicts[0] != "regression"


def test_retraining_widens_the_interval_with_few_degrees_of_freedom() -> None:
    unsure = Part("retraining", np.full((1, 1), 1e-2), 2)
    assert decide([drop(0.03, 1e-4)], 0.01, 0.05).verdicts == ("regression",)
    assert decide([drop(0.03, 1e-4, 51, unsure)], 0.01, 0.05).verdicts == ("inconclusive",)


def test_an_unknown_spread_of_retraining_gives_no_verdict() -> None:
    own = RunAurocs(made_tables(GOOD)).measured(Quantity("mim", relation="same-source"))
    lower = replace(own, patients=replace(own.patients, value=own.value - 0.5))
    found = decide([own.minus(lower, alike=True)], 0.01, 0.05)
    assert found.verdicts != ("regression",)


def test_the_images_that_moved_most_are_those_that_were_moved(reference: RunTables) -> None:
    scores = reference.scores.copy()
    moved = scores["image_id"].isin(["acne-003", "acne-007"]) & (scores["score"] == "mim")
    scores.loc[moved, "value"] -= 50
    table = movers(reference, replace(reference, scores=scores), ("mim",), 2)
    assert set(table["image_id"]) == {"acne-003", "acne-007"}
    assert (table["after"] < table["before"]).all()
    judged = movers(
        reference, replace(reference, scores=scores), ("mim",), role="known", relation="same-source"
    )
    assert not set(table["image_id"]) & set(judged["image_id"])


def test_every_output_tells_the_same(reference: RunTables) -> None:
    result = gate(reference, made_tables(BAD, seeds=SEEDS, draw=1))
    suite = ElementTree.fromstring(as_junit(result))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "2", "0")
    assert json.loads(as_json(result))["verdicts"] == result.verdicts
    assert as_markdown(result).count("| regression | mim |") == 2


def test_a_number_that_cannot_be_had_is_null_for_programs() -> None:
    few = made_images({"mpox": ("target", "clinic", 6), "acne": ("unknown", "clinic", 2)})
    runs = [made_tables({"mim": Made(0.8)}, images=few, seeds=SEEDS, draw=draw) for draw in (0, 1)]
    told = json.loads(as_json(gate(*runs)))
    assert [test["visible"] for test in told["tests"]] == [None, None]


def test_runs_without_common_images_are_one_sentence(reference: RunTables) -> None:
    other = made_images({"mpox": ("target", "x", 8), "flea": ("unknown", "x", 8)})
    other = other.assign(image_id=["other-" + name for name in other["image_id"]])
    with pytest.raises(MimbenchError, match="no image in common"):
        gate(reference, made_tables(GOOD, images=other))


def test_a_gate_file_with_an_unknown_field_is_refused(tmp_path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text("margins = 0.02\n")
    with pytest.raises(MimbenchError, match="margins"):
        read_gate_file(path)


def test_the_fixture_fails_a_test_of_someone_elses_suite(
    reference: RunTables, pytester: pytest.Pytester
) -> None:
    for name, run in (("good", reference), ("bad", made_tables(BAD, seeds=SEEDS, draw=1))):
        (pytester.path / name).mkdir()
        run.write(pytester.path / name)
    pytester.makeconftest('pytest_plugins = ["mimbench.gate.fixture"]')
    pytester.makepyfile(
        """
        def test_same(mimbench_gate):
            mimbench_gate("good", "good", require_evidence=True)

        def test_damaged(mimbench_gate):
            mimbench_gate("good", "bad", margin=0.02)
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*REGRESSION*mim*"])


def test_command_and_fixture_gate_the_headline_rows(
    tmp_path: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {"mim/ssim": Made(0.85), "harmonic": Made(0.6, control=True)}
    described = json.dumps({"detectors": [{"name": "mim", "headline": ["ssim"]}]})
    for name, sign, draw in (("before", 1, 0), ("after", -1, 1)):
        made = made_tables(rows, seeds=SEEDS, draw=draw)
        own = made.scores[made.scores["score"] == "mim/ssim"]
        further = own.assign(score="mim/l1", value=sign * own["value"])  # broken, but no headline
        made = replace(made, scores=pd.concat([made.scores, further], ignore_index=True))
        for place in (tmp_path / name, pytester.path / name):
            place.mkdir()
            made.write(place)
            (place / "run.json").write_text(described)
    assert folder_settings(tmp_path / "before").rows == ("mim/ssim",)
    asked = folder_settings(tmp_path / "before", None, {"rows": ["mim/l1"]})
    assert asked.rows == ("mim/l1",)
    command = ["mimbench", "gate", str(tmp_path / "before"), str(tmp_path / "after")]
    monkeypatch.setattr(sys, "argv", command)
    assert main() == 0
    monkeypatch.setattr(sys, "argv", [*command, "--row", "mim/l1"])
    assert main() == 1
    pytester.makeconftest('pytest_plugins = ["mimbench.gate.fixture"]')
    pytester.makepyfile(
        """
        def test_headlines(mimbench_gate):
            mimbench_gate("before", "after")
        """
    )
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
