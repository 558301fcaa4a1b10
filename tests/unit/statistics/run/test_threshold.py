"""The conformal threshold keeps its promise, and says when it cannot."""

import math

import numpy as np

from mimbench.statistics.run.threshold import conformal_threshold


def test_is_the_conformal_rank():
    scores = np.random.default_rng(0).permutation(np.arange(1.0, 20.0))
    assert conformal_threshold(scores, range(19)).value == 19  # 20 x 0.95 = 19th of 19
    assert conformal_threshold(np.arange(1.0, 40.0), range(39)).value == 38


def test_needs_19_patients_however_many_images():
    found = conformal_threshold(np.arange(90.0), np.arange(90) % 18)
    assert math.isnan(found.value)
    assert found.reason == "18 target patients in validation; 19 are needed"


def test_a_patient_with_many_images_does_not_outvote_the_others():
    scores = [*np.arange(1.0, 20.0), *[100.0] * 50]
    patients = [*range(19), *[19] * 50]
    # 20 patients: 21 x 0.95 = 19.95 patients must be below
    assert conformal_threshold(scores, patients).value == 100
    assert conformal_threshold([*np.arange(1.0, 40.0), *[100.0] * 50],
                               [*range(39), *[39] * 50]).value == 39  # fmt: skip


def test_new_patients_stay_below_as_often_as_promised():
    rng = np.random.default_rng(1)
    kept = {24: [], 99: []}  # few patients make the rank coarse, never too low
    for patients, found in kept.items():
        for _ in range(3000):
            images = np.repeat(np.arange(patients + 1), 3)
            scores = rng.normal(size=patients + 1)[images] + rng.normal(size=images.size)
            threshold = conformal_threshold(scores[:-3], images[:-3]).value
            found.append(scores[-1] <= threshold)
    assert np.mean(kept[24]) > 0.945
    assert 0.94 < np.mean(kept[99]) < 0.965
