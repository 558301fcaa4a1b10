"""The known-curve and left-out groups: whose scores enter which number."""

import numpy as np
import pandas as pd
import pytest
from made_tables import Made, made_images, made_tables
from sklearn.metrics import roc_auc_score
from withheld_fits import add_withheld

from mimbench.evaluation.planning.known_subsets import Withheld, withheld_from
from mimbench.scores.tables import RunTables
from mimbench.statistics.tables.known_categories import known_curve_table, left_out_table

KNOWN = ("chickenpox", "eczema", "measles")
IMAGES = made_images(
    {
        "mpox": ("target", "clinic", 60),
        **dict.fromkeys(KNOWN, ("known", "clinic", 30)),
        "acne": ("unknown", "clinic", 40),
        "scabies": ("unknown", "clinic", 40),
    }
)
ROWS = {"cnn": Made(0.9), "mim": Made(0.7), "harmonic": Made(0.6, control=True)}
SETS = withheld_from(KNOWN, (1,), 3, 3, 0)


def loss(less: Withheld, images: pd.DataFrame) -> np.ndarray:
    """Unknown categories suffer more the more is withheld; what is not withheld turns to stone."""
    lost = np.where(images["role"] == "unknown", 0.5 * len(less.categories), 0.0)
    kept = (images["role"] == "known") & ~images["category"].isin(less.categories)
    return np.where(kept, 1000.0, np.where(images["role"] == "known", 1.0, lost))


@pytest.fixture(scope="module")
def run() -> RunTables:
    tables = made_tables(ROWS, images=IMAGES, seeds=range(4), conditions=(("clean", 0),))
    return add_withheld(tables, "cnn", SETS, loss)


def by_hand(run: RunTables, fits: pd.DataFrame, categories: list[str]) -> float:
    """Mean over fits and categories of scikit-learn's AUROC on test images."""
    areas = []
    for fit_id in fits["fit_id"]:
        own = run.scores[run.scores["fit_id"] == fit_id].merge(run.images, on="image_id")
        own = own[own["split_0"] == "test"]
        for category in categories:
            pair = own[own["category"].isin(["mpox", category])]
            areas.append(roc_auc_score(pair["category"] == category, pair["value"]))
    return float(np.mean(areas))


def test_the_sets_are_one_category_shown_and_one_withheld() -> None:
    assert sorted(len(less.categories) for less in SETS) == [1, 1, 1, 2, 2, 2]


def test_a_point_of_the_curve_is_the_mean_over_seeds_and_orders(run: RunTables) -> None:
    curve = known_curve_table(run).set_index(["row", "known"])
    one = run.fits[run.fits["study"].str.contains("known-curve")]
    main = run.fits[run.main_fits & (run.fits["detector"] == "cnn")]
    unknown = ["acne", "scabies"]
    point = curve.loc[("cnn", 1)]
    assert point["value"] == pytest.approx(by_hand(run, one, unknown), abs=1e-12)
    assert curve.loc[("cnn", 3), "value"] == pytest.approx(by_hand(run, main, unknown), abs=1e-12)
    orders = [by_hand(run, own, unknown) for _, own in one.groupby("study")]
    assert (point["lowest"], point["highest"]) == pytest.approx((min(orders), max(orders)))
    assert point["orders"] == 3
    assert point["low"] < point["value"] < point["high"]


def test_a_change_is_paired_on_the_same_images(run: RunTables) -> None:
    curve = known_curve_table(run).set_index(["row", "known"])
    few, every = curve.loc[("cnn", 1)], curve.loc[("cnn", 3)]
    assert few["change"] == pytest.approx(few["value"] - every["value"], abs=1e-12)
    assert few["change_high"] < 0
    assert few["change_high"] - few["change_low"] < (few["high"] - few["low"]) * 1.2
    same = add_withheld(
        made_tables(ROWS, images=IMAGES), "cnn", SETS, lambda _, images: np.zeros(len(images))
    )
    still = known_curve_table(same).set_index(["row", "known"]).loc[("cnn", 1)]
    assert still["change"] == pytest.approx(0, abs=1e-12)
    assert still["lowest"] == still["highest"]


def test_detectors_that_see_no_known_category_stand_at_none(run: RunTables) -> None:
    curve = known_curve_table(run).set_index("row")
    main = run.fits[run.main_fits & (run.fits["detector"] == "mim")]
    assert curve.loc[["mim", "harmonic"], "known"].tolist() == [0, 0]
    expected = by_hand(run, main, ["acne", "scabies"])
    assert curve.loc["mim", "value"] == pytest.approx(expected, abs=1e-12)
    assert np.isnan(curve.loc["mim", "change"])


def test_a_left_out_category_is_scored_by_fits_that_never_saw_it(run: RunTables) -> None:
    table = left_out_table(run).set_index(["row", "category"])
    own = run.fits[run.fits["study"].str.contains("left-out")]
    areas = []
    for category in KNOWN:
        without = own[own["withheld"] == category]
        assert len(without) == 4
        areas.append(by_hand(run, without, [category]))
        line = table.loc[("cnn", category)]
        assert line["value"] == pytest.approx(areas[-1], abs=1e-12)
        assert line["value"] > 0.3  # by the others it would be 0
    mean = table.loc[("cnn", "")]
    assert mean["value"] == pytest.approx(np.mean(areas), abs=1e-12)
    assert mean["change"] == pytest.approx(mean["value"] - mean["seen"], abs=1e-12)
    assert mean["change_high"] < 0
    assert np.isnan(table.loc[("mim", ""), "seen"])
    assert table.loc[("mim", ""), "value"] > 0.5


def test_a_failed_fit_leaves_a_reason_and_no_number(run: RunTables) -> None:
    broken = run.fits["study"].str.contains("known-curve 1").to_numpy()
    fits = run.fits.assign(
        status=np.where(broken, "failed", run.fits["status"]),
        reason=np.where(broken, "no memory", run.fits["reason"]),
    )
    scores = run.scores[~run.scores["fit_id"].isin(run.fits.loc[broken, "fit_id"])]
    curve = known_curve_table(RunTables(scores, fits, run.images)).set_index(["row", "known"])
    assert np.isnan(curve.loc[("cnn", 1), "value"])
    assert "no memory" in curve.loc[("cnn", 1), "reason"]
    assert curve.loc[("cnn", 3), "value"] > 0.8


def test_without_such_fits_both_tables_are_empty() -> None:
    tables = made_tables(ROWS, images=IMAGES)
    assert known_curve_table(tables).empty
    assert left_out_table(tables).empty


def test_rows_of_which_nobody_knows_what_they_saw_are_left_out(run: RunTables) -> None:
    assert set(known_curve_table(run)["row"]) == {"cnn", "mim", "harmonic"}
    mim = run.fits["detector"] == "mim"
    for column, value in (("input_size", 0), ("fitted_on", "nothing")):
        told = run.fits.assign(**{column: run.fits[column].where(~mim, value)})
        curve = known_curve_table(RunTables(run.scores, told, run.images))
        assert set(curve["row"]) == {"cnn", "harmonic"}
