"""What a folder or CSV file offers, and what is known of each image before it is opened."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from mimbench.data.reading.tree import LeftOut, WithoutImages

__all__ = ["MANIFEST_COLUMNS", "PART_NAMES", "Manifest", "given_column", "part_name"]

MANIFEST_COLUMNS = ("path", "category", "patient", "source")
PART_NAMES = {  # in small letters, as folders and tables of data sets call the parts of a split
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


def given_column(fold: int) -> str:
    """Name of the column with the part that the data's authors gave an image in `fold` (from 1)."""
    return f"given_{fold}"


def part_name(name: str) -> str:
    """The part of a split that a data set calls so; other names stay as they are."""
    return PART_NAMES.get(name.casefold(), name)


@dataclass(frozen=True)
class Manifest:
    """What one folder or CSV file offers.

    Attributes:
        table: one row per image to read, with MANIFEST_COLUMNS (`patient` is empty where nothing
            is known of it, `source` where the data set's name serves), `given_<k>` where the data
            bring a split, and any further columns of a CSV file.
        layout: name of the layout it was read as.
        names: (name, where it stands) of each category as it is spelt there.
        notes: what the reader should know, one sentence each.
        rejected: (path, reason) of entries that cannot be opened.
        left_out: files that are not in `table`.
        used: what each file that is no image was read as, by its path.
        without_images: folders without any image.
        leads_out: whether a table names files outside of the folder, there or not.
    """

    table: pd.DataFrame
    layout: str
    names: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    rejected: tuple[tuple[str, str], ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    used: Mapping[str, str] = field(default_factory=dict)
    without_images: tuple[WithoutImages, ...] = ()
    leads_out: bool = False
