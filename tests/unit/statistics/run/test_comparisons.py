"""Paired comparisons, tests of claims, and what they share with the metrics table."""

from dataclasses import fields

import numpy as np
import pytest
from score_tables import clean_scores, fit_row, run_tables, score_rows

from mimbench.errors import UnknownNameError
from mimbench.statistics.core.influence import combine
from mimbench.statistics.run.clustered_auroc import Cells
from mimbench.statistics.run.comparisons import (
    Quantity,
    RunAurocs,
    holm,
)
from mimbench.statistics.tables.metrics import metrics_table


def test_every_auroc_of_the_metrics_table_can_be_asked_for(two_folds):
    tables = run_tables(*two_folds)
    table, run = metrics_table(tables, resamples=0), RunAurocs(tables)
    wanted = table[table.metric == "auroc"]
    assert len(wanted) > 100
    names = [field.name for field in fields(Quantity)]
    for number in wanted.to_dict("records"):
        where = Quantity(**{name: number[name] for name in names})
        found = run.influence(where).area_estimates()[0]
        assert found.value == pytest.approx(number["value"], abs=1e-12)
        assert (found.low, found.high) == pytest.approx((number["low"], number["high"]), abs=1e-9)


def test_unknown_rows_and_conditions_are_named_with_what_is_near(two_folds):
    run = RunAurocs(run_tables(*two_folds))
    with pytest.raises(UnknownNameError, match="mim/l1"):
        run.influence(Quantity("mim/l2"))
    with pytest.raises(UnknownNameError, match="blur 3"):
        run.influence(Quantity("mim/l1", corruption="blur", severity=2))
    with pytest.raises(UnknownNameError, match="abnormal / other-source"):
        run.influence(Quantity("mim/l1", role="abnormal", relation="same-source"))


def test_swap_fits_are_compared_on_the_same_patients(two_folds):
    fits, scores = two_folds
    for fold in range(2):
        fits.append(fit_row(f"swap-{fold}", "mim", fold, fitted_on="measles"))
        scores += score_rows(f"swap-{fold}", "mim/l1", dict.fromkeys(clean_scores(0), 1.0))
    tables = run_tables(fits, scores)
    among = (tables.images["category"] != "measles").to_numpy()
    own = RunAurocs(tables, among=among)
    swap = RunAurocs(tables, fits=(tables.fits["fitted_on"] == "measles").to_numpy(), among=among)
    where = Quantity("mim/l1", category="acne")
    signal = combine([own.influence(where), swap.influence(where)], [1, -1])
    assert signal.value[0] == pytest.approx(0.5625 - 0.5)
    assert own.groups() == [
        ("abnormal", "other-source"), ("unknown", "other-source"), ("unknown", "same-source")
    ]  # fmt: skip
    with pytest.raises(UnknownNameError):
        own.influence(Quantity("mim/l1", "known", "same-source", "measles"))


def test_holm_equals_the_textbook():
    # Holm 1979: 0.01 x 4, 0.02 x 3, 0.03 x 2, 0.04 x 1, made monotone
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.01, np.nan]), [0.02, 1.0])


def difference(shift, n=200):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=n), rng.normal(1.5, 1, size=n)
    cells = Cells(np.arange(n), n + np.arange(n))
    return combine([cells.influence(x, y + shift), cells.influence(x, y)], [1, -1])


def test_margins_decide_what_superiority_cannot():
    same, better, worse = difference(1e-3), difference(1.0), difference(-1.0)
    assert same.difference_p_above(-0.05)[0] < 0.01
    assert better.difference_p_above(0.0)[0] < 1e-6
    assert worse.difference_p_above(-0.05)[0] > 0.99


@pytest.mark.parametrize("shift", [-0.5, 0.1, 0.5, 20.0])
def test_one_sided_p_values_agree_with_the_interval(shift):
    gap = difference(shift, 30)
    low, _ = gap.difference_interval(0.9)
    assert gap.difference_p_above(low[0] - 1e-6)[0] < 0.05 < gap.difference_p_above(low[0] + 1e-6)

    area = Cells(range(30), range(30, 60)).influence(np.arange(30.0), np.arange(30.0) + shift * 5)
    low, _ = area.area_interval(0.9)
    assert area.area_p_above(low[0] - 1e-6)[0] < 0.05 < area.area_p_above(low[0] + 1e-6)[0]
