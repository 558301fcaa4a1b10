"""Brier score and ECE of posteriors."""

import math

import pytest
from score_tables import IMAGES, fit_row, run_tables, score_rows

from mimbench.statistics.tables.calibration import calibration_table, expected_calibration_error


def test_ece_by_hand_and_at_both_extremes():
    # bin 0.2..0.4: two images at .3, one of them target: .2 off; bin .8..1: .9 and right: .1 off
    assert expected_calibration_error([0.3, 0.3, 0.9, 0.9], [1, 0, 1, 1], bins=5).value == (
        pytest.approx((2 * 0.2 + 2 * 0.1) / 4)
    )
    assert expected_calibration_error([1.0, 0.0], [1, 0]).value == 0
    assert expected_calibration_error([1.0, 0.0], [0, 1]).value == 1
    assert math.isnan(expected_calibration_error([], []).value)


def test_table_reads_posteriors_as_log_odds_against_the_target():
    sure = {name: -800.0 if row[0] == "mpox" else 800.0 for name, row in IMAGES.items()}
    unsure = dict.fromkeys(IMAGES, 0.0)
    fits = [fit_row(f"cnn-{fold}", "cnn", fold) for fold in range(2)]
    scores = [
        row
        for fold, values in enumerate((sure, unsure))
        for name in ("cnn/posterior", "cnn/energy")
        for row in score_rows(f"cnn-{fold}", name, values)
    ]
    table = calibration_table(run_tables(fits, scores))
    assert set(table.row) == {"cnn/posterior"}
    clean = table[table.corruption == "clean"].set_index("metric")
    assert clean.loc["brier", "value"] == pytest.approx((0 + 0.25) / 2)
    # fold 1 tests two target images and one known: share 2/3 against probability 1/2
    assert clean.loc["ece", "value"] == pytest.approx((0 + 1 / 6) / 2)
    assert clean.loc["brier", "n"] == 6
