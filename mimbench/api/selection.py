"""Which images of a run are asked about, and which part of a fold each is in."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.errors import TableError, UnknownNameError
from mimbench.runfolder.reading import RunFolder
from mimbench.scores.splits import SHIFTED, split_column

__all__ = ["images_among", "part_of_each"]

OF_OTHERS = ("category", "source", "dataset")  # columns that choose among images of no target


def images_among(run: RunFolder, where: Mapping[str, str]) -> NDArray[np.bool_]:
    """(N,) images with the values asked for; those of `OF_OTHERS` leave all target images in.

    Raises:
        UnknownNameError: the images have no such column.
        TableError: no target image, or no other image, has the values.
    """
    images = run.tables.images
    target = (images["category"] == run.target).to_numpy(dtype=bool)
    among = np.ones(len(images), dtype=bool)
    for column, value in where.items():
        if column not in images:
            raise UnknownNameError("column of the images", column, map(str, images))
        fits = (images[column].astype(str) == value).to_numpy(dtype=bool)
        among &= fits | target if column in OF_OTHERS else fits
    for side, own in (("target", target), ("other", ~target)):
        if where and not (among & own).any():
            said = ", ".join(f"{column} = {value}" for column, value in where.items())
            raise TableError(f"No {side} image of the run has {said}.")
    return among


def part_of_each(scored: pd.DataFrame) -> "pd.Series[str]":
    """Part that each image is in, in the fold of its fit; test for what no fit sees.

    Args:
        scored: scores with the columns of their images and the `fold` of their fits.
    """
    found = pd.Series("test", index=scored.index, dtype="str")
    seen = ~scored["role"].isin(SHIFTED)
    fold = scored["fold"].fillna(0).astype(int)
    for number in fold.unique():
        column = split_column(int(number))
        if column in scored:
            found = found.mask(seen & (fold == number), scored[column])
    return found
