"""A CSV file with one row per image: path, category, and what else is known."""

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from mimbench.csv_files.reading import DelimitedTable, read_delimited
from mimbench.data.categories import canonical_category
from mimbench.data.layouts.named_images import lead_out
from mimbench.data.manifest import Manifest, given_column
from mimbench.data.reading.file_names import on_disk, shown
from mimbench.errors import DataError
from mimbench.text import counted, listed

__all__ = ["known_values", "read", "without_our_columns"]

_USED = ("path", "category", "patient", "source", "split")
_OURS = re.compile(r"image_id|dataset|role|width|height|format|group|split_\d+|given_\d+")
# Cells that say that something is not known, in small letters: as a name, they would make all such
# rows one patient.
_NOT_KNOWN = frozenset({"na", "n/a", "#n/a", "<na>", "nan", "none", "null"})
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def read(csv: Path) -> Manifest:
    """Read a CSV file with the columns `path` and `category`.

    Paths are relative to the CSV file. `patient`, `source` and `split` (train, validation or
    test) are used when there; every other column is kept as text, for tables by subgroup.

    Raises:
        DataError: no such file, not a CSV file, a missing column, or a row without category.
    """
    table = read_delimited(csv, _USED, DataError)
    cells = table.cells
    missing = [name for name in ("path", "category") if name not in cells]
    if missing:
        there = ", ".join(cells.columns.astype(str))
        raise DataError(
            f"{csv} lacks the {listed('column', missing)}; it has {there}. 'path' is the image's "
            "file, relative to the folder of the CSV file, 'category' its disease. Add or rename a "
            "column, or name those that there are: --columns image=COLUMN,category=COLUMN."
        )
    if not len(cells):
        raise DataError(f"{csv} has no rows; expected one per image.")
    notes = [f"read as a CSV file with {counted(len(cells), 'row')}.", *table.notes]
    cells, clash = without_our_columns(cells)
    notes += clash
    for name in ("patient", "source"):
        if name not in cells:
            cells[name] = ""
    known = known_values(cells["patient"])
    unknown = known != cells["patient"]
    if unknown.any():
        words = ", ".join(sorted(cells.loc[unknown, "patient"].unique()))
        notes.append(f"patients that are not known ({words}): {counted(unknown.sum(), 'row')}.")
        cells["patient"] = known
    if (cells["patient"] == "").any():
        notes.append("rows without a patient count as a patient each.")
    cells = cells.rename(columns={"split": given_column(1)})
    for column in ("path", "category"):
        _require(csv, table, cells[column])
    names = _names(csv, table, cells["category"])
    cells["category"] = cells["category"].map(canonical_category)
    given = [spelling for path in cells["path"] for spelling in (path, path.replace("\\", "/"))]
    cells["path"], more = _paths(csv, cells["path"])
    outside = lead_out(given, csv.parent, csv.parent)
    return Manifest(cells, "csv", names, (*notes, *more), leads_out=outside)


def known_values(cells: "pd.Series[str]") -> "pd.Series[str]":
    """The cells, empty where they say that something is not known."""
    return cells.mask(cells.str.casefold().isin(_NOT_KNOWN), "")


def without_our_columns(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """A table without columns of names that mimbench uses itself, and a note on those."""
    clash = [str(name) for name in cells if _OURS.fullmatch(str(name))]
    note = f"columns left out because mimbench uses their names: {', '.join(clash)}."
    return cells.drop(columns=clash), [note] * bool(clash)


def _names(
    csv: Path, table: DelimitedTable, categories: "pd.Series[str]"
) -> tuple[tuple[str, str], ...]:
    """Each category as it is spelt, with the line in which it stands first."""
    first: dict[str, str] = {}
    for name, line in zip(categories, table.lines, strict=True):
        first.setdefault(name, f"{csv}, line {line}")
    return tuple(first.items())


def _require(csv: Path, table: DelimitedTable, values: "pd.Series[str]") -> None:
    empty = (values == "").to_numpy().nonzero()[0]
    if empty.size:
        line = table.lines[int(empty[0])]
        raise DataError(f"{csv}, line {line}: the column '{values.name}' is empty.")


def _paths(csv: Path, given: "pd.Series[str]") -> tuple[list[str], list[str]]:
    """The paths as this system writes them, and notes on those that it wrote otherwise."""
    paths, rewritten, lost = [], 0, []
    for text in given:
        found = next(
            (path for path in _candidates(csv.parent, text) if os.path.lexists(on_disk(path))), None
        )
        if found is None and _DRIVE.match(text):
            lost.append(text)
        paths.append(shown(csv.parent / text) if found is None else found)
        rewritten += found is not None and found != shown(csv.parent / text)
    notes = []
    if rewritten:
        notes.append(f"paths found in another spelling (\\ for /, or accents): {rewritten}.")
    if len(lost) == len(paths):
        raise DataError(
            f"{csv}: all paths are on a drive that this system does not have, e.g. {lost[0]}. "
            "Write paths relative to the CSV file."
        )
    if lost:
        notes.append(
            f"paths on a drive that this system does not have: {len(lost)}, e.g. {lost[0]}. Write "
            "paths relative to the CSV file."
        )
    return paths, notes


def _candidates(folder: Path, text: str) -> Iterator[str]:
    """The path as it is written, and as other systems would write the same."""
    for name in dict.fromkeys((text, text.replace("\\", "/"))):
        yield shown(folder / name)
        yield shown(folder / unicodedata.normalize("NFC", name))
        yield shown(folder / unicodedata.normalize("NFD", name))
    yield str(Path(shown(folder), text))  # as mimbench shows names that are no UTF-8
