"""Ranking metrics against scikit-learn, and their direction."""

import math
from importlib.metadata import version

import numpy as np
import pytest
import torch
from pytorch_ood.metrics import functional as theirs
from sklearn import config_context
from sklearn import metrics as sk

from mimbench.statistics.core.bootstrap import METRICS, Resamples
from mimbench.statistics.ranking.roc import auroc, roc_points

KINDS = ("continuous", "ties", "constant", "single", "infinite", "extreme")
CASES = 350


def draw(kind, rng):
    sizes = rng.integers(1, 30, 2)
    sides = [rng.normal(size=size) for size in sizes]
    if kind == "ties":
        sides = [np.round(side, int(rng.integers(0, 2))) for side in sides]
    if kind == "constant":
        sides = [np.full(size, rng.integers(0, 2), float) for size in sizes]
    if kind == "single":
        sides[rng.integers(0, 2)] = rng.normal(size=1)
    if kind == "infinite":
        sides = [rng.choice([-np.inf, -1.0, 0.0, 2.0, np.inf], size) for size in sizes]
    if kind == "extreme":
        values = [-1.7e308, -5e-324, 0.0, 5e-324, 1.0, np.nextafter(1.0, 2.0), 1.7e308]
        sides = [rng.choice(values, size) for size in sizes]
    return sides


def measured(id_scores, ood_scores):
    """All metrics of the two sides, as the tables of a run have them."""
    sizes = len(id_scores), len(ood_scores)
    images = np.arange(sum(sizes))
    sample = Resamples(images, np.repeat(["id", "ood"], sizes), 0, np.random.default_rng(0))
    found = sample.metrics(id_scores, images[: sizes[0]], ood_scores, images[sizes[0] :])
    return dict(zip(METRICS, found[0, :, 0].tolist(), strict=True))


def reference(id_scores, ood_scores, raw):
    """scikit-learn on the raw scores, or on their ranks where it refuses inf or overflows."""
    scores = np.concatenate([id_scores, ood_scores])
    scores = scores if raw else np.unique(scores, return_inverse=True)[1]
    ood = np.repeat([0, 1], [len(id_scores), len(ood_scores)])

    def fpr(positive, score):
        false, true, _ = sk.roc_curve(positive, score, drop_intermediate=False)
        return false[np.argmax(true >= 0.95)]

    with config_context(skip_parameter_validation=True):
        return {
            "auroc": sk.roc_auc_score(ood, scores),
            "aupr_out": sk.average_precision_score(ood, scores),
            "aupr_in": sk.average_precision_score(1 - ood, -scores),
            "fpr95_target": fpr(1 - ood, -scores),
            "fpr95_ood": fpr(ood, scores),
        }


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_equals_scikit_learn_on_random_cases(kind):
    rng = np.random.default_rng(KINDS.index(kind))
    for _ in range(CASES):
        sides = draw(kind, rng)
        expected = reference(*sides, raw=kind in ("continuous", "ties", "constant", "single"))
        found = measured(*sides)
        for name, value in expected.items():
            assert found[name] == pytest.approx(value, abs=1e-12), name
        assert auroc(*sides).value == pytest.approx(expected["auroc"], abs=1e-12)


def test_higher_scores_on_ood_images_are_better():
    good = ([0.0, 1.0], [2.0, 3.0])
    best = {"auroc": 1, "aupr_in": 1, "aupr_out": 1}
    assert measured(*good) == dict.fromkeys(METRICS, 0) | best
    assert auroc(*good).value == 1
    assert auroc(*reversed(good)).value == measured(*reversed(good))["auroc"] == 0


def test_large_scores_that_differ_in_the_last_digits_are_not_squashed():
    target = 1e6 + np.arange(10) * 1e-6
    assert auroc(target, target + 1e-4).value == measured(target, target + 1e-4)["auroc"] == 1


def test_the_two_fpr_conventions_answer_different_questions():
    # 20 target images 0..19; accepting 95 % of them takes the threshold 18, which lets in the
    # OOD images 3 and 17.5; flagging 95 % of the OOD images takes the threshold 3.
    target = np.arange(20.0)
    ood = [3.0, 17.5, 30.0, 31.0]
    found = measured(target, ood)
    assert found["fpr95_target"] == 2 / 4
    assert found["fpr95_ood"] == 17 / 20


def test_detection_error_is_the_best_balanced_error():
    # threshold 2: one of four targets flagged, no OOD image accepted
    assert measured([0, 1, 1, 5], [2, 3])["detection_error"] == pytest.approx(0.125)


@pytest.mark.parametrize(
    ("id_scores", "ood_scores", "reason"),
    [
        ([], [1.0], "no ID scores"),
        ([1.0], [], "no OOD scores"),
        ([1.0, math.nan], [1.0], "1 of 2 ID scores NaN"),
        ([1.0], [math.nan, math.nan, 0.0], "2 of 3 OOD scores NaN"),
    ],
)
def test_a_missing_side_or_nan_gives_a_reason_and_no_number(id_scores, ood_scores, reason):
    estimate = auroc(id_scores, ood_scores)
    assert math.isnan(estimate.value)
    assert estimate.reason == reason
    assert all(map(math.isnan, measured(id_scores, ood_scores).values()))


def test_roc_points_equal_scikit_learn():
    rng = np.random.default_rng(1)
    target, ood = np.round(rng.normal(size=40), 1), np.round(rng.normal(1, 1, size=30), 1)
    false, true = roc_points(target, ood)
    expected = sk.roc_curve([0] * 40 + [1] * 30, [*target, *ood], drop_intermediate=False)
    np.testing.assert_allclose(false, expected[0], atol=1e-12)
    np.testing.assert_allclose(true, expected[1], atol=1e-12)


def labelled(target, ood):
    """Scores of both sides with labels as pytorch-ood takes them: negative is OOD."""
    scores = torch.tensor(np.concatenate([target, ood]), dtype=torch.float64)
    return scores, torch.tensor([0] * len(target) + [-1] * len(ood))


@pytest.mark.parametrize("kind", ["continuous", "ties", "extreme"])
def test_pytorch_ood_ranks_raw_scores_too(kind):
    """Parity with pytorch-ood 0.4.0; before it, scores went through a sigmoid."""
    assert version("pytorch-ood") == "0.4.0"
    rng = np.random.default_rng(4)
    for _ in range(50):
        target, ood = draw(kind, rng)
        pair = labelled(target, ood)
        found = measured(target, ood)
        assert found["auroc"] == pytest.approx(float(theirs.auroc(*pair)))
        assert found["fpr95_ood"] == pytest.approx(float(theirs.fpr_at_tpr(*pair)))


def test_aupr_is_average_precision_and_not_the_trapezoid_rule_of_openood_and_pytorch_ood():
    rng = np.random.default_rng(2)
    target, ood = rng.normal(size=34), rng.normal(1, 1, size=20)
    for kind, sides in (("distinct", (target, ood)), ("constant", (0 * target, 0 * ood))):
        label = np.repeat([0, 1], [34, 20])
        precision, recall, _ = sk.precision_recall_curve(label, np.concatenate(sides))
        trapezoid = sk.auc(recall, precision)  # OpenOOD v1.5, evaluators/metrics.py
        assert float(theirs.aupr(*labelled(*sides))) == pytest.approx(trapezoid)
        ours = measured(*sides)["aupr_out"]
        if kind == "constant":  # half the way up to 1, where the score says nothing at all
            assert ours == pytest.approx(20 / 54)
            assert trapezoid == pytest.approx((1 + 20 / 54) / 2)
        else:
            assert 0 < ours - trapezoid < 0.05
