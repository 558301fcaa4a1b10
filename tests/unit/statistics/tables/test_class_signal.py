"""The swap test sees a detector that knows its class, and none in one that sees skin only."""

import numpy as np
import pandas as pd
import pytest
from made_tables import Made, made_tables

from mimbench.scores.tables import FIT_COLUMNS, RunTables
from mimbench.statistics.ranking.roc import auroc
from mimbench.statistics.tables.class_signal import class_signal_table

SEEDS = 3
CATEGORIES = {"mpox": "target", "measles": "known", "eczema": "known", "paper": "abnormal"}
PLACE = {"mpox": 0.0, "measles": 2.0, "eczema": 1.0, "paper": 8.0}


def tables() -> RunTables:
    """`knows` scores the distance to what it was fitted on, `skin` that to skin in general."""
    rng = np.random.default_rng(5)
    names = [name for name in CATEGORIES for _ in range(30)]
    position = np.array([PLACE[name] for name in names]) + rng.normal(0, 0.6, len(names))
    ids = [f"image{number:03d}" for number in range(len(names))]
    images = pd.DataFrame(
        {
            "image_id": ids,
            "dataset": "clinic",
            "path": "",
            "category": names,
            "role": [CATEGORIES[name] for name in names],
            "patient": [f"patient{number // 2}" for number in range(len(names))],
            "source": ["web" if name == "paper" else "clinic" for name in names],
            "split_0": "test",
        }
    )
    fits, scores = [], []
    for detector, centre in (("knows", PLACE), ("skin", dict.fromkeys(PLACE, 1.0))):
        for fitted_on in ("mpox", "measles"):
            for seed in range(SEEDS):
                fit_id = f"{detector}-{fitted_on}-{seed}"
                values = np.abs(position - centre[fitted_on]) + rng.normal(0, 0.05, len(names))
                fits.append(
                    {"fit_id": fit_id, "detector": detector, "fitted_on": fitted_on, "seed": seed}
                )
                scores.append(
                    pd.DataFrame(
                        {"fit_id": fit_id, "score": detector, "image_id": ids, "value": values}
                    )
                )
    fits_table = pd.DataFrame(fits).assign(
        fold=0, control=False, family="one-class", input_size=64, status="ok", reason="",
        recipe_hash="", state_hash="", seconds=0.0, versions="{}", withheld="", study="",
    )  # fmt: skip
    scores_table = pd.concat(scores, ignore_index=True).assign(corruption="clean", severity=0)
    return RunTables(scores_table, fits_table.astype(FIT_COLUMNS), images)


@pytest.fixture(scope="module")
def signal() -> pd.DataFrame:
    return class_signal_table(tables()).set_index(["row", "role", "relation"])


def test_a_detector_that_knows_its_class_has_class_signal(signal: pd.DataFrame) -> None:
    knows = signal.loc[("knows", "known", "same-source")]
    assert knows["low"] > 0.1
    assert knows["p"] < 1e-3
    assert knows["seeds"] == SEEDS


def test_a_detector_of_skin_has_none_however_well_it_ranks(signal: pd.DataFrame) -> None:
    for role, relation in (("known", "same-source"), ("abnormal", "other-source")):
        skin = signal.loc[("skin", role, relation)]
        assert skin["low"] <= 0 <= skin["high"]
        assert abs(skin["value"]) < 0.05
    null = signal.loc[("skin", "known", "same-source")]
    assert 0 < null["null_sd"] < null["null_limit"] < 0.1
    assert signal.loc[("skin", "abnormal", "other-source"), "auroc"] > 0.95


def areas_by_seed(scored: pd.DataFrame) -> list[float]:
    """AUROC of mpox against eczema for each seed."""
    return [
        auroc(
            own.loc[own["category"] == "mpox", "value"],
            own.loc[own["category"] == "eczema", "value"],
        ).value
        for _, own in scored.groupby("seed")
    ]


def test_the_swap_category_is_left_out_and_values_are_means_over_seeds(
    signal: pd.DataFrame,
) -> None:
    run = tables()
    merged = run.scores.merge(run.images, on="image_id").merge(run.fits, on="fit_id")
    merged = merged[(merged["score"] == "knows") & (merged["fitted_on"] == "measles")]
    expected = np.mean(areas_by_seed(merged))
    assert signal.loc[("knows", "known", "same-source"), "auroc_swap"] == pytest.approx(expected)


def test_the_swap_category_itself_shows_whether_either_fit_knows_its_own_class(
    signal: pd.DataFrame,
) -> None:
    knows, skin = (signal.loc[(row, "swap", "same-source")] for row in ("knows", "skin"))
    assert knows["auroc"] > 0.9
    assert knows["auroc_swap"] < 0.1  # its own class is on the other side
    assert knows["low"] > 0.5
    assert skin["low"] <= 0 <= skin["high"]


def test_retraining_is_judged_by_the_seeds_of_each_fold_on_both_sides(
    signal: pd.DataFrame,
) -> None:
    run = tables()
    merged = run.scores.merge(run.images, on="image_id").merge(run.fits, on="fit_id")
    merged = merged[(merged["score"] == "skin") & merged["category"].isin(["mpox", "eczema"])]
    variances = []
    for _, own in merged.groupby("fitted_on"):
        variances.append(np.var(areas_by_seed(own), ddof=1))
    line = signal.loc[("skin", "known", "same-source")]
    assert line["null_sd"] == pytest.approx(np.sqrt(np.mean(variances) * 2 / SEEDS))
    assert line["null_limit"] == pytest.approx(2.776 * line["null_sd"], rel=1e-3)  # 4 degrees


def with_control(name: str, *, seeded: bool = True) -> RunTables:
    """The same run, one of its detectors called a control."""
    run = tables()
    own = run.fits["detector"] == name
    seeds = run.fits["seed"].where(~own | seeded)
    fits = run.fits.assign(control=own, seed=seeds)
    return RunTables(run.scores, fits.astype(FIT_COLUMNS), run.images)


def test_a_signal_is_compared_with_the_highest_one_of_a_control() -> None:
    place = ("known", "same-source")
    for control, beats in (("skin", True), ("knows", False)):
        table = class_signal_table(with_control(control)).set_index(["row", "role", "relation"])
        (own,) = {"knows", "skin"} - {control}
        line, other = table.loc[(own, *place)], table.loc[(control, *place)]
        assert (line["control"], other["control"]) == (control, "")
        assert line["over_control"] == pytest.approx(line["value"] - other["value"])
        assert (line["over_low"] > 0) == beats
        assert np.isnan(other["over_control"])


def test_a_signal_is_compared_with_the_control_that_it_is_least_clearly_above() -> None:
    rows = {
        "mim": Made(0.9, swap=0.55),
        "steady": Made(0.65, swap=0.4, control=True),
        "shaky": Made(0.75, swap=0.4, control=True, retraining_sd=0.12),
    }
    table = class_signal_table(made_tables(rows, seeds=range(SEEDS))).set_index(["row", "role"])
    signals = table.loc[(slice(None), "unknown"), "value"].droplevel("role")
    assert signals["shaky"] < signals["steady"] < signals["mim"]
    line = table.loc[("mim", "unknown")]
    assert line["control"] == "shaky"
    assert line["over_p"] > 0.05


def test_a_control_without_a_class_signal_is_named() -> None:
    rows = {
        "mim": Made(0.9, swap=0.5),
        "learned": Made(0.6, swap=0.5, control=True),
        "untrained": Made(0.55, control=True),
    }
    run = made_tables(rows, seeds=range(SEEDS))
    assert set(class_signal_table(run)["not_compared"]) == {""}
    gone = run.scores["fit_id"].str.startswith("learned-measles")
    table = class_signal_table(RunTables(run.scores[~gone], run.fits, run.images))
    own = table[table["row"] == "mim"]
    assert set(own["not_compared"]) == {"learned"}
    assert own["over_p"].isna().all()


def test_too_few_seeds_are_noted_and_what_draws_nothing_needs_none() -> None:
    run = tables()
    one = run.fits[run.fits["seed"] == 0]
    scores = run.scores[run.scores["fit_id"].isin(one["fit_id"])]
    few = class_signal_table(RunTables(scores, one, run.images)).set_index("row").loc["knows"]
    assert few["note"].str.startswith("1 seed of a fold, too few").all()
    assert few["null_sd"].isna().all()
    assert (class_signal_table(run)["note"] == "").all()

    fixed = with_control("skin", seeded=False)
    only = fixed.fits["fit_id"].str.endswith("-0")  # what does not vary is fitted once
    scores = fixed.scores[fixed.scores["fit_id"].isin(fixed.fits.loc[only, "fit_id"])]
    lines = class_signal_table(RunTables(scores, fixed.fits[only], fixed.images))
    skin = lines.set_index("row").loc["skin"]
    assert set(skin["seeds"]) == {0}
    assert set(skin["null_sd"]) == {0.0}
    assert set(skin["note"]) == {""}


def test_seeds_count_within_folds() -> None:
    run = tables()
    fold = run.fits["fit_id"].str[-1].astype("Int64")  # each fold has a seed of its own
    images = run.images.assign(split_1="test", split_2="test")
    apart = RunTables(run.scores, run.fits.assign(fold=fold), images)
    lines = class_signal_table(apart)
    assert lines["note"].str.startswith("1 seed of a fold, too few").all()
    assert lines["null_limit"].isna().all()


def test_a_score_that_was_not_run_has_no_signal() -> None:
    run = tables()
    fits = run.fits.assign(not_run='{"knows/lpips": "no weights"}')
    table = class_signal_table(RunTables(run.scores, fits, run.images))
    pd.testing.assert_frame_equal(table, class_signal_table(run))


def test_a_detector_that_failed_keeps_its_line_with_the_reason() -> None:
    run = tables()
    lost = run.fits["detector"] == "knows"
    fits = run.fits.assign(status=np.where(lost, "failed", "ok"), reason=np.where(lost, "oh", ""))
    scores = run.scores[~run.scores["fit_id"].isin(fits.loc[lost, "fit_id"])]
    table = class_signal_table(RunTables(scores, fits.astype(FIT_COLUMNS), run.images))
    knows = table[table["row"] == "knows"]
    assert len(knows)
    assert knows["value"].isna().all()
    assert knows["reason"].str.contains("oh").all()


def test_the_lead_over_a_control_holds_its_own_value_beyond_one() -> None:
    table = class_signal_table(with_control("skin")).dropna(subset=["over_control"])
    assert (table["over_low"] <= table["over_control"]).all()
    assert (table["over_control"] <= table["over_high"]).all()
    assert (table["over_high"] <= 2).all()


def test_a_run_without_swap_fits_has_an_empty_table() -> None:
    run = tables()
    own = run.fits[run.fits["fitted_on"] == "mpox"]
    scores = run.scores[run.scores["fit_id"].isin(own["fit_id"])]
    assert class_signal_table(RunTables(scores, own, run.images)).empty
