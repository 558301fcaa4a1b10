"""Images beside a table that names them: metadata of public data sets, or columns as told.

The files decide: an image that the table does not name is left out, and a row without an image
only counts in a note.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from mimbench.csv_files.reading import read_delimited
from mimbench.data.categories import canonical_category
from mimbench.data.columns import Columns, fitzpatrick
from mimbench.data.layouts.table import known_values, without_our_columns
from mimbench.data.manifest import Manifest, given_column, part_name
from mimbench.data.reading.file_kinds import IMAGE_SUFFIXES
from mimbench.data.reading.file_names import on_disk, shown
from mimbench.data.reading.tree import NO_IMAGE, LeftOut, Listing
from mimbench.data.sets.facts import DataSet
from mimbench.errors import DataError

__all__ = ["Metadata", "by_columns", "manifest_of", "read", "recognises", "tables_with"]

_TABLES = (".csv", ".tsv", ".tab")
_ADDRESS = re.compile(r"https?://(?:www\.)?([^/]+).*")
_NAMED = 3  # files or values that a note names


@dataclass(frozen=True)
class Metadata:
    """A table of somebody else's.

    Attributes:
        cells: one column of text per column, one row per image.
        columns: what they say.
        files: where it was read from.
        notes: what was unusual about the file.
    """

    cells: pd.DataFrame
    columns: Columns
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Names of its files, for notes."""
        return ", ".join(dict.fromkeys(shown(path.name) for path in self.files))


def recognises(listing: Listing, about: DataSet) -> bool:
    """Whether a table with the set's columns names at least half of the images."""
    table = _table(listing, about)
    return table is not None and 2 * len(_images(listing, table)) >= len(listing.images) > 0


def read(listing: Listing, about: DataSet) -> Manifest:
    """Read the images that the set's own table names.

    Raises:
        DataError: no such table, or none of its images is there.
    """
    table = _table(listing, about)
    if table is None:
        raise DataError(
            f"{shown(listing.root)} has no table with the columns {', '.join(about.header)}, as "
            f"{about.title} has one."
        )
    return manifest_of(listing, table)


def by_columns(listing: Listing, columns: Columns, csv: Path | None = None) -> Manifest:
    """Read the images that a table names in columns of any name.

    Args:
        listing: of the folder.
        columns: what the table's columns say.
        csv: the table; None: the only one in the folder that has such columns.

    Raises:
        DataError: no such table or several, columns that it lacks, or none of its images is there.
    """
    if csv is None:
        found = [path for path in _candidates(listing) if columns.present(_header(path))]
        if len(found) != 1:
            which = ", ".join(shown(path.name) for path in found) or "none"
            raise DataError(
                f"{shown(listing.root)}: one table with the columns {columns.image[0]} and "
                f"{columns.category[0]} is needed; there is {which}. Name the CSV file itself."
            )
        csv = found[0]
    content = read_delimited(csv, (), DataError)
    wanted = {name for names in columns.model_dump().values() for name in names}
    if missing := sorted(wanted - set(content.cells)):
        there = ", ".join(map(str, content.cells.columns))
        raise DataError(f"{shown(csv)} lacks the columns {', '.join(missing)}; it has {there}.")
    return manifest_of(listing, Metadata(content.cells, columns, (csv,), content.notes))


def manifest_of(listing: Listing, table: Metadata) -> Manifest:
    """The manifest of the images below a folder that a table names.

    Raises:
        DataError: none of the table's images is there.
    """
    rows = _images(listing, table)
    if not rows:
        example = _first(table.cells, table.columns.image).iloc[0] if len(table.cells) else ""
        raise DataError(
            f"None of the images that {table.name} names lies below {shown(listing.root)}, e.g. "
            f"{example}."
        )
    cells = table.cells.iloc[list(rows.values())].reset_index(drop=True)
    paths = list(rows)
    category = _first(cells, table.columns.category)
    labelled = (category != "").to_numpy()
    left_out = [
        LeftOut(shown(path), f"no category in {table.name}")
        for path, has in zip(paths, labelled, strict=True)
        if not has
    ]
    left_out += [
        LeftOut(shown(path), f"not in {table.name}") for path in listing.images if path not in rows
    ]
    if not labelled.any():
        raise DataError(f"{table.name} gives no image a category.")
    kept = cells[labelled].reset_index(drop=True)
    own, notes = _own_columns(kept, table.columns)
    own.insert(0, "path", [shown(path) for path, has in zip(paths, labelled, strict=True) if has])
    others, clash = without_our_columns(kept.drop(columns=list(own), errors="ignore"))
    spelt = category[labelled]
    return Manifest(
        pd.concat([own, others], axis=1),
        "columns",
        tuple((name, table.name) for name in dict.fromkeys(spelt)),
        (*table.notes, *notes, *clash, *_row_notes(table, rows)),
        left_out=tuple(left_out),
        used={shown(path): "list of the images" for path in table.files},
    )


def tables_with(listing: Listing, header: Iterable[str]) -> list[Path]:
    """Tables in a folder that have all these columns."""
    return [path for path in _candidates(listing) if set(header) <= _header(path)]


def _candidates(listing: Listing) -> list[Path]:
    others = (on_disk(entry.path) for entry in listing.left_out if entry.kind == NO_IMAGE)
    return [path for path in others if path.suffix.lower() in _TABLES]


def _header(path: Path) -> set[str]:
    """Names of a table's columns, as far as its first line tells them; none if it cannot be read.

    A row without a name for its index, as pandas writes it, gives an empty name.
    """
    try:
        with path.open("rb") as file:
            line = file.readline(2**16).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return set()
    return {name.strip().strip('"') for name in re.split(r"[,;\t|]", line)}


def _table(listing: Listing, about: DataSet) -> Metadata | None:
    """All tables of a set in a folder as one."""
    columns = about.columns
    if columns is None:
        return None
    found = tables_with(listing, about.header)
    paths = [path for path in found if columns.present(_header(path))]
    if not paths:
        return None
    contents = [read_delimited(path, (), DataError) for path in paths]
    cells = pd.concat([content.cells for content in contents], ignore_index=True).fillna("")
    notes = tuple(dict.fromkeys(note for content in contents for note in content.notes))
    return Metadata(cells, columns, tuple(paths), notes)


def _first(cells: pd.DataFrame, names: Iterable[str]) -> "pd.Series[str]":
    """Of several columns, the first that a row fills with something that is known."""
    values = pd.Series("", index=cells.index, dtype="str")
    for name in names:
        if name in cells:
            values = values.where(values != "", known_values(cells[name]))
    return values


def _images(listing: Listing, table: Metadata) -> dict[Path, int]:
    """Each image that the table names, with the first row that names it."""
    index: dict[str, list[Path]] = {}
    for path in listing.images:
        for name in dict.fromkeys((path.name, _stem(path.name))):
            index.setdefault(name, []).append(path)
    listed = frozenset(listing.images)
    found: dict[Path, int] = {}
    for row, cell in enumerate(_first(table.cells, table.columns.image)):
        image = _at(cell, table.files[0].parent, listed)
        image = image or _find(cell.replace("\\", "/"), index)
        if image is not None:
            found.setdefault(image, row)
    return found


def _at(cell: str, folder: Path, listed: frozenset[Path]) -> Path | None:
    """The image at the path that a cell gives from the folder of its table, which may lead out."""
    path = Path(os.path.normpath(folder / on_disk(cell)))
    return path if path in listed or (cell and path.is_file()) else None


def _find(cell: str, index: Mapping[str, list[Path]]) -> Path | None:
    """The image that a cell names, by its path as far as that is given, else by its name alone."""
    name = PurePosixPath(cell).name
    paths = index.get(name) or index.get(_stem(name)) or []
    ends = [path for path in paths if path.as_posix().endswith(f"/{cell.lstrip('./')}")]
    return next(iter(ends or paths), None)


def _stem(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and f".{suffix.lower()}" in IMAGE_SUFFIXES else name


def _own_columns(cells: pd.DataFrame, columns: Columns) -> tuple[pd.DataFrame, list[str]]:
    """What mimbench knows of each image, and notes on it."""
    patient, notes = _groups(cells, columns)
    own = pd.DataFrame(
        {
            "category": _first(cells, columns.category).map(canonical_category),
            "patient": patient,
            "source": _first(cells, columns.source).str.replace(_ADDRESS, r"\1", regex=True),
        },
        dtype="str",
    )
    if columns.fitzpatrick or columns.skin_tone:
        tone = _first(cells, columns.skin_tone)
        if columns.fitzpatrick:
            tone = _first(cells, columns.fitzpatrick).map(fitzpatrick)
        own["skin_tone"] = tone
        notes.append(f"skin tone is known of {(tone != '').sum()} of {len(tone)} images.")
    if columns.split:
        own[given_column(1)] = _first(cells, columns.split).map(part_name)
    return own, notes


def _groups(cells: pd.DataFrame, columns: Columns) -> tuple["pd.Series[str]", list[str]]:
    """The patient or nearest group of each image, and which column said it."""
    patient = _first(cells, columns.patient)
    said = []
    left = pd.Series(True, index=cells.index)
    for name in columns.patient:
        own = left & (_first(cells, [name]) != "")
        said += [f"{name} {own.sum()}"] * bool(own.any())
        left &= ~own
    if not said:
        return patient, ["no patients are known, so each image counts as its own patient."]
    said += [f"each image its own {left.sum()}"] * bool(left.any())
    return patient, [f"images counted as of one patient by column: {', '.join(said)}."]


def _row_notes(table: Metadata, rows: Mapping[Path, int]) -> list[str]:
    absent = len(table.cells) - len(rows)
    if not absent:
        return []
    named = _first(table.cells, table.columns.image)
    without = [named.iloc[row] for row in sorted(set(range(len(named))) - set(rows.values()))]
    more = ", ..." * (absent > _NAMED)
    return [
        f"rows of {table.name} whose image is not there, or that name one again: {absent} "
        f"({', '.join(without[:_NAMED])}{more})."
    ]
