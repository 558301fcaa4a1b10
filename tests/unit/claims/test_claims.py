"""Verdicts: each of the five arises from a run that was made to deserve it."""

import json
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_tables import Made, made_images, made_tables
from scipy.stats import norm
from withheld_fits import add_withheld

from mimbench.claims import (
    Claim,
    ClaimsFile,
    Verdict,
    as_text,
    exit_code,
    read_claims,
    verify,
    write_verdicts,
)
from mimbench.claims.evidence import Place, RunEvidence
from mimbench.claims.finding import _change, _way_out, find
from mimbench.claims.sample_size import more_patients, open_question
from mimbench.errors import MimbenchError
from mimbench.evaluation.planning.known_subsets import withheld_from
from mimbench.recipes import names, read_recipe
from mimbench.scores.tables import RunTables
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.run.uncertainty import paired_difference
from mimbench.statistics.tables.class_signal import class_signal_table

SEEDS = (0, 1, 2)
ROWS = {
    "good": Made(0.92, drop=0.01, swap=0.6),
    "skin": Made(0.92, drop=0.01, swap=0.92),  # would do as well without the target
    "cnn": Made(0.75, drop=0.06),
    "twin": Made(0.92),
    "harmonic": Made(0.6, control=True),
}


@pytest.fixture(scope="module")
def run() -> RunTables:
    return made_tables(ROWS, seeds=SEEDS)


def claim(kind: str = "at_least", row: str = "good", **fields: Any) -> Claim:
    if kind == "at_least":
        fields.setdefault("bound", 0.8)
    return Claim(id="c", statement="It holds.", kind=kind, rows=(row,), **fields)


def judge(run: RunTables, *claims: Claim) -> list[Verdict]:
    named = [own.model_copy(update={"id": f"c{k}"}) for k, own in enumerate(claims)]
    return verify(run, ClaimsFile(name="test", claim=tuple(named)))


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        (claim(), "supported"),
        (claim(row="cnn", bound=0.9), "refuted"),
        (claim(bound=0.91), "inconclusive"),
        (claim(row="skin"), "confounded"),
        (claim(row="vit"), "not tested"),
        (claim(role="external"), "not tested"),
        (claim("superior", against=("cnn",)), "supported"),
        (claim("superior", against=("cnn", "twin")), "inconclusive"),
        (claim("superior", row="cnn", against=("good",)), "refuted"),
        (claim("non_inferior", against=("twin",), margin=0.1), "supported"),
        (claim("non_inferior", row="cnn", against=("good",), margin=0.02), "refuted"),
        (claim("degrades_less", against=("cnn",), corruptions=("gaussian_noise",)), "supported"),
        (
            claim("degrades_less", row="cnn", against=("good",), corruptions=("*",)),
            "not tested",  # its corrupted AUROC is lower
        ),
        (claim("degrades_less", against=("cnn",), corruptions=("snow",)), "not tested"),
        (claim("degrades_less", against=("harmonic",), corruptions=("*",)), "not tested"),
    ],
)
def test_a_run_gives_the_verdict_that_it_deserves(
    run: RunTables, asked: Claim, verdict: str
) -> None:
    assert [own.verdict for own in judge(run, asked)] == [verdict]


def test_an_opponent_that_the_run_lacks_leaves_a_claim_open_or_refuted(run: RunTables) -> None:
    superior = claim("superior", against=("cnn", "vit"))
    refuted = claim("superior", row="cnn", against=("vit", "good"))
    nobody = claim("superior", against=("vit",))
    alone = claim("superior", against=("cnn",))
    given, held, empty, full = judge(run, superior, refuted, nobody, alone)
    assert full.verdict == "supported"  # what the missing opponent turns into an open one
    assert given.verdict == "inconclusive"
    assert "'vit'" in given.explanation
    assert held.verdict == "refuted"
    assert empty.verdict == "not tested"


def test_a_row_that_is_misspelt_is_told_the_right_one_and_a_missing_one_its_flag(
    run: RunTables,
) -> None:
    misspelt, lacking = judge(run, claim(row="harmonik"), claim(row="resnet18/posterior"))
    assert "Did you mean harmonic?" in misspelt.explanation
    assert misspelt.remedy == ""
    assert lacking.remedy == "--detector resnet18"


def test_an_opponent_that_failed_leaves_a_claim_open(run: RunTables) -> None:
    lost = run.fits["detector"] == "twin"
    fits = run.fits.assign(
        status=run.fits["status"].mask(lost, "not run"),
        reason=run.fits["reason"].mask(lost, "weights are missing"),
    )
    kept = ~run.scores["fit_id"].isin(run.fits.loc[lost, "fit_id"])
    failed = RunTables(run.scores[kept], fits, run.images)
    (verdict,) = judge(failed, claim("superior", against=("cnn", "twin")))
    assert verdict.verdict == "inconclusive"
    assert "twin" in verdict.explanation
    assert "weights are missing" in verdict.explanation


def test_a_control_that_does_as_well_confounds() -> None:
    rows = {"mim": Made(0.9), "histogram": Made(0.9, control=True)}
    (verdict,) = judge(made_tables(rows, seeds=SEEDS), claim(row="mim"))
    assert verdict.verdict == "confounded"
    assert "not clearly above the control histogram" in verdict.explanation


def test_the_swap_test_is_quoted_with_its_numbers(run: RunTables) -> None:
    (verdict,) = judge(run, claim(row="skin"))
    table = class_signal_table(run).set_index(["row", "role"])
    assert f"{table.loc[('skin', 'unknown'), 'value']:+.2f}" in verdict.explanation
    assert "not clearly above itself when fitted on measles" in verdict.explanation


def test_where_the_swap_category_is_the_only_known_one_the_signal_on_itself_counts(
    run: RunTables,
) -> None:
    asked = [claim(row=row, role="known", bound=0.7) for row in ("good", "skin")]
    knows, blind = judge(run, *asked)
    assert (knows.verdict, blind.verdict) == ("supported", "confounded")
    assert "not clearly above itself when fitted on measles" in blind.explanation


def test_a_control_with_as_much_class_signal_confounds() -> None:
    rows = {
        "mim": Made(0.9, swap=0.6),
        "statistics": Made(0.7, swap=0.3, control=True),
        "harmonic": Made(0.5, control=True),
    }
    (verdict,) = judge(made_tables(rows, seeds=SEEDS), claim(row="mim", bound=0.6))
    assert verdict.verdict == "confounded"
    assert "no clearly more than it changes the control statistics" in verdict.explanation


def test_every_control_has_to_be_beaten_not_only_the_one_with_the_highest_number() -> None:
    rows = {
        "mim": Made(0.9, swap=0.5),
        "steady": Made(0.75, control=True),
        "shaky": Made(0.7, control=True, retraining_sd=0.14),
    }
    tables = made_tables(rows, seeds=SEEDS)
    evidence, place = RunEvidence(tables), Place(claim(row="mim"), "mim", "same-source")
    steady, shaky = (evidence.number(place, row).value[0] for row in ("steady", "shaky"))
    assert shaky < steady
    (verdict,) = judge(tables, claim(row="mim"))
    assert verdict.verdict == "confounded"
    assert "not clearly above the control shaky" in verdict.explanation
    assert judge(without(tables, "shaky"), claim(row="mim"))[0].verdict == "supported"


def lost(run: RunTables, failed: "pd.Series[bool]", reason: str = "out of memory") -> RunTables:
    """The same run, some of its fits failed."""
    fits = run.fits.assign(
        status=np.where(failed, "failed", run.fits["status"]),
        reason=np.where(failed, reason, run.fits["reason"]),
    )
    kept = ~run.scores["fit_id"].isin(run.fits.loc[failed, "fit_id"])
    return RunTables(run.scores[kept], fits, run.images)


def without(run: RunTables, row: str) -> RunTables:
    """The same run without one detector."""
    own = run.fits["detector"] == row
    kept = ~run.scores["fit_id"].isin(run.fits.loc[own, "fit_id"])
    return RunTables(run.scores[kept], run.fits[~own], run.images)


def test_without_a_control_nothing_is_supported(run: RunTables) -> None:
    (verdict,) = judge(without(run, "harmonic"), claim())
    assert verdict.verdict == "inconclusive"
    assert "no control row" in verdict.explanation
    assert np.isnan(verdict.more_target_patients)  # patients are not what is missing


def test_without_a_swap_test_a_one_class_detector_is_not_supported() -> None:
    tables = made_tables({"mim": Made(0.95), "harmonic": Made(0.5, control=True)}, seeds=SEEDS)
    (verdict,) = judge(tables, claim(row="mim"))
    assert verdict.verdict == "inconclusive"
    assert "--swap" in verdict.explanation
    classifier = tables.fits["detector"] == "mim"
    for column, value in (("family", "classifier"), ("trains_on", "known")):
        other = tables.fits.assign(**{column: np.where(classifier, value, "")})
        (verdict,) = judge(RunTables(tables.scores, other, tables.images), claim(row="mim"))
        assert verdict.verdict == "supported"
        assert "no swap test" in verdict.explanation
    plugin = tables.fits.assign(family="plug-in", trains_on="target")
    (verdict,) = judge(RunTables(tables.scores, plugin, tables.images), claim(row="mim"))
    assert verdict.verdict == "inconclusive"


def test_the_strongest_control_failing_supports_nothing() -> None:
    rows = {
        "mim": Made(0.9, swap=0.6),
        "histogram": Made(0.9, control=True),
        "harmonic": Made(0.5, control=True),
    }
    tables = made_tables(rows, seeds=SEEDS)
    assert judge(tables, claim(row="mim"))[0].verdict == "confounded"
    (verdict,) = judge(lost(tables, tables.fits["detector"] == "histogram"), claim(row="mim"))
    assert verdict.verdict == "inconclusive"
    assert "the control histogram has no number" in verdict.explanation
    assert "out of memory" in verdict.explanation


def test_one_failed_swap_fit_supports_nothing() -> None:
    tables = made_tables(
        {"mim": Made(0.95, swap=0.95), "harmonic": Made(0.5, control=True)}, seeds=SEEDS
    )
    assert judge(tables, claim(row="mim"))[0].verdict == "confounded"
    swap = tables.fits["fitted_on"] == "measles"
    for failed in (swap & (tables.fits["seed"] == 0), swap):
        (verdict,) = judge(lost(tables, failed), claim(row="mim"))
        assert verdict.verdict == "inconclusive"
        assert "the fit of mim on measles failed (out of memory)" in verdict.explanation


def test_a_control_whose_swap_fit_failed_is_named() -> None:
    rows = {
        "mim": Made(0.9, swap=0.6),
        "statistics": Made(0.7, swap=0.3, control=True),
        "harmonic": Made(0.5, control=True),
    }
    tables = made_tables(rows, seeds=SEEDS)
    failed = (tables.fits["detector"] == "statistics") & (tables.fits["fitted_on"] == "measles")
    (verdict,) = judge(lost(tables, failed), claim(row="mim", bound=0.6))
    assert verdict.verdict == "inconclusive"
    assert "the fit of statistics on measles failed" in verdict.explanation


def without_swaps(run: RunTables, row: str, *, fits: bool) -> RunTables:
    """The same run without the scores of a detector's swap fits; `fits`: without these fits too."""
    swap = (run.fits["detector"] == row) & (run.fits["fitted_on"] == "measles")
    kept = ~run.scores["fit_id"].isin(run.fits.loc[swap, "fit_id"])
    return RunTables(run.scores[kept], run.fits[~swap] if fits else run.fits, run.images)


@pytest.mark.parametrize("fits", [True, False], ids=["not fitted", "not scored"])
@pytest.mark.parametrize("row", ["statistics", "mim"])
def test_a_swap_test_that_was_not_made_is_missing(row: str, fits: bool) -> None:
    rows = {
        "mim": Made(0.9, swap=0.6),
        "statistics": Made(0.7, swap=0.3, control=True),
        "harmonic": Made(0.5, control=True),
    }
    tables = made_tables(rows, seeds=SEEDS)
    assert judge(tables, claim(row="mim", bound=0.6))[0].verdict == "confounded"
    (verdict,) = judge(without_swaps(tables, row, fits=fits), claim(row="mim", bound=0.6))
    assert verdict.verdict == "inconclusive"
    assert row in verdict.explanation
    assert "measles" in verdict.explanation
    assert "harmonic" not in verdict.explanation  # it learns nothing, so no fit of it is missing


def test_the_swap_test_is_made_on_the_images_of_the_claim() -> None:
    categories = {
        "mpox": ("target", "clinic", 120),
        "measles": ("known", "clinic", 60),
        "acne": ("unknown", "clinic", 120),
        "wart": ("unknown", "clinic", 60),
    }
    rows = {"mim": Made(0.9, swap=0.6), "harmonic": Made(0.5, control=True, swap=0.5)}
    run = made_tables(rows, images=made_images(categories), seeds=SEEDS)
    swapped = run.scores["fit_id"].str.startswith("mim-measles")
    wart = swapped & run.scores["image_id"].str.startswith("wart")
    alike = np.sqrt(2) * (norm.ppf(0.9) - norm.ppf(0.6))
    scores = run.scores.assign(value=run.scores["value"] + alike * wart)
    run = RunTables(scores, run.fits, run.images)
    every, acne, blind, source, other = judge(
        run,
        claim(row="mim", bound=0.6),
        claim(row="mim", bound=0.6, category="acne"),
        claim(row="mim", bound=0.6, category="wart"),
        claim(row="mim", bound=0.6, sources=("clinic",)),
        claim(row="mim", bound=0.6, where={"skin_tone": "VI"}, category="wart"),
    )
    assert [own.verdict for own in (every, acne, blind, other)] == [
        "supported", "supported", "confounded", "confounded",
    ]  # fmt: skip
    assert source.explanation == every.explanation


def test_the_swap_test_is_made_under_the_condition_of_the_claim_or_says_it_was_not() -> None:
    rows = {"mim": Made(0.9, swap=0.6), "harmonic": Made(0.5, control=True, swap=0.5)}
    run = made_tables(rows, seeds=SEEDS)
    swapped = run.scores["fit_id"].str.contains("-measles-")
    noisy = run.scores["corruption"] != "clean"
    own = swapped & noisy & run.scores["fit_id"].str.startswith("mim")
    lift = own & ~run.scores["image_id"].str.startswith("mpox")
    alike = np.sqrt(2) * (norm.ppf(0.9) - norm.ppf(0.6))
    scores = run.scores.assign(value=run.scores["value"] + alike * lift)
    asked = claim(row="mim", bound=0.6, corruptions=("gaussian_noise",))
    (under_noise,) = judge(RunTables(scores, run.fits, run.images), asked)
    assert under_noise.verdict == "confounded"
    (on_clean,) = judge(RunTables(scores[~(swapped & noisy)], run.fits, run.images), asked)
    assert on_clean.verdict == "supported"
    assert "swap test on clean images" in on_clean.explanation
    (lost,) = judge(RunTables(scores[~own], run.fits, run.images), asked)
    assert lost.verdict == "inconclusive"


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_fewer_than_three_trainings_settle_nothing(seeds: tuple[int, ...]) -> None:
    tables = made_tables(ROWS, seeds=seeds)
    asked = [claim(), claim("superior", against=("cnn",)), claim(row="cnn", bound=0.95)]
    asked += [claim("superior", against=("cnn", "twin"))]
    for verdict in judge(tables, *asked):
        assert verdict.verdict == "inconclusive"
        assert verdict.explanation.count("hree trainings (seeds) of") == 1
        assert "are needed" in verdict.explanation
        open_still = verdict.low <= verdict.threshold <= verdict.high
        assert (
            "More patients are needed: the interval over patients contains" in verdict.explanation
        ) == open_still
        assert "retraining" in verdict.caution
        assert np.isnan(verdict.p)
        assert verdict.low < verdict.value < verdict.high


def test_five_folds_of_one_training_settle_nothing_and_two_trainings_of_each_do() -> None:
    run = made_tables(ROWS, seeds=(0, 1), conditions=(("clean", 0),))
    fits, scores = [], []
    for fold in range(5):
        fits.append(run.fits.assign(fold=fold, fit_id=run.fits["fit_id"] + f"-{fold}"))
        scores.append(run.scores.assign(fit_id=run.scores["fit_id"] + f"-{fold}"))
    images = run.images.assign(**{f"split_{fold}": "test" for fold in range(5)})
    two = RunTables(pd.concat(scores), pd.concat(fits).astype(run.fits.dtypes), images)
    first = two.fits["seed"] == 0
    kept = two.scores["fit_id"].isin(two.fits.loc[first, "fit_id"])
    one = RunTables(two.scores[kept], two.fits[first], images)
    asked = claim("superior", against=("cnn",))
    assert judge(one, asked)[0].verdict == "inconclusive"
    assert judge(two, asked)[0].verdict == "supported"


def test_a_control_with_an_unknown_spread_supports_nothing(run: RunTables) -> None:
    spare = (run.fits["detector"] == "harmonic") & (run.fits["seed"] > 0)
    kept = ~run.scores["fit_id"].isin(run.fits.loc[spare, "fit_id"])
    (verdict,) = judge(RunTables(run.scores[kept], run.fits[~spare], run.images), claim())
    assert verdict.verdict == "inconclusive"
    assert "the control harmonic varies is unknown" in verdict.explanation
    assert "fewer than three trainings" in verdict.explanation


def test_what_draws_no_random_number_needs_one_training(run: RunTables) -> None:
    fixed = run.fits["detector"].isin(["good", "harmonic"])
    spare = fixed & (run.fits["seed"] > 0)
    kept = ~run.scores["fit_id"].isin(run.fits.loc[spare, "fit_id"])
    fits = run.fits.assign(seed=run.fits["seed"].where(~fixed))[~spare]
    (verdict,) = judge(RunTables(run.scores[kept], fits, run.images), claim())
    assert verdict.verdict == "supported"


def test_an_estimate_is_not_reproduced_where_a_promise_is_refuted(run: RunTables) -> None:
    promised, estimated = judge(
        run,
        claim(row="cnn", bound=0.9),
        claim(row="cnn", bound=0.9, bound_is="estimate"),
    )
    assert (promised.verdict, estimated.verdict) == ("refuted", "not reproduced")
    assert "other images" in estimated.explanation
    assert promised.p == estimated.p


def test_fits_with_fewer_known_categories_are_no_further_trainings_of_a_row() -> None:
    tables = made_tables({"cnn": Made(0.95)})
    (main,) = tables.fits.to_dict("records")
    less = {**main, "fit_id": "less", "withheld": "measles", "study": "left-out 0"}
    fits = pd.concat([tables.fits, pd.DataFrame([less]).astype(tables.fits.dtypes)])
    scores = pd.concat([tables.scores, tables.scores.assign(fit_id="less")])
    with_study = RunTables(scores, fits, tables.images)
    assert str(judge(with_study, claim(row="cnn"))) == str(judge(tables, claim(row="cnn")))


def test_the_effect_is_the_paired_difference_with_its_interval(run: RunTables) -> None:
    (verdict,) = judge(run, claim("superior", against=("cnn",)))
    own = RunAurocs(run)
    pair = [own.measured(Quantity(row, relation="same-source")) for row in ("good", "cnn")]
    expected = paired_difference(*pair)[0]
    assert (verdict.value, verdict.low, verdict.high) == (
        pytest.approx(expected.value),
        pytest.approx(expected.low),
        pytest.approx(expected.high),
    )
    assert verdict.p == pytest.approx(expected.p)  # a family of one


def test_p_values_are_adjusted_over_what_the_run_can_test(run: RunTables) -> None:
    asked = claim(row="twin", bound=0.85)
    lone = judge(run, asked)[0].p
    assert judge(run, asked, *[claim(row="vit")] * 9)[0].p == pytest.approx(lone)
    easy = [claim(row="good", bound=0.5)] * 9  # each with a smaller p
    assert judge(run, asked, *easy)[0].p == pytest.approx(lone)
    hard = [claim(row="good", bound=0.919)] * 9  # each with a larger one
    assert judge(run, asked, *hard)[0].p == pytest.approx(min(1.0, 10 * lone))
    # numbers that leave nothing to test do not make the family smaller
    level = claim("degrades_less", against=("harmonic",), corruptions=("*",))
    assert judge(run, level)[0].verdict == "not tested"
    assert judge(run, asked, level)[0].p == pytest.approx(2 * lone)


def test_a_claim_below_the_clean_floor_has_its_drops_printed(run: RunTables) -> None:
    asked = claim("degrades_less", row="harmonic", against=("cnn",), corruptions=("*",))
    (verdict,) = judge(run, asked)
    assert verdict.verdict == "not tested"
    assert "of both rows has its lower end above 0.60; harmonic has 0." in verdict.explanation
    evidence = RunEvidence(run)
    place = Place(asked, "harmonic", verdict.relation)
    lost, own = (
        float(evidence.clean(place, row).minus(evidence.number(place, row)).value[0])
        for row in ("cnn", "harmonic")
    )
    effect = f"harmonic loses {own:.3f} of AUROC and cnn loses {lost:.3f}; advantage of the first"
    assert verdict.effect.startswith(effect)
    assert verdict.value == pytest.approx(lost - own)
    text = " ".join(as_text([verdict], ClaimsFile(name="test", claim=(asked,)), "mpox").split())
    assert f"Not counted: {effect}, unknown categories" in text
    assert verdict.number in text
    assert text.index("Robustness is judged only") < text.index(effect), "the reason comes first"
    weak = made_tables({"weak": Made(0.6, drop=0.02), "weaker": Made(0.58)}, seeds=SEEDS)
    (both,) = judge(weak, claim("degrades_less", "weak", against=("weaker",), corruptions=("*",)))
    assert "above 0.60; weak has 0." in both.explanation
    assert "], weaker has 0." in both.explanation
    assert " gains 0." in both.effect or " loses 0." in both.effect


def test_what_could_make_a_claim_on_robustness_testable_follows_from_its_rows() -> None:
    told = {
        "patients": _way_out({"own": 0.7}, "own"),
        "detector": _way_out({"own": 0.5}, "own"),
        "opponent": _way_out({"own": 0.7, "other": 0.5}, "own"),
        "both": _way_out({"own": 0.7, "other": 0.65}, "own"),
    }
    assert "More patients" in told["patients"]
    assert "better detector" in told["detector"]
    assert "patients" not in told["detector"]
    assert told["opponent"] == ". It cannot be tested against a row near chance"
    assert told["both"] == told["patients"]


def test_patients_are_named_only_where_the_interval_is_theirs() -> None:
    made = made_tables({"good": Made(0.75), "other": Made(0.75)}, seeds=SEEDS)
    asked = claim("superior", row="good", against=("other", "absent"))
    (verdict,) = judge(made, asked)
    assert verdict.low < verdict.threshold < verdict.high
    assert "not every comparison was made" in verdict.explanation.lower()
    assert "More patients are needed" not in verdict.explanation


def test_hardly_any_patients_are_named_before_all_else(
    run: RunTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mimbench.claims.judgement.FEWEST_PATIENTS", 10_000)
    (verdict,) = judge(run, claim(row="twin", bound=0.85))
    count = f"{verdict.target_patients} target and {verdict.other_patients} other patients"
    assert verdict.few_patients.startswith("Fewer than 10000 target or other patients show little")
    text = " ".join(as_text([verdict], ClaimsFile(name="t", claim=(claim(),)), "mpox").split())
    assert text.index(f"; {count}.") < text.index("Fewer than") < text.index(verdict.explanation)
    several = as_text([verdict, verdict], ClaimsFile(name="t", claim=(claim(),)), "mpox")
    words = " ".join(several.split())
    assert f"Tested: {count}. Fewer than 10000" in words
    assert words.count(count) == words.count("Fewer than") == 1, "said once where it is the same"


def test_an_open_verdict_names_what_would_confound_it_however_clear_the_number() -> None:
    rows = {"good": Made(0.85), "equal": Made(0.95, control=True)}
    (verdict,) = judge(made_tables(rows, seeds=(0,)), claim(bound=0.6))
    assert verdict.verdict == "inconclusive"
    assert ". Besides, good does not beat the control equal" in verdict.explanation
    (below,) = judge(made_tables(rows, seeds=(0,)), claim(bound=0.95))
    assert "Besides" not in below.explanation
    file = ClaimsFile(name="test", claim=(claim(bound=0.6),))
    again = verdict.model_copy(update={"claim": "again"})
    words = " ".join(as_text([verdict, again], file, "mpox").split())
    assert words.count("does not beat the control equal") == 1
    assert words.count(f"Besides, the same as for {verdict.claim}.") == 1


def test_a_drop_below_zero_is_a_gain() -> None:
    assert [_change(drop) for drop in (0.0451, -0.0451, -0.0001)] == [
        "loses 0.045",
        "gains 0.045",
        "loses 0.000",
    ]


def test_an_interval_without_retraining_has_a_mark_of_its_own() -> None:
    rows = {"good": Made(0.85), "equal": Made(0.95, control=True)}
    (verdict,) = judge(made_tables(rows, seeds=(0,)), claim(bound=0.6))
    assert verdict.number.endswith("]¶")
    words = " ".join(as_text([verdict], ClaimsFile(name="t", claim=(claim(),)), "mpox").split())
    assert "¶ Retraining: fewer than three trainings" in words
    assert "†" not in words


def test_the_severities_of_a_condition_are_named(run: RunTables) -> None:
    conditions = (("clean", 0), ("fog", 1), ("fog", 3), ("snow", 5))
    made = made_tables(ROWS, seeds=SEEDS, conditions=conditions)
    fog, both = judge(made, claim(corruptions=("fog",)), claim(corruptions=("*",)))
    assert ", under fog (severities 1 and 3), " in fog.effect
    assert ", under fog (severities 1 and 3), snow (severity 5), " in both.effect
    (noise,) = judge(run, claim(corruptions=("gaussian_noise",), protocol="target-only"))
    assert "under gaussian_noise (severities 1 and 3) on the target alone" in noise.effect


def test_the_numbers_of_a_claim_that_cannot_be_judged_are_those_of_its_reason(
    run: RunTables,
) -> None:
    against = ("cnn", "harmonic")
    (verdict,) = judge(run, claim("degrades_less", against=against, corruptions=("*",)))
    assert verdict.verdict == "not tested"
    assert "; harmonic has 0." in verdict.explanation
    assert verdict.effect.startswith("good loses 0.")


def test_a_difference_of_drops_reaches_from_minus_two_to_two() -> None:
    conditions = (("clean", 0), ("fog", 1))
    rows = {"flat": Made(0.97), "falls": Made(0.97, drop=0.96)}
    images = made_images({"mpox": ("target", "a", 12), "acne": ("unknown", "a", 12)})
    made = made_tables(rows, images=images, seeds=SEEDS, conditions=conditions)
    asked = claim("degrades_less", row="flat", against=("falls",), corruptions=("fog",))
    (verdict,) = judge(made, asked)
    assert verdict.high > 1
    assert verdict.high - verdict.value == pytest.approx(verdict.value - verdict.low, rel=0.05)


def test_the_best_of_several_comparators_decides(run: RunTables) -> None:
    (verdict,) = judge(run, claim("superior", against=("harmonic", "cnn")))
    assert "minus that of cnn" in verdict.effect


def test_what_was_not_tested_says_what_is_missing(run: RunTables) -> None:
    row, role = judge(run, claim(row="vit"), claim(role="external"))
    assert row.explanation == "The run has no row 'vit'."
    assert role.explanation == "The run has no external images."
    assert "--detector vit" in row.remedy
    assert "--external" in role.remedy
    noisy = claim("degrades_less", against=("cnn",), corruptions=("snow", "fog"))
    (weather,) = judge(run, noisy)
    assert "--suite imagenet-c" in weather.remedy
    text = as_text([row, role, weather], ClaimsFile(name="test", claim=(noisy,)), "mpox")
    narrow = as_text([row, role, weather], ClaimsFile(name="t", claim=(noisy,)), "mpox", 60)
    assert max(map(len, narrow.splitlines())) <= 60
    for own in (row, role, weather):
        assert f"add to the run's command: {own.remedy}" in " ".join(text.split())
        assert own.statement in " ".join(text.split())


def test_images_from_two_relations_are_judged_apart() -> None:
    categories = {
        "mpox": ("target", "clinic", 80),
        "acne": ("unknown", "clinic", 60),
        "scabies": ("unknown", "atlas", 60),
    }
    run = made_tables({"mim": Made(0.9)}, images=made_images(categories))
    verdicts = judge(run, claim(row="mim"))
    assert [own.relation for own in verdicts] == ["same-source", "other-source"]
    assert len(judge(run, claim(row="mim", relation="other-source"))) == 1


def test_a_claim_about_a_subgroup_is_tested_on_its_images() -> None:
    rows = {"mim": Made(0.95, only={"VI": 0.55}, swap=0.5), "harmonic": Made(0.5, control=True)}
    run = made_tables(rows, seeds=SEEDS)
    light, dark = judge(
        run, claim(row="mim", where={"skin_tone": "I"}), claim(row="mim", where={"skin_tone": "VI"})
    )
    assert (light.verdict, dark.verdict) == ("supported", "refuted")
    assert light.target_patients == dark.target_patients == 20


def test_a_threshold_that_holds_for_any_score_is_no_merit() -> None:
    categories = {
        "mpox": ("target", "clinic", 240),
        "measles": ("known", "clinic", 60),
        "acne": ("external", "elsewhere", 120),
    }
    own = made_images(categories)
    sick = made_images({"mpox": ("external", "elsewhere", 120)})
    sick = sick.assign(image_id="x" + sick["image_id"], patient="x" + sick["patient"])
    images = pd.concat([own, sick], ignore_index=True)
    rows = {
        "good": Made(0.95, swap=0.5),
        "blind": Made(0.5, swap=0.5),
        "harmonic": Made(0.5, control=True),
    }
    run = made_tables(rows, images=images, seeds=SEEDS)
    values = run.scores.merge(run.images[["image_id", "category"]], on="image_id")
    foreign = (values["category"] == "mpox") & values["image_id"].str.startswith("x")
    own_target = (values["category"] == "mpox") & ~foreign
    keys = [values["fit_id"], values["score"]]
    # the target looks alike at both sites: every fit gives its images the same mean
    gap = values["value"].where(foreign).groupby(keys).transform("mean") - values["value"].where(
        own_target
    ).groupby(keys).transform("mean")
    alike = values["value"].where(~foreign, values["value"] - gap)
    run = RunTables(run.scores.assign(value=alike.to_numpy()), run.fits, run.images)
    asked = {"metric": "sensitivity", "role": "external", "bound": 0.5}
    good, blind = judge(run, claim(**asked), claim(row="blind", **asked))
    assert good.value > 0.9
    assert blind.value > 0.9
    assert (good.verdict, blind.verdict) == ("supported", "confounded")


@pytest.mark.parametrize(
    ("lost", "row", "verdict", "words"),
    [
        (None, "good", "not tested", "add one with --known-curve"),
        (1.0, "good", "supported", ""),
        (0.0, "good", "inconclusive", ""),  # who reaches as much with few categories needs no more
        (-1.0, "good", "refuted", ""),
        (1.0, "weak", "refuted", ""),  # it cannot do without what the classifier has
        (1.0, "cnn", "not tested", "trained on known categories itself"),
    ],
)
def test_doing_without_known_categories_is_a_merit_only_where_classifiers_need_them(
    lost: float | None, row: str, verdict: str, words: str
) -> None:
    categories = {
        "mpox": ("target", "clinic", 120),
        "measles": ("known", "clinic", 30),
        "eczema": ("known", "clinic", 30),
        "acne": ("unknown", "clinic", 120),
    }
    rows = ROWS | {"weak": Made(0.4)}
    run = made_tables(rows, images=made_images(categories), seeds=SEEDS)
    if lost is not None:
        sets = withheld_from(["measles", "eczema"], (1,), 2, 0, 0)
        run = add_withheld(run, "cnn", sets, lambda _, images: lost * (images["role"] == "unknown"))
    against = ("cnn",) if row != "cnn" else ("good",)
    (found,) = judge(run, claim("needs_no_known", row=row, against=against, margin=0.05))
    assert found.verdict == verdict
    assert words in found.explanation


@pytest.mark.parametrize(
    ("known", "explanation", "remedy"),
    [
        (0, "A known-curve needs two known categories; the run has 0 known categories.", ""),
        (1, "A known-curve needs two known categories; the run has 1 known category.", ""),
        (2, "The run has no known-curve; add one with --known-curve 1.", "--known-curve 1"),
        (5, "The run has no known-curve; add one with --known-curve 1,2,4.", "--known-curve 1,2,4"),
    ],
)
def test_a_known_curve_is_advised_where_there_are_categories_for_it(
    known: int, explanation: str, remedy: str
) -> None:
    categories = {"mpox": ("target", "clinic", 30), "acne": ("unknown", "clinic", 30)}
    categories |= {f"known{k}": ("known", "clinic", 10) for k in range(known)}
    run = made_tables(ROWS, images=made_images(categories))
    (found,) = judge(run, claim("needs_no_known", against=("cnn",), margin=0.05))
    assert (found.verdict, found.explanation, found.remedy) == ("not tested", explanation, remedy)


def test_advice_of_a_suite_says_that_the_flag_replaces_those_of_the_run() -> None:
    asked = claim("degrades_less", against=("cnn",), corruptions=("snow", "fog"))
    (first,) = judge(made_tables(ROWS, conditions=[("clean", 0)]), asked)
    assert first.remedy == "--suite imagenet-c"
    (second,) = judge(made_tables(ROWS), asked)
    rest = ", and one --suite for each suite that the run has: the flag replaces them"
    assert second.remedy == f"--suite imagenet-c{rest}"


@pytest.mark.parametrize(
    ("asked", "family"),
    [
        (claim(row="twin", bound=0.89), 1),
        (claim(row="twin", bound=0.89), 4),
        (claim("superior", row="twin", against=("close", "cnn")), 3),
    ],
)
def test_as_many_more_patients_would_just_settle_it(asked: Claim, family: int) -> None:
    run = made_tables(ROWS | {"close": Made(0.87)}, seeds=range(12))
    hard = [claim(row="good", bound=0.919)] * (family - 1)
    verdict = judge(run, asked, *hard)[0]
    assert verdict.verdict == "inconclusive"
    factor = 1 + verdict.more_target_patients / verdict.target_patients
    number = find(RunEvidence(run), Place(asked, "twin", "same-source"))
    assert family * number.p_with(factor) < 0.05 < family * number.p_with(0.95 * factor)
    assert "more target patients" in verdict.explanation


def test_where_retraining_decides_more_patients_do_not_help() -> None:
    rows = ROWS | {"shaky": Made(0.80, retraining_sd=0.15), "steady": Made(0.8)}
    asked = claim("superior", row="shaky", against=("steady",))
    (verdict,) = judge(made_tables(rows, seeds=SEEDS), asked)
    assert verdict.verdict == "inconclusive"
    assert np.isnan(verdict.more_target_patients)
    assert verdict.explanation.startswith("More patients alone would not decide it: retraining")
    assert verdict.explanation.endswith("More trainings (seeds) may.")


def test_trainings_alone_are_not_recommended_where_patients_leave_it_open() -> None:
    both = open_question(inf, 0.08, 0.20, 0.05)
    assert both == (
        "More patients and more trainings (seeds) are needed: retraining moves the effect by up to "
        "0.080 either way, other patients by up to 0.200."
    )
    assert open_question(inf, 0.08, 0.12, 0.05).endswith("More trainings (seeds) may.")


def test_no_number_of_patients_settles_what_is_unknown_or_at_the_threshold() -> None:
    assert np.isnan(more_patients(lambda _: np.nan, 40, 0.05))
    assert np.isinf(more_patients(lambda _: 1.0, 40, 0.05))
    # twice the distance is missing: four times the patients, three more each
    assert more_patients(lambda more: 2 * norm.sf(0.98 * more**0.5), 40, 0.05) == pytest.approx(
        120, abs=1
    )


def test_the_papers_claims_are_shipped_and_fix_their_headline_beforehand(run: RunTables) -> None:
    assert "mim-paper" in names("claims")
    assert "claims" not in names("runs")
    paper = read_claims("mim-paper")
    assert {own.rows[0] for own in paper.claim} == {"mim/ssim"}
    bounds = {own.id: own.bound for own in paper.claim}
    assert bounds["mean-auroc"] == 0.8237
    assert {own.verdict for own in verify(run, paper)} == {"not tested"}


@pytest.mark.parametrize("name", names("claims"))
def test_shipped_claims_speak_of_rows_that_shipped_recipes_yield(name: str) -> None:
    recipes = [read_recipe(recipe) for recipe in names("baselines")]
    rows = {recipe.row(score) for recipe in recipes for score in recipe.scores or ("",)}
    claims = read_claims(name)
    assert claims.name == name
    for own in claims.claim:
        assert {*own.rows, *own.against} <= rows, own.id


def test_the_run_folder_gets_a_table_and_strictness_an_exit_code(
    run: RunTables, tmp_path: Path
) -> None:
    claims = ClaimsFile(
        name="test", claim=(claim(), claim(row="vit").model_copy(update={"id": "d"}))
    )
    verdicts = verify(run, claims)
    kept = json.loads(write_verdicts(verdicts, tmp_path, run, claims).read_text())["verdicts"]
    assert [own["verdict"] for own in kept] == ["supported", "not tested"]
    assert kept[0]["value"] == verdicts[0].value
    assert kept[1]["value"] is None
    assert (exit_code(verdicts), exit_code(verdicts, strict=True)) == (0, 1)
    assert exit_code(verdicts[:1], strict=True) == 0
    assert "1 supported, 1 not tested" in as_text(verdicts, claims, "mpox")


def test_a_row_that_is_missing_is_named_once_before_all_else_that_is_missing(
    run: RunTables,
) -> None:
    untestable = [
        claim(row="vit").model_copy(update={"id": name, "role": role})
        for name, role in (("a", "unknown"), ("b", "unknown"), ("c", "external"))
    ]
    verdicts = verify(run, ClaimsFile(name="test", claim=tuple(untestable)))
    assert [own.explanation for own in verdicts] == [
        "The run has no row 'vit'.",
        "The run has no row 'vit'.",
        "The run has no row 'vit'. The run has no external images.",
    ]
    text = as_text(verdicts, ClaimsFile(name="test", claim=tuple(untestable)), "mpox")
    assert "target mpox" in text
    assert text.count("NOT TESTED") == 2
    assert "a (vit)" in text
    assert "b (vit)" in text


def test_all_that_a_claim_lacks_is_named_with_one_command_for_all(run: RunTables) -> None:
    noisy = claim("degrades_less", row="vit", against=("vgg",), corruptions=("snow",))
    (verdict,) = judge(run, noisy)
    assert verdict.explanation == (
        "The run has no row 'vit'. The run has no row 'vgg'. The tables hold no scores under snow."
    )
    rest = ", and one --suite for each suite that the run has: the flag replaces them"
    assert verdict.remedy == f"--detector vit --detector vgg --suite imagenet-c{rest}"
    other = claim(row="vit", role="external")
    text = as_text(judge(run, noisy, other), ClaimsFile(name="t", claim=(noisy,)), "mpox")
    together = "--detector vit --detector vgg --suite imagenet-c --external DIR, and one --suite"
    assert f"All of these flags together: {together}" in " ".join(text.split())


def test_a_row_that_its_detector_could_not_give_is_told_the_reason(run: RunTables) -> None:
    fits = run.fits.assign(not_run=json.dumps({"good/residual": "its line needs more images"}))
    silent = RunTables(run.scores, fits, run.images)
    verdicts = judge(
        silent,
        claim(row="good/residual"),
        claim("superior", row="cnn", against=("good/residual",)),
        claim("superior", row="cnn", against=("good/residual", "harmonic")),
    )
    reason = "the row good/residual was not run: its line needs more images"
    assert [own.explanation for own in verdicts[:2]] == [f"{reason[0].upper()}{reason[1:]}."] * 2
    assert [own.remedy for own in verdicts[:2]] == ["", ""]
    assert reason in verdicts[2].explanation


def test_a_row_that_one_fit_could_not_give_is_told_which_and_why(run: RunTables) -> None:
    lost = "good-mpox-1-0"
    told = np.where(run.fits["fit_id"] == lost, json.dumps({"good": "too few images"}), "{}")
    kept = run.scores[run.scores["fit_id"] != lost]
    (verdict,) = judge(RunTables(kept, run.fits.assign(not_run=told), run.images), claim())
    assert verdict.verdict == "not tested"
    assert "no scores from the fit of fold 0, seed 1: too few images" in verdict.explanation


def test_misspelt_categories_and_corruptions_are_told_the_right_ones(run: RunTables) -> None:
    category, strange = judge(run, claim(category="acnee"), claim(category="psoriasis"))
    assert category.explanation == ("The run has no unknown category 'acnee' (Did you mean acne?).")
    assert category.remedy == ""
    assert strange.explanation == "The run has no unknown category 'psoriasis' (it has acne)."
    assert strange.remedy == "--unknown DIR"
    wrong, own = judge(run, *(claim(corruptions=(name,)) for name in ("gausian_noise", "wet_lens")))
    assert "(Did you mean gaussian_noise" in wrong.explanation
    assert wrong.remedy == ""
    assert own.explanation.endswith("under wet_lens (they hold gaussian_noise).")
    assert own.remedy.startswith("--suite FILE.toml, with the corruption")


def test_a_claim_on_one_category_is_judged_where_that_category_is() -> None:
    categories = {
        "mpox": ("target", "clinic", 80),
        "acne": ("unknown", "clinic", 60),
        "scabies": ("unknown", "atlas", 60),
    }
    run = made_tables({"mim": Made(0.9)}, images=made_images(categories))
    (verdict,) = judge(run, claim(row="mim", category="scabies"))
    assert verdict.relation == "other-source"
    (lacking,) = judge(run, claim(row="mim", category="scabies", relation="same-source"))
    assert lacking.explanation == "The run has no same source unknown images of scabies."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('kind = "at_least"\nrows = ["a"]', "needs 'bound'"),
        ('kind = "superior"\nrows = ["a"]\nagainst = ["b"]\nbound = 0.5', "has no 'bound'"),
        ('kind = "better"\nrows = ["a"]', "kind"),
        ('kind = "at_least"\nrows = ["a"]\nbound = 0.5\nroll = "known"', "roll"),
        ('kind = "at_least"\nrows = ["a"]\nbounds = 0.5', r"unknown field claim\.c\.bounds"),
    ],
)
def test_a_wrong_claims_file_names_the_field(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "claims.toml"
    path.write_text(f'name = "x"\n[[claim]]\nid = "c"\nstatement = "s"\n{text}\n')
    with pytest.raises(MimbenchError, match=words):
        read_claims(str(path))
