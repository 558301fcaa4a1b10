"""Abnormal input: each kind is what its name says, reproducible, and no two images are alike."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from mimbench.data.generated import abnormal, phantom
from mimbench.errors import DataError

KINDS = (
    "black",
    "white",
    "uniform_noise",
    "gaussian_noise",
    "gradient",
    "pattern",
    "text_page",
    "screenshot",
    "code",
    "shapes",
    "finger",
    "negative",
    "tiling",
)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return abnormal.table(per_kind=6, seed=1)


@pytest.fixture(scope="module")
def images(table: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    pixels = abnormal.render(table, 96).astype(float)
    return {kind: pixels[(table["category"] == kind).to_numpy()] for kind in abnormal.KINDS}


def test_thirteen_kinds_each_its_own_category(table: pd.DataFrame) -> None:
    assert abnormal.KINDS == KINDS
    assert (table["category"].value_counts() == 6).all()
    assert set(table["category"]) == set(KINDS)
    assert table["patient"].is_unique
    assert table["image_id"].is_unique
    assert not set(table["image_id"]) & set(phantom.table(1)["image_id"])


def test_no_two_images_are_the_same_bytes() -> None:
    table = abnormal.table(per_kind=20)
    pixels = abnormal.render(table, 32)
    assert pixels.shape == (13 * 20, 32, 32, 3)
    assert len({hashlib.sha256(image.tobytes()).digest() for image in pixels}) == len(table)


def test_an_image_depends_on_its_own_row_alone(table: pd.DataFrame) -> None:
    whole = abnormal.render(table)
    np.random.seed(1)  # noqa: NPY002 - a global seed must not matter
    assert np.array_equal(abnormal.render(table.iloc[::-1])[::-1], whole)
    larger = abnormal.table(per_kind=7, seed=1)
    assert set(table["image_id"]) < set(larger["image_id"])


def test_plain_signals_are_plain(images: dict[str, NDArray[np.float64]]) -> None:
    assert images["black"].max() < 16
    assert images["white"].min() > 239
    assert images["uniform_noise"].mean() == pytest.approx(127.5, abs=2)
    assert images["uniform_noise"].std() == pytest.approx(255 / np.sqrt(12), rel=0.02)
    assert images["gaussian_noise"].mean() == pytest.approx(128, abs=2)
    steps = np.abs(np.diff(images["gradient"], axis=1))
    assert steps.max() < 12 < np.ptp(images["gradient"], axis=(1, 2)).max()
    for pattern in images["pattern"]:
        assert len(np.unique(pattern.reshape(-1, 3), axis=0)) == 2


def test_paper_is_light_with_dark_ink(images: dict[str, NDArray[np.float64]]) -> None:
    for page in images["text_page"]:
        assert np.median(page) > 140
        assert 0.02 < (page < np.median(page) - 40).mean() < 0.4
    for label in images["code"]:
        assert np.percentile(label, 95) > 190
        assert np.percentile(label, 2) < 80
    for drawing in images["shapes"]:
        colours, counts = np.unique(drawing.reshape(-1, 3), axis=0, return_counts=True)
        assert len(colours) > 4
        assert np.sort(counts)[-4:].sum() > 0.5 * counts.sum()


def test_a_finger_is_red_and_a_negative_is_blue(images: dict[str, NDArray[np.float64]]) -> None:
    for finger in images["finger"]:
        red, green, blue = np.median(finger, axis=(0, 1))
        assert red > 1.3 * green
        assert green >= blue
    cast = images["negative"][..., 2].mean() - images["negative"][..., 0].mean()
    assert cast > 30


def test_tiles_repeat(images: dict[str, NDArray[np.float64]]) -> None:
    def best_repeat(image: NDArray[np.float64], axis: int) -> float:
        shifts = range(96 // 8, 96 // 2)
        pairs = [
            (np.take(image, range(n, 96), axis), np.take(image, range(96 - n), axis))
            for n in shifts
        ]
        return max(float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) for a, b in pairs)

    for image in images["tiling"]:
        assert best_repeat(image, 0) > 0.8
        assert best_repeat(image, 1) > 0.8


def test_wrong_requests_are_named(table: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="0 abnormal images per kind"):
        abnormal.table(per_kind=0)
    with pytest.raises(DataError, match=r"1000 pixels .* 32\.\.512"):
        abnormal.render(table, 1000)
    with pytest.raises(DataError, match="lacks the column seed"):
        abnormal.render(table.drop(columns="seed"))
    with pytest.raises(DataError, match="index 5000000 stands for no image"):
        abnormal.render(table.assign(index=5_000_000))
