"""Contact sheets: every image in its place, every label in its cell."""

import numpy as np
import pytest

from mimbench.data.contact_sheet import contact_sheet
from mimbench.errors import DataError


def test_images_stand_row_by_row_unchanged() -> None:
    images = np.zeros((5, 20, 30, 3), np.uint8)
    images[:, :, :, 1] = 40 * np.arange(1, 6)[:, None, None]
    page = contact_sheet(images, list("abcde"), columns=3)
    green = page[..., 1][(page[..., 0] == 0) & (page[..., 2] == 0)]
    assert {40, 80, 120, 160, 200} <= set(green.tolist())
    assert all((green == 40 * n).sum() == 600 for n in range(1, 6))
    rows, columns = np.nonzero((page == (0, 160, 0)).all(axis=2))
    first, _ = np.nonzero((page == (0, 40, 0)).all(axis=2))
    assert rows.min() > first.max()
    assert columns.min() < 10


def test_long_labels_stay_below_their_image() -> None:
    images = np.zeros((2, 64, 64, 3), np.uint8)
    page = contact_sheet(images, ["a very long label that cannot fit", ""], columns=2)
    dark = (page.max(axis=2) < 200).nonzero()
    text = dark[0] > 64 + 8
    assert text.any()
    assert dark[1][text].max() < 64 + 8


def test_missing_label_is_an_error() -> None:
    with pytest.raises(DataError, match="2 images, 1 label "):
        contact_sheet(np.zeros((2, 8, 8, 3), np.uint8), ["a"])
