"""A mean of shares that disagree is no estimate, and its interval says so."""

import numpy as np
import pytest

from mimbench.statistics.core.cautions import share_cautions
from mimbench.statistics.core.influence import combine
from mimbench.statistics.run.clustered_auroc import share_influence
from mimbench.statistics.run.fit_spread import fit_spread
from mimbench.statistics.run.uncertainty import Measured

PATIENTS = 100
APART = (1.00, 0.03, 0.01, 0.00, 0.01)


def measured(flags, patients=None, labels=None):
    """Mean over fits of shares of flagged images, one image of each patient."""
    own = [
        share_influence(
            one, np.arange(len(one)) if patients is None else patients[k], [0, len(one)], 500
        )
        for k, one in enumerate(flags)
    ]
    weights = np.full((len(own), 1), 1 / len(own))
    part = fit_spread(own, weights, labels or [(k, 0) for k in range(len(own))], "mim")
    return Measured(combine(own, list(weights)), parts=(part,))


def shares(values):
    return [(np.arange(PATIENTS) < round(PATIENTS * share)).astype(float) for share in values]


def test_thresholds_that_disagree_leave_nearly_everything_open():
    own = measured(shares(APART))
    assert own.value == pytest.approx([0.21])
    low, high = own.area_interval()
    assert low[0] < 0.03
    assert high[0] > 0.8
    # between fits that see the same images, all of it is the fits': var / 5
    assert own.parts[0].variance[0] == pytest.approx(np.var(APART, ddof=1) / 5, rel=0.01)
    narrow = own.patients.area_interval()
    assert narrow[1][0] - narrow[0][0] < 0.1


def test_one_patient_alone_in_a_fold_does_not_make_disagreeing_thresholds_agree():
    sizes, hits = (1, 25, 25, 25, 25), (1, 1, 0, 0, 1)
    starts = np.cumsum((0, *sizes))
    flags = [(np.arange(n) < own).astype(float) for n, own in zip(sizes, hits, strict=True)]
    patients = [np.arange(start, start + n) for start, n in zip(starts, sizes, strict=False)]
    own = measured(flags, patients)
    low, high = own.area_interval()
    assert low[0] < 0.04
    assert high[0] > 0.5
    assert share_cautions(own.patients.variance, own.parts[0].variance[0])[0]


def test_fits_that_agree_add_nothing():
    own = measured(shares((0.8, 0.8, 0.8)))
    assert own.parts[0].variance[0] == pytest.approx(0)
    for end, alone in zip(own.area_interval(), own.patients.area_interval(), strict=True):
        assert end == pytest.approx(alone)


def test_what_the_tested_patients_account_for_is_not_counted_twice():
    rng = np.random.default_rng(1)
    patients = [np.arange(k * PATIENTS, (k + 1) * PATIENTS) for k in range(5)]
    added = []
    for _ in range(200):
        flags = rng.random((5, PATIENTS)) < 0.7  # one threshold for all, tested on five groups
        own = measured(flags.astype(float), patients)
        added.append(own.parts[0].variance[0][0] / own.patients.variance[0])
    assert np.median(added) < 0.1
    assert np.mean(added) < 0.6


def test_with_one_fold_the_seeds_are_compared_and_one_fit_has_no_spread():
    seeds = measured(shares((0.2, 0.6)), labels=[(0, 0), (0, 1)])
    assert seeds.parts[0].variance[0] == pytest.approx(np.var([0.2, 0.6], ddof=1) / 2, rel=0.03)
    assert measured(shares((0.2,)), labels=[(0, 0)]).parts[0].variance[0] == 0
