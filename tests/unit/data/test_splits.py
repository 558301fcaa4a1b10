"""Splits are by patient, stratified, and drawn from the plan's seed alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimbench.data.splits import PARTS, split
from mimbench.errors import SplitError

PARTS_NEEDED = set(PARTS)


def _table(**categories: list[int]) -> pd.DataFrame:
    """Images per patient, by category; the first category is the target."""
    rows = [
        (category, "target" if number == 0 else "known", f"{category}{patient}")
        for number, (category, sizes) in enumerate(categories.items())
        for patient, size in enumerate(sizes)
        for _ in range(size)
    ]
    table = pd.DataFrame(rows, columns=["category", "role", "patient"])
    return table.assign(path=[f"{row}.png" for row in range(len(table))])


sizes = st.lists(st.integers(1, 9), min_size=6, max_size=25)
tables = st.builds(lambda a, b: _table(a=a, b=b), sizes, sizes)


@given(tables, st.integers(1, 6), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_no_patient_is_in_two_parts_and_no_part_is_empty(table, folds, seed):
    result = split(table, folds, seed)
    for fold in range(folds):
        part = result[f"split_{fold}"]
        assert result.groupby("patient")[f"split_{fold}"].nunique().max() == 1
        for category in ("a", "b"):
            assert set(part[result["category"] == category]) == PARTS_NEEDED


@given(tables, st.integers(2, 6), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_every_image_is_tested_in_exactly_one_fold(table, folds, seed):
    result = split(table, folds, seed)
    tested = sum((result[f"split_{fold}"] == "test").astype(int) for fold in range(folds))
    assert (tested == 1).all()


@given(tables, st.integers(1, 6), st.integers(0, 99), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_split_does_not_depend_on_the_order_of_rows(table, folds, seed, random):
    order = list(range(len(table)))
    random.shuffle(order)
    shuffled = split(table.iloc[order], folds, seed).sort_index()
    pd.testing.assert_frame_equal(shuffled, split(table, folds, seed))


@given(sizes, st.integers(2, 6), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_folds_hold_the_same_number_of_images_up_to_one_patient(a, folds, seed):
    result = split(_table(a=a, b=[1] * 10), folds, seed)
    mine = result[result["category"] == "a"]
    tested = [int((mine[f"split_{fold}"] == "test").sum()) for fold in range(folds)]
    assert max(tested) - min(tested) <= max(a)


def test_the_shares_are_those_asked_for():
    result = split(_table(a=[1] * 300, b=[2] * 150), 1, plan_seed=5, validation=0.2, test=0.25)
    shares = result.groupby("category")["split_0"].value_counts(normalize=True).unstack()
    np.testing.assert_allclose(shares["test"], 0.25, atol=0.01)
    np.testing.assert_allclose(shares["validation"], 0.15, atol=0.01)


def test_another_seed_draws_another_split_and_every_patient_can_be_tested():
    table = _table(a=[5, 1, 1, 2, 1, 3, 1, 1], b=[1] * 8)
    drawn = [split(table, 1, seed)["split_0"] == "test" for seed in range(40)]
    assert np.mean(drawn, axis=0).min() > 0.1


def test_a_patient_with_two_categories_stays_whole():
    table = _table(a=[2] * 8, b=[2] * 8).replace({"patient": {"a0": "both", "b0": "both"}})
    result = split(table, 3, 0)
    assert result.groupby("patient")["split_0"].nunique().max() == 1


def test_what_nothing_trains_on_is_tested_in_every_fold():
    table = _table(a=[1] * 6, b=[1] * 6, c=[1] * 3, d=[2], e=[1])
    table.loc[table["category"] == "c", "role"] = "unknown"
    table.loc[table["category"] == "d", "role"] = "abnormal"
    table.loc[table["category"] == "e", "role"] = "external"
    result = split(table, 2, 0)
    outside = result[result["category"].isin(["c", "d", "e"])]
    assert (outside[["split_0", "split_1"]] == "test").all(axis=None)


def test_a_patient_of_a_known_and_an_unknown_category_is_refused():
    table = _table(a=[1] * 6, b=[1] * 6, c=[1] * 6).replace({"patient": {"c0": "b0"}})
    table.loc[table["category"] == "c", "role"] = "unknown"
    with pytest.raises(SplitError, match=r"'b0' has images in b \(known\) and c \(unknown\)"):
        split(table, 2, 0)


@pytest.mark.parametrize(("folds", "least"), [(1, 3), (2, 4), (3, 3), (5, 5)])
def test_too_few_patients_are_refused_and_just_enough_are_not(folds, least):
    with pytest.raises(SplitError, match=f"Category 'b' has {least - 1} patient.*least {least}"):
        split(_table(a=[1] * 9, b=[7] * (least - 1)), folds, 0)
    result = split(_table(a=[1] * 9, b=[7] * least), folds, 0)
    for fold in range(folds):
        assert set(result.loc[result["category"] == "b", f"split_{fold}"]) == PARTS_NEEDED


GIVEN = ["train", "train", "validation", "test"]


def test_the_only_split_of_the_data_is_used_with_one_fold():
    table = _table(a=[1] * 4, b=[1] * 4).assign(given_1=GIVEN * 2)
    assert split(table, 1, 0)["split_0"].tolist() == GIVEN * 2
    assert split(table, 2, 0)["split_0"].tolist() != GIVEN * 2


def test_a_split_among_several_is_used_when_asked_for():
    table = _table(a=[1] * 4, b=[1] * 4).assign(given_1=GIVEN * 2, given_2=GIVEN[::-1] * 2)
    assert split(table, 1, 0, given_fold=2)["split_0"].tolist() == GIVEN[::-1] * 2
    with pytest.raises(SplitError, match=r"no split 3; .*1, 2"):
        split(table, 1, 0, given_fold=3)


def test_a_given_split_without_validation_gets_one_from_its_training_part():
    given_parts = ["train"] * 5 + ["test"]
    result = split(_table(a=[1] * 6, b=[1] * 6).assign(given_1=given_parts * 2), 1, 0)
    assert result.groupby("category")["split_0"].value_counts().unstack()["validation"].min() >= 1
    assert ((result["split_0"] == "test") == (result["given_1"] == "test")).all()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (["train", "train", "validation", "train"], "0 patients of category 'a' in its test"),
        (["train", "train", "validation", "holdout"], "into 'holdout'"),
    ],
)
def test_a_given_split_that_cannot_serve_is_refused(parts, message):
    with pytest.raises(SplitError, match=message):
        split(_table(a=[1] * 4, b=[1] * 4).assign(given_1=parts * 2), 1, 0)


def test_a_given_split_that_leaks_a_patient_is_refused():
    table = _table(a=[2, 1, 1], b=[1] * 4).assign(
        given_1=["train", "test", "train", "validation", *GIVEN]
    )
    with pytest.raises(SplitError, match="patient 'a0' into two parts"):
        split(table, 1, 0)
