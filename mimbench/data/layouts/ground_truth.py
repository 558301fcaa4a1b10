"""Ground truth of a challenge: one column per diagnosis, 1 for the one that an image has.

Other tables that name the same images, such as the lesions of the ISIC challenges, are joined.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from mimbench.csv_files.reading import read_delimited
from mimbench.data.layouts.metadata import (
    Metadata,
    header_of,
    manifest_of,
    names_half,
    tables,
    tables_with,
)
from mimbench.data.manifest import PART_NAMES, Manifest
from mimbench.data.reading.file_names import shown
from mimbench.data.reading.tree import Listing
from mimbench.data.sets.facts import DataSet
from mimbench.errors import DataError

__all__ = ["read", "recognises"]

_IMAGE = ("image", "image_id", "isic_id", "image_name")  # what tables call the image
_PART = "part of the challenge"  # column of the part that a file's name says


def recognises(listing: Listing, about: DataSet) -> bool:
    """Whether tables with the set's columns name at least half of the images."""
    found = tables_with(listing, about.header)
    return bool(found) and names_half(listing, _table(listing, about, found))


def read(listing: Listing, about: DataSet) -> Manifest:
    """Read the images that the set's tables give one diagnosis.

    Raises:
        DataError: no such table, or none of its images is there.
    """
    found = tables_with(listing, about.header)
    if not found:
        raise DataError(
            f"{shown(listing.root)} has no table with the columns {', '.join(about.header)}, as "
            f"{about.title} has one."
        )
    return manifest_of(listing, _table(listing, about, found))


def _table(listing: Listing, about: DataSet, truths: Sequence[Path]) -> Metadata:
    """The tables of diagnoses as one, with what other tables say of the same images."""
    assert about.columns is not None  # the facts of such a set have them
    image, category = about.columns.image[0], about.columns.category[0]
    cells = _stacked(truths, image, parts=True)
    cells[category] = cells[list(about.diagnoses)].apply(
        _diagnosis, axis=1, names=about.diagnoses, otherwise=about.otherwise
    )
    others = [
        path
        for path in tables(listing)
        if path not in truths and not header_of(path).isdisjoint(_IMAGE)
    ]
    if others:
        more = _stacked(others, image).drop_duplicates(image)
        more = more[[image, *(name for name in more if name not in cells)]]
        cells = cells.merge(more, "left", image).fillna("")
    columns = about.columns
    if cells[_PART].nunique() > 1:
        columns = columns.model_copy(update={"split": (_PART,)})
    return Metadata(cells, columns, (*truths, *others))


def _stacked(paths: Sequence[Path], image: str, *, parts: bool = False) -> pd.DataFrame:
    """Tables below one another; with the part of each by its name, empty where that says none.

    Args:
        paths: of the tables.
        image: what the column of the image is called then.
        parts: whether to add the parts.
    """
    read = []
    for path in paths:
        cells = read_delimited(path, (), DataError).cells
        if image not in cells:
            cells = cells.rename(columns={next(name for name in _IMAGE if name in cells): image})
        read.append(cells.assign(**{_PART: _part(path)}) if parts else cells)
    return pd.concat(read, ignore_index=True).fillna("")


def _part(path: Path) -> str:
    words = path.stem.casefold().replace("-", "_").split("_")
    return next((PART_NAMES[word] for word in words if word in PART_NAMES), "")


def _diagnosis(row: "pd.Series[str]", names: Mapping[str, str], otherwise: str) -> str:
    """The diagnosis with a 1; `otherwise` without one, and nothing where several have it."""
    said = [names[str(column)] for column, cell in row.items() if _is_one(cell)]
    return (said or [otherwise])[0] if len(said) < 2 else ""


def _is_one(cell: str) -> bool:
    try:
        return float(cell) == 1.0
    except ValueError:
        return False
