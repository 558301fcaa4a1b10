"""A metric is one object: it is in the table once it is in the list, and columns can show it."""

import numpy as np
import pytest
from score_tables import run_tables

from mimbench.statistics.ranking.kernels import METRICS as TOGETHER
from mimbench.statistics.tables import definitions
from mimbench.statistics.tables.definitions import METRICS, ScoreMetric
from mimbench.statistics.tables.metrics import METRIC_COLUMNS, metrics_table


def _above_every_target(x, x_drawn, y, y_drawn):
    """Share of other images with a score above that of every target image that was drawn."""
    highest = np.where(x_drawn > 0, x[:, None], -np.inf).max(0)
    drawn = y_drawn.sum(0)
    with np.errstate(invalid="ignore"):
        return np.where(drawn > 0, (y_drawn * (y[:, None] > highest)).sum(0) / drawn, np.nan)


@pytest.fixture
def extended(two_folds, monkeypatch):
    added = ScoreMetric(
        name="beyond", title="above every target image", compute=_above_every_target
    )
    tables = run_tables(*two_folds)
    before = metrics_table(tables, resamples=50)
    monkeypatch.setattr(definitions, "METRICS", (*METRICS, added))
    return before, metrics_table(tables, resamples=50)


def test_a_metric_of_ones_own_is_averaged_over_fits_and_categories(extended):
    _, after = extended
    own = after[
        (after["metric"] == "beyond")
        & (after["question"] == "detection")
        & (after["corruption"] == "clean")
    ]
    values = own[own["category"] != ""].set_index("category")["value"]
    # fold 0: targets 1, 3 against acne 2, 3: none of 2; fold 1: 2, 6 against 1, 8: 1 of 2
    assert values["acne"] == pytest.approx((0 + 1 / 2) / 2)
    # rosacea: fold 0: 0: none; fold 1: 7: 1 of 1
    assert values["rosacea"] == pytest.approx(1 / 2)
    mean = own[(own["category"] == "") & (own["role"] == "unknown")]
    mean = mean[mean["relation"] == "other-source"]["value"].iloc[0]
    assert mean == pytest.approx((values["acne"] + values["rosacea"]) / 2)
    assert own["low"].notna().all()
    assert (own["low"] <= own["value"]).all()
    assert (own["value"] <= own["high"]).all()


def test_a_further_metric_changes_no_other_number(extended):
    before, after = extended
    rest = after[after["metric"] != "beyond"].reset_index(drop=True)
    assert rest.astype(METRIC_COLUMNS).equals(before.astype(METRIC_COLUMNS))


def test_metrics_that_one_pass_computes_are_those_without_a_function_of_their_own():
    made = {own.name for own in METRICS if isinstance(own, ScoreMetric) and own.compute is None}
    assert made == set(TOGETHER) - {"auroc"}
    names = [own.name for own in METRICS]
    assert len(names) == len(set(names))
