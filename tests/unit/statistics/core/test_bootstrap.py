"""Resampled metrics against scikit-learn on the same resamples."""

import numpy as np
import pytest
from scipy.special import logit
from sklearn import metrics as sk

from mimbench.statistics.core.bootstrap import METRICS, Resamples, bootstrap_interval
from mimbench.statistics.ranking.kernels import mixed_spreads


def weights(resamples, images):
    blocks, _, width = resamples.weights.shape
    flat = resamples.weights.transpose(1, 0, 2).reshape(images, blocks * width)
    return flat[:, : resamples.count + 1].astype(int)


def expected(ood, scores):
    def fpr(positive, score):
        false, true, _ = sk.roc_curve(positive, score, drop_intermediate=False)
        return false[np.argmax(true >= 0.95)]

    false, true, _ = sk.roc_curve(ood, scores, drop_intermediate=False)
    return [
        sk.roc_auc_score(ood, scores),
        sk.average_precision_score(1 - ood, -scores),
        sk.average_precision_score(ood, scores),
        fpr(1 - ood, -scores),
        fpr(ood, scores),
        np.min(false + 1 - true) / 2,
    ]


@pytest.mark.parametrize("digits", [1, 6])
def test_every_metric_equals_a_scikit_learn_loop(digits):
    rng = np.random.default_rng(digits)
    category = np.repeat(["mpox", "acne", "rosacea"], [24, 15, 30])
    ood = (category != "mpox").astype(int)
    patient = np.arange(69) // 3
    scores = np.round(rng.normal(size=69) + ood, digits)
    resamples = Resamples(patient, category, 70, rng)
    measured = resamples.metrics(
        scores[:24], np.arange(24), scores[24:], np.arange(24, 69), [0, 15, 45]
    )
    drawn = weights(resamples, 69)
    assert measured.shape == (2, len(METRICS), 71)
    fewer = resamples.first(20).metrics(
        scores[:24], np.arange(24), scores[24:], np.arange(24, 69), [0, 15, 45]
    )
    np.testing.assert_array_equal(fewer, measured[:, :, :21])
    assert resamples.first(71) is resamples
    for names in (("aupr_in", "aupr_out"), ("aupr_out", "fpr95_target"), ()):
        asked = np.isin(METRICS, names)
        some = resamples.metrics(
            scores[:24], np.arange(24), scores[24:], np.arange(24, 69), [0, 15, 45], wanted=asked
        )
        np.testing.assert_array_equal(some[:, :, 0], measured[:, :, 0])
        np.testing.assert_array_equal(some[:, asked], measured[:, asked])
        assert np.isnan(some[:, ~asked, 1:]).all()
    for group, name in enumerate(["acne", "rosacea"]):
        own = (category == name) | (category == "mpox")
        for k in range(71):  # more than one block
            repeated = np.repeat(np.flatnonzero(own), drawn[own, k])
            wanted = expected(ood[repeated], scores[repeated])
            if k > 0:
                wanted[METRICS.index("detection_error")] = np.nan  # of the sample alone
            np.testing.assert_allclose(measured[group, :, k], wanted, atol=1e-12)


def test_patients_are_drawn_whole_and_categories_keep_their_patients():
    rng = np.random.default_rng(0)
    category = np.repeat(["mpox", "acne"], [12, 8])
    patient = np.concatenate([np.arange(12) // 3, 10 + np.arange(8) // 2])
    drawn = weights(Resamples(patient, category, 500, rng), 20)
    assert (drawn[:, 0] == 1).all()
    for who in np.unique(patient):
        own = drawn[patient == who]
        assert (own == own[0]).all()
    assert (drawn[category == "mpox"].sum(0) == 12).all()
    assert (drawn[category == "acne"].sum(0) == 8).all()
    assert drawn[:, 1:].std() > 0.5


def test_a_patient_with_images_of_two_categories_is_drawn_once_for_both():
    category = ["mpox", "mpox", "mpox", "acne", "acne", "acne"]
    patient = [0, 1, 2, 0, 1, 5]
    drawn = weights(Resamples(patient, category, 50, np.random.default_rng(1)), 6)
    assert (drawn[0] == drawn[3]).all()
    assert (drawn[1] == drawn[4]).all()


def test_resamples_repeat_from_their_generator_and_missing_scores_stay_missing():
    first, second = (
        Resamples(range(20), ["a"] * 10 + ["b"] * 10, 10, np.random.default_rng(5)) for _ in "ab"
    )
    assert (first.weights == second.weights).all()
    y = np.arange(10.0)
    y[3] = np.nan
    measured = first.metrics(np.zeros(10), range(10), y, range(10, 20), [0, 5, 10])
    assert np.isnan(measured[0]).all()
    assert not np.isnan(measured[1, :5]).any()
    assert not np.isnan(measured[1, :, 0]).any()


def test_interval_stays_within_bounds_and_is_never_empty():
    spread = np.random.default_rng(0).normal(0.95, 0.04, size=2000)
    low, high = bootstrap_interval(0.95, spread, 20)
    assert 0.7 < low < 0.9
    assert 0.97 < high < 1
    for value in (0.0, 1.0, 0.5):
        low, high = bootstrap_interval([value], np.full((1, 100), value), [20])
        assert high[0] - low[0] > 0.1
        assert low[0] <= value <= high[0]
    holes = np.concatenate([spread, np.full(50, np.nan)])
    assert bootstrap_interval(0.95, holes, 20)[0] == pytest.approx(
        bootstrap_interval(0.95, spread, 20)[0]
    )


def test_what_resamples_do_not_show_widens_the_interval():
    samples = np.random.default_rng(0).normal(0.5, 0.05, (1, 400))
    narrow, wide = (bootstrap_interval([0.5], samples, [40], widening=w) for w in (1.0, 4.0))
    half = [logit(high[0]) - logit(low[0]) for low, high in (narrow, wide)]
    assert half[1] == pytest.approx(2 * half[0])


def test_means_over_groups_and_their_spread_are_those_of_the_straightforward_computation():
    rng = np.random.default_rng(2)
    values = rng.uniform(size=(3, 4, 51))
    values[1, 2, 5:9] = np.nan  # resamples that leave a side empty
    values[2, 3] = np.nan
    entries = np.asarray([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0], [0.25, 0.25, 0.5]])
    points, variances = mixed_spreads(values, entries, np.asarray([True, False, True, True]))
    for e, weights in enumerate(entries):
        mean = np.tensordot(weights[weights > 0], values[weights > 0], axes=1)
        np.testing.assert_allclose(points[e], mean[:, 0], atol=1e-12)
        for metric in (0, 2, 3):
            drawn = mean[metric, 1:][np.isfinite(mean[metric, 1:])]
            plain = np.var(drawn) if drawn.size else np.nan
            np.testing.assert_allclose(variances[e, metric], plain, atol=1e-12)
    assert np.isnan(variances[:, 1]).all()
