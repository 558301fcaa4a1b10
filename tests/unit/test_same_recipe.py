"""A recipe against itself: no verdict tells it from itself more often than chance allows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_tables import Made, made_tables

from mimbench.claims import Claim, ClaimsFile, verify
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.paired_differences import PairedDifferences, standing_of
from mimbench.scores.reading import read_tables
from mimbench.scores.tables import RunTables
from tests.simulations import gate as gates
from tests.simulations.retraining import Design, measured, rejected

RESULTS = Path(__file__).parents[2] / "results"


@pytest.mark.parametrize("alike", [False, True], ids=["two rows", "two runs"])
@pytest.mark.parametrize(
    ("folds", "seeds", "shared"), [(1, 3, 0.0), (1, 5, 0.0), (5, 2, 0.0), (5, 3, 0.0), (5, 3, 1.0)]
)
@pytest.mark.parametrize("sd", [0.04, 0.13])
def test_a_recipe_differs_from_itself_in_at_most_7_percent(
    folds: int, seeds: int, shared: float, sd: float, alike: bool
) -> None:
    design = Design(folds, seeds, sd, shared, alike)
    assert rejected(design, 4000, np.random.default_rng(0)) <= 7


def test_nothing_is_said_of_one_training_against_another() -> None:
    found = measured(read_tables(RESULTS / "msld-skin18"))
    assert found.single.size >= 60
    assert np.isnan(found.single).all()
    assert np.mean(found.one_of_three < 0.05) <= 0.07
    one_split = measured(read_tables(RESULTS / "phantom-panel"))
    assert np.isnan(one_split.single).all()
    assert np.mean(one_split.patients_alone < 0.05) > 0.1  # what ignoring retraining would say


@pytest.mark.parametrize("sd", [0.04, 0.13])
def test_eight_rows_trained_anew_raise_a_false_alarm_in_at_most_5_percent(sd: float) -> None:
    """5 % and twice the Monte Carlo error; plain Satterthwaite df give 10.3 % at 0.13."""
    design = gates.Design(48, 2, 0.7, gates.MARGIN, 0.5, sd, rows=8)
    count = 3000
    error = 100 * (0.05 * 0.95 / count) ** 0.5
    assert float(gates.alarms(design, count, np.random.default_rng(0))) <= 5 + 2 * error


def pair(seeds: range) -> RunTables:
    """One recipe twice, as two rows whose trained models differ by chance."""
    rows = {"first": Made(0.9, swap=0.5), "second": Made(0.75, swap=0.5)}
    made = made_tables(rows | {"harmonic": Made(0.5, control=True)}, seeds=seeds)
    return replace(made, fits=made.fits.assign(recipe_hash="the same"))


@pytest.mark.parametrize("seeds", [range(1), range(2)])
def test_single_trainings_get_no_conclusive_verdict_and_no_mark_however_they_differ(
    seeds: range,
) -> None:
    tables = pair(seeds)
    claims = [
        Claim(id=f"{a}-{b}", statement="It is better.", kind="superior", rows=(a,), against=(b,))
        for a, b in (("first", "second"), ("second", "first"))
    ]
    verdicts = verify(tables, ClaimsFile(name="same", claim=tuple(claims)))
    assert {own.verdict for own in verdicts} == {"inconclusive"}
    differences = PairedDifferences(tables)
    unknown = Group("unknown", "same-source")
    for row, other in (("first", "second"), ("first", "harmonic")):
        found = differences.between(row, other, unknown)
        assert found.low > 0  # over patients alone
        assert standing_of(found) == "uncertain"
    three = PairedDifferences(pair(range(3)))
    assert standing_of(three.between("first", "harmonic", unknown)) == "above"
