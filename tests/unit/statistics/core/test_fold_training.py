"""Cross-validated numbers vary with the patients that their models were trained on."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from mimbench.scores.tables import FIT_COLUMNS, RunTables
from mimbench.statistics.core.fold_training import (
    FoldTraining,
    fold_ratio,
    rank_variance,
    trained_influence,
)
from mimbench.statistics.core.influence import Influence, combine, joined
from mimbench.statistics.run.comparisons import Quantity, RunAurocs

FOLDS, PATIENTS = 3, 24
FIRST = np.arange(FOLDS)
UNKNOWN = Quantity("mim", relation="same-source")


def influence(
    tested: list[float], source: str, folds: tuple[float, ...] = (0.1, 0.2, 0.4)
) -> Influence:
    """One number 0.7 of three patients on the ID side, with one calm patient on the other."""
    own = np.asarray([tested])
    return Influence(
        np.array([0.7]), own, np.zeros((1, 3)), np.zeros((1, 3)), np.full((1, 3), 1 / 3),
        np.full((1, 3), 1 / 3), ("",),
        training=FoldTraining({source: np.sqrt(2) * own}, np.array([folds]), 4 / 3),
    )  # fmt: skip


def test_a_patient_trained_on_adds_twice_his_variance_as_one_tested():
    own = influence([0.1, -0.1, 0.0], "mpox")
    assert own.training_variance == pytest.approx([2 * (0.01 + 0.01)])
    assert own.variance == pytest.approx([0.02 + 0.04])


def test_training_is_paired_where_two_rows_trained_on_the_same_and_adds_up_where_not():
    mpox, other = influence([0.1, -0.1, 0.0], "mpox"), influence([0.1, -0.1, 0.0], "mpox")
    assert combine([mpox, other], [1, -1]).variance == pytest.approx([0.0])
    measles = influence([0.1, -0.1, 0.0], "measles", folds=(0.4, 0.2, 0.1))
    # the tested patients are the same and cancel; those trained on are others
    assert combine([mpox, measles], [1, -1]).variance == pytest.approx([0.04 + 0.04])


def test_numbers_of_the_same_training_are_joined_and_of_another_refused():
    mpox, same = influence([0.1, -0.1, 0.0], "mpox"), influence([0.2, -0.1, 0.0], "mpox")
    variances = [*mpox.training_variance, *same.training_variance]
    assert joined([mpox, same]).training_variance == pytest.approx(variances)
    for other in (influence([0.1, -0.1, 0.0], "measles"), replace(mpox, training=None)):
        with pytest.raises(ValueError, match="trained on something else"):
            joined([mpox, other])


def test_training_moves_an_auroc_by_no_more_than_it_moves_ranks():
    tested = np.array([[0.1, -0.1], [0.2, 0.0]])
    for room, expected in ((0.03, [0.03, 0.03]), (np.inf, [0.04, 0.08])):
        own = trained_influence(tested, room)
        assert (own**2).sum(1) == pytest.approx(expected)  # else twice .02 and .04


def test_a_difference_that_is_alike_in_all_folds_owes_little_to_training():
    mpox = influence([0.1, -0.1, 0.0], "mpox")
    measles = influence([0.1, -0.1, 0.0], "measles", folds=(0.11, 0.21, 0.412))
    apart = combine([mpox, measles], [1, -1])
    # folds of .01, .01, .012 less: 3 times that has variance 1.2e-5, of two degrees of freedom
    room = 4 / 3 * 1.2e-5 * 2 / chi2.ppf(0.1, 2)
    assert apart.training_variance == pytest.approx([room])


def test_without_held_out_patients_the_ratio_is_that_of_the_grouped_jackknife():
    for folds in (2, 3, 5):
        trained = np.repeat(~np.eye(folds, dtype=bool), 4, axis=1)
        # (K - 1) / K times the sum of squares: Efron & Tibshirani 1993, section 11.5
        assert fold_ratio(trained) == pytest.approx((folds - 1) ** 2 / folds)
    assert fold_ratio(np.ones((3, 5), dtype=bool)) == np.inf


def test_models_that_rank_alike_leave_no_room_whatever_their_scale():
    shared = np.linspace(0, 1, 30)
    target = [np.linspace(-0.5, 1.5, 20)] * 3
    alike = np.stack([shared, shared, shared])
    assert rank_variance(target, alike, FIRST) == 0
    scaled = [target[0], np.exp(target[1]), 5 * target[2]]
    assert rank_variance(scaled, np.stack([shared, np.exp(shared), 5 * shared]), FIRST) == 0
    # two images change places, 1/30 apart: variance of (0, 0, 1/30) for both, over 30 images
    swapped = shared.copy()
    swapped[[14, 15]] = swapped[[15, 14]]
    expected = 2 / 30 * np.var([0, 0, 1 / 30], ddof=1)
    assert rank_variance(target, np.stack([shared, shared, swapped]), FIRST) == pytest.approx(
        expected
    )


def test_too_few_shared_images_set_no_limit():
    assert rank_variance([np.arange(20.0)] * 2, np.ones((2, 4)), FIRST[:2]) == np.inf
    far = np.linspace(50, 60, 30)  # outside the range of the target: their order changes nothing
    assert rank_variance([np.arange(20.0)] * 2, np.stack([far, far[::-1]]), FIRST[:2]) == np.inf


def run(*, noise: float, folds: int = FOLDS, trained: bool = True) -> RunTables:
    """Fits of each fold that share a score and have noise of their own."""
    rng = np.random.default_rng(4)
    number = np.arange(PATIENTS)
    images = pd.concat(
        [
            pd.DataFrame({"category": "mpox", "role": "target", "patient": number.astype(str)}),
            pd.DataFrame({"category": "acne", "role": "unknown", "patient": range(100, 160)}),
        ]
    ).astype({"patient": "str"})
    images = images.assign(dataset="", path="", source="clinic").reset_index(drop=True)
    images["image_id"] = images.index.astype(str)
    target = (images["role"] == "target").to_numpy()
    for fold in range(folds):
        part = np.where(~target | (images.index % FOLDS == fold), "test", "train")
        images[f"split_{fold}"] = part
    shared = rng.normal(size=len(images)) + ~target
    fits, scores = [], []
    for fold in range(folds) if trained else [None]:
        values = shared + noise * rng.normal(size=len(images))
        fits.append({"fit_id": f"f{fold}", "fold": fold})
        tested = images[f"split_{fold or 0}"].eq("test") | (not trained)
        own = images.loc[tested, ["image_id"]].assign(fit_id=f"f{fold}", value=values[tested])
        scores.append(own)
    table = pd.DataFrame(fits).assign(
        detector="mim", fitted_on="mpox", seed=None, control=False, family="", input_size=64,
        status="ok", reason="", recipe_hash="", state_hash="", seconds=0.0, versions="",
        withheld="", study="",
    )  # fmt: skip
    long = pd.concat(scores).assign(score="mim", corruption="clean", severity=0)
    return RunTables(long, table.astype(FIT_COLUMNS), images)


def test_rows_trained_per_fold_are_wider_and_others_are_as_they_were():
    own = RunAurocs(run(noise=1.0)).influence(UNKNOWN)
    assert own.training_variance == pytest.approx(2 * (own.id**2).sum(1))
    assert own.variance > replace(own, training=None).variance
    for same in (
        run(noise=1.0, trained=False),  # one model for all folds
        run(noise=1.0, folds=1),  # one split
        run(noise=0.0),  # trained per fold, and all the same
    ):
        assert RunAurocs(same).influence(UNKNOWN).training_variance == 0


def test_models_that_hardly_differ_are_hardly_wider():
    differing, alike = (RunAurocs(run(noise=noise)).influence(UNKNOWN) for noise in (1.0, 0.02))
    assert 0 < alike.training_variance < 0.05 * differing.training_variance
