"""AUROC variances against the published formulas, written out pair by pair."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mimbench.statistics.core.influence import combine, joined
from mimbench.statistics.run.clustered_auroc import Cells
from mimbench.statistics.run.uncertainty import Measured, paired_difference


def above(x, y):
    return 1.0 if y > x else 0.5 if y == x else 0.0


def delong(x, y):
    """DeLong, DeLong & Clarke-Pearson 1988 for one AUROC, O(n m)."""
    v10 = [sum(above(a, b) for b in y) / len(y) for a in x]
    v01 = [sum(above(a, b) for a in x) / len(x) for b in y]
    area = sum(v10) / len(x)
    s10 = sum((v - area) ** 2 for v in v10) / (len(x) - 1)
    s01 = sum((v - area) ** 2 for v in v01) / (len(y) - 1)
    return area, s10 / len(x) + s01 / len(y)


def obuchowski(x, px, y, py):
    """Obuchowski 1997, equations 3-6: clusters may hold images of both sides."""
    n, m = len(x), len(y)
    v10 = [sum(above(a, b) for b in y) / m for a in x]
    v01 = [sum(above(a, b) for a in x) / n for b in y]
    area = sum(v10) / n
    clusters = sorted({*px, *py})
    ids = {c: sum(v - area for v, p in zip(v10, px, strict=True) if p == c) for c in clusters}
    oods = {c: sum(v - area for v, p in zip(v01, py, strict=True) if p == c) for c in clusters}
    i10, i01, i = len(set(px)), len(set(py)), len(clusters)
    s10 = i10 / ((i10 - 1) * n) * sum(v**2 for v in ids.values())
    s01 = i01 / ((i01 - 1) * m) * sum(v**2 for v in oods.values())
    s11 = i / (i - 1) * sum(ids[c] * oods[c] for c in clusters)
    return area, s10 / n + s01 / m, 2 * s11 / (n * m)


def sample(seed, shift=1.0):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(4, 20, 2)
    return np.round(rng.normal(size=n), 1), np.round(rng.normal(shift, 1, size=m), 1), rng


def test_equals_delong_without_clusters():
    for seed in range(200):
        x, y, _ = sample(seed)
        own = Cells(np.arange(x.size), x.size + np.arange(y.size)).influence(x, y)
        area, variance = delong(x, y)
        assert own.value[0] == pytest.approx(area, abs=1e-12)
        assert own.variance[0] == pytest.approx(variance, abs=1e-12)


@pytest.mark.parametrize("overlap", ["none", "all", "some"])
def test_equals_obuchowski_with_clusters(overlap):
    for seed in range(200):
        x, y, rng = sample(seed)
        px = rng.permutation(np.arange(x.size) % 4)
        py = rng.permutation(np.arange(y.size) % 4) + {"none": 4, "all": 0, "some": 2}[overlap]
        own = Cells(px, py).influence(x, y)
        area, sides, cross = obuchowski(x, px, y, py)
        assert own.value[0] == pytest.approx(area, abs=1e-12)
        if overlap == "some":  # six clusters: 6/5 by Obuchowski, 4/3 here
            cross *= (4 / 3) / (6 / 5)
        assert own.variance[0] == pytest.approx(sides + cross, abs=1e-12)


def test_paired_difference_equals_delongs_covariance():
    x, y, rng = sample(3)
    x2, y2 = x + rng.normal(size=x.size), y + rng.normal(size=y.size)
    cells = Cells(np.arange(x.size), x.size + np.arange(y.size))
    difference = combine([cells.influence(x, y), cells.influence(x2, y2)], [1, -1])

    d10 = [
        np.mean([above(a, b) for b in y]) - np.mean([above(a2, b) for b in y2])
        for a, a2 in zip(x, x2, strict=True)
    ]
    d01 = [
        np.mean([above(a, b) for a in x]) - np.mean([above(a, b2) for a in x2])
        for b, b2 in zip(y, y2, strict=True)
    ]
    expected = np.var(d10, ddof=1) / x.size + np.var(d01, ddof=1) / y.size
    assert difference.variance[0] == pytest.approx(expected, abs=1e-12)


def test_groups_equal_separate_cells_and_their_mean_shares_the_target_patients():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=12), rng.normal(1, 1, size=20)
    px, py = np.arange(12) // 2, 6 + np.arange(20) // 2
    both = Cells(px, py, [0, 8, 20]).influence(x, y)
    first = Cells(px, py[:8], n_patients=16).influence(x, y[:8])
    second = Cells(px, py[8:], n_patients=16).influence(x, y[8:])
    np.testing.assert_allclose(both.value, [first.value[0], second.value[0]])
    np.testing.assert_allclose(both.variance, [first.variance[0], second.variance[0]])

    mean = both.mix([[0.5, 0.5]])
    assert mean.value[0] == pytest.approx((first.value[0] + second.value[0]) / 2)
    np.testing.assert_allclose(mean.variance, combine([first, second], [0.5, 0.5]).variance)
    independent = (first.variance[0] + second.variance[0]) / 4
    shared = 0.5 * float(first.id[0] @ second.id[0])
    assert mean.variance[0] == pytest.approx(independent + shared)
    assert shared > 0


def test_folds_with_different_patients_add_their_variances():
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(2, 20))
    folds = [
        Cells(np.arange(10) + 20 * f, 10 + np.arange(10) + 20 * f, n_patients=40).influence(
            scores[f, :10], scores[f, 10:] + 1
        )
        for f in range(2)
    ]
    mean = combine(folds, [0.5, 0.5])
    assert mean.variance[0] == pytest.approx((folds[0].variance[0] + folds[1].variance[0]) / 4)
    assert mean.patients[0][0] == 20
    # t with about twice the degrees of freedom of one fold
    assert mean.df[0] > 1.5 * min(fold.df[0] for fold in folds)


def test_numbers_that_are_joined_are_what_they_were_alone():
    cells = Cells(np.arange(12) // 2, 6 + np.arange(20) // 2, [0, 8, 20], 16)
    rng = np.random.default_rng(3)
    parts = [cells.influence(rng.normal(size=12), rng.normal(1, 1, size=20)) for _ in "abc"]
    parts[1] = replace(parts[1], reasons=("", "lost"), unknown=("seed", ""))
    alone = [own.area_interval() for own in parts]
    together = joined(parts)
    assert together.reasons == ("", "", "", "lost", "", "")
    assert together.unknown == ("", "", "seed", "", "", "")
    np.testing.assert_array_equal(together.value, np.concatenate([own.value for own in parts]))
    np.testing.assert_allclose(together.area_interval(), np.concatenate(alone, axis=1), rtol=1e-14)
    for own, part in zip(parts, together.split(parts[0]), strict=True):
        assert (part.reasons, part.unknown or ("", "")) == (own.reasons, own.unknown or ("", ""))
        for name in ("value", "id", "ood", "id_share", "variance", "df"):
            np.testing.assert_array_equal(getattr(part, name), getattr(own, name))
    clean = joined([parts[0]] * 3)
    assert joined(parts, clean).ood_share is clean.ood_share  # nobody counts patients again
    np.testing.assert_array_equal(joined(parts, clean).df, together.df)
    drops = combine([clean, together], [1, -1]).difference_interval()
    for k, own in enumerate(parts):
        drop = combine([parts[0], own], [1, -1]).difference_interval()
        np.testing.assert_allclose(np.stack(drops)[:, 2 * k : 2 * k + 2], drop, rtol=1e-14)
    with pytest.raises(ValueError, match="without one"):
        joined([parts[0], replace(parts[1], line=np.zeros((2, 16)))])


@pytest.mark.parametrize("shift", [-10.0, 10.0])
def test_perfect_separation_has_a_wide_interval_that_shrinks_with_more_patients(shift):
    widths = []
    for n in (1, 5, 50):
        estimate = (
            Cells(np.arange(n), n + np.arange(n))
            .influence(np.zeros(n), np.full(n, shift))
            .area_estimates()[0]
        )
        assert estimate.value == (1 if shift > 0 else 0)
        assert estimate.low <= estimate.value <= estimate.high
        widths.append(estimate.high - estimate.low)
    assert widths[0] > 0.7
    assert widths[0] > widths[1] > widths[2] > 0.01


def test_a_constant_score_is_at_chance_and_not_certain():
    estimate = Cells(np.arange(8), 8 + np.arange(8)).influence(np.ones(8), np.ones(8))
    half = estimate.area_estimates()[0]
    assert half.value == 0.5
    assert half.low < 0.4
    assert half.high > 0.6


def test_equal_rows_do_not_differ_but_few_patients_prove_little():
    cells = Cells(np.arange(5), 5 + np.arange(50))
    row = cells.influence(np.zeros(5), np.ones(50))
    same = paired_difference(Measured(row), Measured(row))[0]
    assert same.value == 0
    assert same.p == 1
    assert same.high == pytest.approx(1 - 0.025 ** (1 / 5))


def test_many_images_of_one_patient_are_one_patient():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=30), rng.normal(1, 1, size=30)
    alone = Cells(np.zeros(30, int), 1 + np.arange(30)).influence(x, y).area_estimates()[0]
    apart = Cells(np.arange(30), 30 + np.arange(30)).influence(x, y).area_estimates()[0]
    assert alone.high - alone.low > 3 * (apart.high - apart.low)


def test_interval_and_p_value_agree_about_zero():
    rng = np.random.default_rng(4)
    cells = Cells(np.arange(30), 30 + np.arange(40))
    for shift in (0.0, 0.3, 0.6, 1.0):
        a = cells.influence(rng.normal(size=30), rng.normal(1, 1, size=40))
        b = cells.influence(rng.normal(size=30), rng.normal(1 + shift, 1, size=40))
        estimate = paired_difference(Measured(b), Measured(a))[0]
        assert (estimate.p < 0.05) == (estimate.low > 0 or estimate.high < 0)


def test_missing_scores_give_a_reason_and_a_zero_weight_forgives_them():
    cells = Cells([0, 1], [2, 3, 4], [0, 2, 3, 3])
    own = cells.influence([0.0, 1.0], [math.nan, 1.0, 2.0])
    assert own.reasons == ("1 of 2 OOD scores missing", "", "no OOD images")
    assert np.isnan(own.value[[0, 2]]).all()
    assert own.value[1] == 1
    assert math.isnan(own.area_estimates()[0].low)
    forgiven = combine([own, own], [[0, 1, 0], [0, 0, 0]])
    assert forgiven.reasons == ("", "", "")


def test_intervals_of_clustered_means_and_differences_cover_the_truth():
    rng = np.random.default_rng(7)
    patient = np.arange(90) // 2
    px, py = patient[:45], 45 + patient
    cells = Cells(px, py, [0, 30, 60, 90])
    inside, rejected = [], []
    for _ in range(500):
        person = rng.normal(size=100)
        x, y = person[px], person[py] + 1
        rows = [
            cells.influence(x + rng.normal(size=45), y + rng.normal(size=90)).mix([[1 / 3] * 3])
            for _ in range(2)
        ]
        low, high = rows[0].area_interval()
        inside.append(low[0] <= 0.6915 <= high[0])  # Phi(1 / 2)
        rejected.append(paired_difference(*map(Measured, rows))[0].p < 0.05)
    assert 0.925 < np.mean(inside) < 0.98
    assert 0.02 < np.mean(rejected) < 0.08


def test_a_patient_alone_keeps_his_bound_beside_numbers_that_have_none():
    x, y, _ = sample(5)
    everyone = x.size + y.size
    several = Cells(np.arange(x.size), x.size + np.arange(y.size), n_patients=everyone)
    lone = Cells(np.arange(x.size), np.full(y.size, x.size), n_patients=everyone)
    many, one = several.influence(x, y), lone.influence(x, y)
    assert many.bound is None
    assert one.bound is not None
    assert one.bound.any()
    zeros = replace(many, bound=np.zeros_like(many.id))
    for own, full in (
        (combine([many, one], [0.25, 0.75]), combine([zeros, one], [0.25, 0.75])),
        (combine([one, many], [0.25, 0.75]), combine([one, zeros], [0.25, 0.75])),
        (joined([many, one]), joined([zeros, one])),
        (many.mix([[0.5]]), zeros.mix([[0.5]])),
    ):
        np.testing.assert_array_equal(own.variance, full.variance)
        np.testing.assert_array_equal(own.df, full.df)


def test_counts_that_are_taken_over_are_those_of_the_patients():
    x, y, _ = sample(6)
    everyone = x.size + y.size + 3
    cells = Cells(np.arange(x.size), x.size + np.arange(y.size), n_patients=everyone)
    fewer = Cells(np.arange(x.size) % 3, x.size + np.arange(y.size) % 2, n_patients=everyone)
    own, other = cells.influence(x, y), fewer.influence(x, y)
    first = own.mix([[0.5]])
    for found in (
        combine([own, own], [1, -1]),
        combine([own, other], [1, -1]),
        joined([own, other]),
        cells.influence(-x, -y).mix([[0.5]], first),
        own.with_value(own.value / 2, ("",)),
    ):
        afresh = replace(found)  # has kept nothing
        np.testing.assert_array_equal(found.df, afresh.df)
        np.testing.assert_array_equal(found.patients, afresh.patients)
