"""A CSV file with one row per image: path, category, and what else is known."""

import re
from pathlib import Path

import pandas as pd

from mimbench.data.categories import canonical_category
from mimbench.data.manifest import Manifest, given_column
from mimbench.errors import DataError

__all__ = ["read"]

_OURS = re.compile(r"image_id|dataset|role|width|height|split_\d+|given_\d+")


def read(csv: Path) -> Manifest:
    """Read a CSV file with the columns `path` and `category`.

    Paths are relative to the CSV file. `patient`, `source` and `split` (train, validation or
    test) are used when there; every other column is kept as text, for tables by subgroup.

    Raises:
        DataError: no such file, not a CSV file, a missing column, or a row without category.
    """
    cells = _cells(csv)
    missing = [name for name in ("path", "category") if name not in cells]
    if missing:
        there = ", ".join(cells.columns.astype(str))
        raise DataError(f"{csv} lacks the columns {' and '.join(missing)}; it has {there}.")
    notes = [f"read as a CSV file with {len(cells)} rows."]
    clash = [str(name) for name in cells if _OURS.fullmatch(str(name))]
    if clash:
        notes.append(f"columns left out because mimbench uses their names: {', '.join(clash)}.")
    for name in ("patient", "source"):
        if name not in cells:
            cells[name] = ""
    if (cells["patient"] == "").any():
        notes.append("rows without a patient count as a patient each.")
    cells = cells.drop(columns=clash).rename(columns={"split": given_column(1)})
    cells["category"] = cells["category"].map(canonical_category)
    for column in ("path", "category"):
        _require(csv, cells[column], column)
    cells["path"] = [str(csv.parent / name) for name in cells["path"]]
    return Manifest(cells, "csv", tuple(notes))


def _cells(csv: Path) -> pd.DataFrame:
    if not csv.is_file():
        raise DataError(f"{csv} does not exist; expected a CSV file with path and category.")
    try:
        cells = pd.read_csv(csv, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, UnicodeDecodeError) as error:  # pandas' parser errors are ValueErrors
        raise DataError(f"{csv} is not a readable CSV file: {str(error).strip()}.") from error
    cells.columns = [str(name).strip() for name in cells.columns]
    if not len(cells):
        raise DataError(f"{csv} has no rows; expected one per image.")
    return pd.DataFrame({name: column.str.strip() for name, column in cells.items()})


def _require(csv: Path, values: "pd.Series[str]", column: str) -> None:
    empty = (values == "").to_numpy().nonzero()[0]
    if empty.size:
        raise DataError(f"{csv}, row {empty[0] + 2}: the column '{column}' is empty.")
