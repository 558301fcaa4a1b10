"""What a number varies by: patients, retraining, and further parts; and what is unknown."""

import numpy as np
import pandas as pd
import pytest
from made_tables import Made, made_tables

from mimbench.scores.tables import FIT_COLUMNS, RunTables
from mimbench.statistics.run.comparisons import Quantity, RunAurocs
from mimbench.statistics.run.retraining import Trainings
from mimbench.statistics.run.uncertainty import Measured, paired_difference
from mimbench.statistics.run.variance import Part

ROWS = {"a": Made(0.8, drop=0.02, retraining_sd=0.1), "b": Made(0.8, retraining_sd=0.1)}
PLACE = {"role": "unknown", "relation": "same-source"}


def trainings(values, folds, seeds) -> Trainings:
    ids = tuple(f"{fold}-{seed}" for fold, seed in zip(folds, seeds, strict=True))
    table = np.asarray(values, dtype=np.float64)[:, None]
    return Trainings(ids, np.zeros(len(ids), int), np.asarray(folds), np.asarray(seeds), table)


def made(seeds=3, rows=ROWS, **options) -> RunAurocs:
    return RunAurocs(made_tables(rows, seeds=range(seeds), **options))


def folded(tables: RunTables, folds: int) -> RunTables:
    """The same run, each of its fits once in each fold."""
    images = tables.images.assign(**{f"split_{k}": "test" for k in range(folds)})
    fits, scores = [], []
    for fold in range(folds):
        fits.append(tables.fits.assign(fold=fold, fit_id=tables.fits["fit_id"] + f"-{fold}"))
        scores.append(tables.scores.assign(fit_id=tables.scores["fit_id"] + f"-{fold}"))
    return RunTables(
        pd.concat(scores, ignore_index=True),
        pd.concat(fits, ignore_index=True).astype(FIT_COLUMNS),
        images,
    )


def test_trainings_of_one_fold_show_the_variance_of_their_mean() -> None:
    values = [0.70, 0.76, 0.79]
    variance, df = trainings(values, [0, 0, 0], [0, 1, 2]).variance
    assert variance[0] == pytest.approx(np.var(values, ddof=1) / 3)
    assert df[0] == 2


@pytest.mark.parametrize(
    ("folds", "seeds", "known"),
    [
        ([0, 0], [0, 1], False),
        ([0, 0, 0], [0, 1, 2], True),
        ([0, 0, 1, 1], [0, 1, 0, 1], True),
        ([0, 1, 2, 3, 4], [0, 0, 0, 0, 0], False),  # folds differ in more than the training
    ],
)
def test_less_than_two_degrees_of_freedom_are_unknown(folds, seeds, known) -> None:
    values = np.linspace(0.6, 0.8, len(folds))
    variance, _ = trainings(values, folds, seeds).variance
    assert np.isfinite(variance[0]) == known


def test_seeds_that_move_every_fold_alike_count_as_one_training_each() -> None:
    folds, seeds = np.divmod(np.arange(15), 3)
    alike = 0.7 + 0.1 * folds + np.asarray([0.0, 0.03, 0.09])[seeds]
    variance, df = trainings(alike, folds, seeds).variance
    assert variance[0] == pytest.approx(np.var([0.0, 0.03, 0.09], ddof=1) / 3)
    assert df[0] == 2
    opposed = np.asarray([[0, 0.03, 0.09], [0.09, 0.03, 0.0]] * 2 + [[0.04, 0.04, 0.04]]).ravel()
    variance, df = trainings(opposed, folds, seeds).variance
    each = np.mean([np.var(own, ddof=1) for own in opposed.reshape(5, 3)])
    assert variance[0] == pytest.approx(each / 15)
    assert df[0] == 10


def test_no_seed_no_retraining() -> None:
    tables = made_tables(ROWS)
    fits = tables.fits.assign(seed=None).astype(FIT_COLUMNS)
    run = RunAurocs(RunTables(tables.scores, fits, tables.images))
    own = run.measured(Quantity("a", **PLACE))
    assert own.known.all()
    assert own.retraining[0][0] == 0
    assert own.area_interval() == own.patients.area_interval()
    assert own.area_p_above(0.7) == own.patients.area_p_above(0.7)


def test_the_variance_is_the_sum_and_the_interval_wider() -> None:
    own = made().measured(Quantity("a", **PLACE))
    variance, df = own.retraining
    assert own.variance[0] == pytest.approx(own.patients.variance[0] + variance[0])
    assert df[0] == 2
    assert 2 < own.df[0] < own.patients.df[0]
    low, high = own.area_interval()
    alone = own.patients.area_interval()
    assert low[0] < alone[0][0]
    assert high[0] > alone[1][0]
    low, _ = own.area_interval(0.9)
    assert own.area_p_above(low[0])[0] == pytest.approx(0.05)


def test_two_conditions_of_a_model_are_compared_model_by_model() -> None:
    run = made()
    clean = run.measured(Quantity("a", **PLACE))
    again = clean.minus(clean)
    assert again.retraining[0][0] == 0
    corrupted = run.measured(Quantity("a", corruption="gaussian_noise", severity=3, **PLACE))
    drop = clean.minus(corrupted)
    each = clean.trainings[0].values - corrupted.trainings[0].values
    assert drop.retraining[0][0] == pytest.approx(np.var(each, ddof=1) / 3)
    assert drop.retraining[0][0] < 0.2 * clean.retraining[0][0]


def test_two_recipes_add_their_spreads_and_alike_ones_pool_them() -> None:
    run = made()
    a, b = (run.measured(Quantity(row, **PLACE)) for row in "ab")
    apart = a.minus(b).retraining
    assert apart[0][0] == pytest.approx(a.retraining[0][0] + b.retraining[0][0])
    assert apart[1][0] <= 4
    one = made(seeds=1).measured(Quantity("b", **PLACE))
    assert not a.minus(one).known[0]
    pooled = a.minus(one, alike=True)
    assert pooled.known[0]
    each = np.var(a.trainings[0].values, ddof=1)
    assert pooled.retraining[0][0] == pytest.approx(each * (1 / 3 + 1))


def test_an_unknown_spread_has_no_p_and_says_so() -> None:
    run = made(seeds=1)
    a, b = (run.measured(Quantity(row, **PLACE)) for row in "ab")
    found = paired_difference(a, b)[0]
    assert np.isnan(found.p)
    assert "retraining" in found.caution
    assert found.low < found.value < found.high  # of the patients alone
    assert np.isnan(a.area_p_above(0.5)[0])
    assert np.isnan(a.difference_p_above(0.0)[0])


def test_a_fit_that_serves_every_fold_is_one_training() -> None:
    tables = folded(made_tables({"a": ROWS["a"]}, seeds=range(3)), 2)
    first = tables.fits["fold"] == 0
    scores = tables.scores[tables.scores["fit_id"].isin(tables.fits.loc[first, "fit_id"])]
    fits = tables.fits[first].assign(fold=None).astype(FIT_COLUMNS)
    own = RunAurocs(RunTables(scores, fits, tables.images)).measured(Quantity("a", **PLACE))
    assert own.trainings[0].values.shape == (3, 1)
    assert own.retraining[1][0] == 2


def test_parts_of_the_same_draws_cancel_and_others_add() -> None:
    influence = made().influence(Quantity("a", **PLACE))
    line = Part("line of a", np.asarray([[0.03], [0.04]]), 5.0)
    own = Measured(influence, parts=(line,))
    assert own.variance[0] == pytest.approx(influence.variance[0] + 0.05**2)
    assert own.minus(own).variance[0] == pytest.approx(0)
    other = Measured(influence, parts=(Part("line of b", line.effects, 5.0),))
    assert own.minus(other).variance[0] == pytest.approx(2 * 0.05**2)
    assert Measured.mean([own, other]).mix([[2.0]]).variance[0] == pytest.approx(
        4 * influence.variance[0] + 2 * 0.05**2
    )
