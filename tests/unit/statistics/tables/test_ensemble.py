"""Which fits make an ensemble, and what their mean is."""

import numpy as np
import pandas as pd
import pytest
from made_tables import Made, made_tables
from scipy.stats import zscore

from mimbench.errors import TableError
from mimbench.scores.tables import RunTables
from mimbench.statistics.tables.ensemble import ensembles, mean_of_z_scores

ROWS = ("drawn", "fixed/a")


@pytest.fixture
def tables() -> RunTables:
    """Two trainings of one detector, and one detector that draws nothing."""
    drawn = made_tables({"drawn": Made(0.8)}, seeds=(0, 1))
    fixed = made_tables({"fixed/a": Made(0.7)})
    fits = fixed.fits.assign(seed=pd.array([pd.NA], dtype="Int64"))
    return RunTables(
        pd.concat([drawn.scores, fixed.scores], ignore_index=True),
        pd.concat([drawn.fits, fits], ignore_index=True),
        drawn.images,
    )


def test_a_detector_without_seeds_joins_every_seed(tables: RunTables) -> None:
    found = ensembles(tables, ROWS, "mpox")
    assert [(each.fold, each.seed) for each in found] == [(0, 0), (0, 1)]
    assert len({each.members[0].fit_id for each in found}) == 2
    assert len({each.members[1].fit_id for each in found}) == 1


def test_a_seed_that_one_member_lacks_is_no_smaller_ensemble(tables: RunTables) -> None:
    fits = tables.fits.copy()
    fits.loc[fits["detector"] == "fixed", "seed"] = 0
    with pytest.raises(TableError, match="fixed/a has no fit of fold 0, seed 1"):
        ensembles(RunTables(tables.scores, fits, tables.images), ROWS, "mpox")


def test_a_failed_member_says_why(tables: RunTables) -> None:
    fits = tables.fits.copy()
    fits.loc[0, ["status", "reason"]] = ["failed", "out of memory"]
    with pytest.raises(TableError, match="drawn failed: out of memory"):
        ensembles(RunTables(tables.scores, fits, tables.images), ROWS, "mpox")


def test_scores_count_in_standard_deviations_of_the_reference() -> None:
    """Against scipy.stats.zscore where the reference is everything."""
    rng = np.random.default_rng(0)
    parts = {"a": rng.normal(5, 100, 40), "b": rng.normal(-3, 0.01, 40)}
    expected = (zscore(parts["a"], ddof=1) + zscore(parts["b"], ddof=1)) / 2
    np.testing.assert_allclose(mean_of_z_scores(parts, np.ones(40)), expected)
    with pytest.raises(TableError, match="c has the same score"):
        mean_of_z_scores({**parts, "c": np.zeros(40)}, np.ones(40))
    with pytest.raises(TableError, match="1 validation images"):
        mean_of_z_scores(parts, np.arange(40) == 3)
