"""SCIN: a table of cases with up to three photos each, and a table of dermatologists' labels.

Source: Ward et al. 2024, arXiv:2402.18545, and the schema that lies beside the data.
"""

import ast
from pathlib import Path

import pandas as pd

from mimbench.csv_files.reading import read_delimited
from mimbench.data.columns import Columns
from mimbench.data.layouts.metadata import Metadata, manifest_of, tables_with
from mimbench.data.manifest import Manifest
from mimbench.data.reading.file_names import shown
from mimbench.data.reading.tree import Listing
from mimbench.data.sets.facts import DataSet
from mimbench.errors import DataError

__all__ = ["read", "recognises"]

_CASES = ("case_id", "image_1_path", "fitzpatrick_skin_type")
_LABELS = ("case_id", "weighted_skin_condition_label")
_PHOTOS = ("image_1_path", "image_2_path", "image_3_path")
_ESTIMATES = [f"dermatologist_fitzpatrick_skin_type_label_{k}" for k in (1, 2, 3)]
_COLUMNS = Columns(
    image=("image",), category=("label",), patient=("case_id",), fitzpatrick=("fitzpatrick",)
)


def recognises(listing: Listing, about: DataSet) -> bool:
    """Whether both of its tables are there."""
    return bool(tables_with(listing, _CASES) and tables_with(listing, _LABELS))


def read(listing: Listing, about: DataSet) -> Manifest:
    """Read each photo with its case's most likely label.

    `skin_tone` is the median of the dermatologists' estimates, of two the lower one; the user's
    own answer is the column `fitzpatrick_skin_type`, and those on Monk's scale are
    `monk_skin_tone_label_us` and `monk_skin_tone_label_india`.

    Raises:
        DataError: a table is missing, or none of its photos is there.
    """
    cases, labels = (_only(listing, header) for header in (_CASES, _LABELS))
    content = read_delimited(cases, (), DataError).cells
    joined = content.merge(read_delimited(labels, (), DataError).cells, "left", "case_id")
    joined = joined.fillna("")
    joined["label"] = joined["weighted_skin_condition_label"].map(_most_likely)
    there = [name for name in _ESTIMATES if name in joined]
    joined["fitzpatrick"] = joined[there].agg(_median, axis=1) if there else ""
    photos = [name for name in _PHOTOS if name in joined]
    rows = pd.concat([joined.assign(image=joined[name]) for name in photos], ignore_index=True)
    rows = rows[rows["image"] != ""].drop(columns=photos).reset_index(drop=True)
    return manifest_of(listing, Metadata(rows, _COLUMNS, (cases, labels)))


def _only(listing: Listing, header: tuple[str, ...]) -> Path:
    found = tables_with(listing, header)
    if len(found) != 1:
        raise DataError(
            f"{shown(listing.root)} has {len(found)} tables with the columns {', '.join(header)}; "
            "SCIN has one."
        )
    return found[0]


def _most_likely(cell: str) -> str:
    """The condition with the largest weight, of equal ones the first by name; "" without any."""
    try:
        weights = ast.literal_eval(cell)
    except (ValueError, SyntaxError, TypeError, RecursionError):
        return ""
    known = weights.items() if isinstance(weights, dict) else ()
    numbers = [(-weight, str(name)) for name, weight in known if isinstance(weight, int | float)]
    return min(numbers)[1] if numbers else ""


def _median(estimates: "pd.Series[str]") -> str:
    known = sorted(cell for cell in estimates if cell.startswith("FST"))
    return known[(len(known) - 1) // 2] if known else ""
