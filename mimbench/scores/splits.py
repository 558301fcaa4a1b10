"""Which images are test, training or validation images in which fold."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.scores.schema import SPLIT

__all__ = ["SHIFTED", "part_masks", "split_column", "split_columns", "test_masks"]

SHIFTED = ("unknown", "abnormal", "external")  # roles that no fit sees: test in every fold


def split_column(fold: int) -> str:
    """Name of the images column that says train, validation or test for `fold`."""
    return f"split_{fold}"


def split_columns(names: Iterable[Any]) -> list[str]:
    """Those of some columns that are of folds; a user's own may be called "split_site"."""
    return [str(name) for name in names if SPLIT.fullmatch(str(name))]


def test_masks(images: pd.DataFrame) -> NDArray[np.bool_]:
    """(folds, N) which images are test images; a table without splits is one fold, all test."""
    if split_column(0) not in images:
        return np.ones((1, len(images)), dtype=bool)
    shifted = images["role"].isin(SHIFTED).to_numpy(dtype=bool)
    return np.asarray(part_masks(images, "test") | shifted)


def part_masks(images: pd.DataFrame, part: str) -> NDArray[np.bool_]:
    """(folds, N) which images are in a part, "train" or "validation"; none without splits."""
    columns = [images[name] == part for name in _of_folds(images)]
    if not columns:
        return np.zeros((1, len(images)), dtype=bool)
    return np.stack([column.to_numpy(dtype=bool) for column in columns])


def _of_folds(images: pd.DataFrame) -> Iterator[str]:
    """Names of the split columns, fold by fold."""
    fold = 0
    while split_column(fold) in images:
        yield split_column(fold)
        fold += 1
