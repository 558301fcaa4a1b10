"""Robustness summaries worked out by hand, and their reasons to stay silent."""

import math

import numpy as np
import pytest
from score_tables import clean_scores, fit_row, run_tables, score_rows

from mimbench.errors import UnknownNameError
from mimbench.statistics.core.influence import combine
from mimbench.statistics.run.clustered_auroc import Cells
from mimbench.statistics.tables.corruption_error import (
    corruption_error,
    mean_ratio,
    relative_corruption_error,
    summed_errors,
    summed_rises,
)
from mimbench.statistics.tables.metrics import metrics_table
from mimbench.statistics.tables.robustness import (
    degradation_area,
    robustness_table,
    severity_below,
    worst_area,
)

N = 60
CELLS = Cells(np.arange(N), N + np.arange(N))
RNG = np.random.default_rng(0)
TARGET, OTHER, NOISE = RNG.normal(size=N), RNG.normal(size=N), RNG.normal(size=2 * N)


def area(shift, noise=0.3):
    return CELLS.influence(TARGET + noise * NOISE[:N], OTHER + noise * NOISE[N:] + shift)


def test_degradation_area_is_the_trapezoid_over_the_severities_there_are():
    clean, one, five = area(2.0), area(1.0), area(0.0)
    surface = degradation_area(clean, {1: one, 5: five})
    by_hand = ((clean.value + one.value) / 2 * 1 + (one.value + five.value) / 2 * 4) / 5
    assert surface.value == pytest.approx(by_hand)
    assert surface.area_estimates()[0].low < surface.value[0] < surface.area_estimates()[0].high


def test_severity_below_interpolates_and_says_when_it_never_happens():
    clean, one, three = area(2.0), area(1.5), area(0.2)
    floor = (one.value[0] + three.value[0]) / 2
    found = severity_below(clean, {1: one, 3: three}, floor)[0]
    assert found.value == pytest.approx(2.0)
    assert found.low < 2.0 < found.high
    never = severity_below(clean, {1: one, 3: one}, 0.5)[0]
    assert math.isnan(never.value)
    assert never.reason == "stays at 0.5 or above up to severity 3"
    assert severity_below(area(-1.0), {1: one}, 0.6)[0].value == 0


def test_the_worst_corruption_pays_for_being_chosen():
    areas = {"blur": area(1.0), "fog": area(0.4), "snow": area(0.9)}
    ((name, worst),) = worst_area(areas)
    alone = areas["fog"].area_estimates()[0]
    assert name == "fog"
    assert worst.value == alone.value
    assert worst.low < alone.low
    assert worst.high > alone.high


def test_corruption_error_is_a_ratio_of_summed_errors():
    own, reference = [area(1.0), area(0.5)], [area(0.8, 0.0), area(0.2, 0.0)]
    ce = corruption_error(summed_errors(own), summed_errors(reference))
    by_hand = sum(1 - a.value[0] for a in own) / sum(1 - a.value[0] for a in reference)
    assert ce.influence.value[0] == pytest.approx(by_hand)
    low, high = ce.interval()
    assert low[0] < by_hand < high[0]
    itself = corruption_error(summed_errors(own), summed_errors(own))
    assert itself.influence.value[0] == pytest.approx(1)
    assert itself.influence.variance[0] == pytest.approx(0, abs=1e-20)
    mean = mean_ratio([ce, itself])
    assert mean.influence.value[0] == pytest.approx((by_hand + 1) / 2)


def test_corruption_error_covers_its_expectation():
    hits = 0
    rng = np.random.default_rng(5)
    truth = 0.2398 / 0.3618  # 1 - Phi(1 / sqrt 2), 1 - Phi(0.5 / sqrt 2)
    for _ in range(400):
        x, y, z = (rng.normal(m, 1, 80) for m in (0.0, 1.0, 0.5))
        cells = Cells(np.arange(80), 80 + np.arange(80))
        sides = (summed_errors([cells.influence(x, own)]) for own in (y, z))
        low, high = corruption_error(*sides).interval()
        hits += low[0] <= truth <= high[0]
    assert 0.92 < hits / 400 < 0.98


def test_summed_rises_are_those_of_one_condition_after_the_other():
    clean, corrupted = area(1.5), [area(1.0), area(0.5), area(0.2)]
    found = summed_rises(corrupted, clean)
    plain = combine([combine([clean, one], [1, -1]) for one in corrupted], [1.0] * 3)
    for name in ("value", "id", "ood", "variance", "df"):
        np.testing.assert_allclose(getattr(found, name), getattr(plain, name), atol=1e-12)


def test_relative_error_is_silent_where_the_reference_hardly_degrades():
    clean, corrupted = area(1.5), area(0.5)
    fine = relative_corruption_error(
        *(summed_rises([own], clean) for own in (area(1.0), corrupted))
    )
    assert 0 < fine.influence.value[0] < 1
    silent = relative_corruption_error(*(summed_rises([area(own)], clean) for own in (1.0, 1.49)))
    assert math.isnan(silent.influence.value[0])
    assert "may be 0" in silent.estimates()[0].reason


def test_robustness_table_agrees_with_the_metrics_table(two_folds):
    fits, scores = two_folds
    fits.append(fit_row("harmonic", "harmonic", None, None, fitted_on="nothing"))
    scores += score_rows("harmonic", "harmonic", clean_scores(1), shift_target=0.5)
    fits.append(fit_row("vit", "vit", 0, status="failed", reason="no weights"))
    tables = run_tables(fits, scores)
    table = robustness_table(tables, reference="harmonic", floor=0.7)
    numbers = metrics_table(tables, resamples=0)
    where = {"question": "detection", "role": "unknown", "relation": "other-source",
             "category": "acne", "protocol": "both"}  # fmt: skip

    def pick(frame, **more):
        wanted = where | more
        return frame[np.logical_and.reduce([frame[k] == v for k, v in wanted.items()])]

    means = pick(numbers, row="mim/l1", metric="auroc", severity=-1)
    worst = pick(table, row="mim/l1", metric="worst_auroc").iloc[0]
    assert worst.value == pytest.approx(means[means.corruption != "*"].value.min())
    ce = pick(table, row="harmonic", metric="ce", corruption="*").iloc[0]
    assert math.isnan(ce.value)  # four target images leave the reference's error open
    assert "may be 0" in ce.reason
    assert set(pick(table, row="vit").reason) == {"the fit of fold 0, seed 0 failed: no weights"}
    assert table.loc[table.value.isna(), "reason"].ne("").all()
    with pytest.raises(UnknownNameError, match="harmonic"):
        robustness_table(tables, reference="tela")


def test_corruptions_measured_together_have_the_numbers_that_they_have_alone(two_folds):
    fits, plain = two_folds
    harsher = {"blur": ((1, 0.4), (3, 0.9)), "fog": ((1, 0.2), (3, 1.4)), "snow": ((2, 0.7),)}
    clean = [row for row in plain if row["corruption"] == "clean"]
    corrupted = {
        name: [
            row | {"corruption": name, "severity": level, "value": row["value"] * (1 - shift)}
            for level, shift in levels
            for row in clean
        ]
        for name, levels in harsher.items()
    }
    scores = clean + [row for rows in corrupted.values() for row in rows]
    together = robustness_table(run_tables(fits, scores), reference="mim/l1")
    for name, own in corrupted.items():
        alone = robustness_table(run_tables(fits, clean + own), reference="mim/l1")
        pair = [
            found[found["corruption"] == name].query("metric != 'worst_auroc'").astype({"row": str})
            for found in (together, alone)
        ]
        assert len(pair[0]) == len(pair[1]) > 0
        for column in together:
            first, second = (found[column].tolist() for found in pair)
            if column in ("value", "low", "high"):
                np.testing.assert_allclose(first, second, rtol=1e-12)
            else:
                assert first == second
    names = together.loc[together["metric"] == "degradation_area", "corruption"]
    assert list(dict.fromkeys(names)) == ["blur", "fog", "snow", "*"]
