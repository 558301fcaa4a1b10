"""Images beside a table that names them: metadata of public data sets, or columns as told.

The files decide: an image that the table does not name is left out, and a row without an image
only counts in a note.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mimbench.csv_files.reading import read_delimited
from mimbench.data.categories import canonical_category
from mimbench.data.columns import Columns, fitzpatrick
from mimbench.data.layouts.named_images import images_of, lead_out, names_images
from mimbench.data.layouts.patients import patients
from mimbench.data.layouts.table import known_values, without_our_columns
from mimbench.data.manifest import Manifest, given_column, part_name
from mimbench.data.reading.file_names import on_disk, shown
from mimbench.data.reading.tree import NO_IMAGE, LeftOut, Listing
from mimbench.data.sets.facts import DataSet
from mimbench.errors import DataError

__all__ = [
    "Metadata",
    "by_columns",
    "header_of",
    "manifest_of",
    "names_half",
    "read",
    "recognises",
    "tables",
    "tables_with",
]

_TABLES = (".csv", ".tsv", ".tab", "")  # HAM10000_metadata is published without a suffix
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
    return table is not None and names_half(listing, table)


def names_half(listing: Listing, table: Metadata) -> bool:
    """Whether a table names at least half of the images in a folder."""
    cells = _first(table.cells, table.columns.image).tolist()
    count = names_images(cells, listing.images, listing.root, table.files[0].parent)
    return 2 * count >= len(listing.images) > 0


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
        found = [path for path in tables(listing) if columns.present(header_of(path))]
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
    columns, notes = _with_same_names(columns, content.cells)
    return manifest_of(listing, Metadata(content.cells, columns, (csv,), (*content.notes, *notes)))


def _with_same_names(columns: Columns, cells: pd.DataFrame) -> tuple[Columns, list[str]]:
    """The columns with those that the table names as mimbench does, and a note on these."""
    given = columns.model_dump()
    used = {name for names in given.values() for name in names}
    own = [
        name
        for name in ("patient", "source", "split")
        if not given[name] and name in cells and name not in used
    ]
    note = f"read by their own names too: {', '.join(own)}."
    return columns.model_copy(update={name: (name,) for name in own}), [note] * bool(own)


def manifest_of(listing: Listing, table: Metadata) -> Manifest:
    """The manifest of the images below a folder that a table names.

    Raises:
        DataError: none of the table's images is there.
    """
    rows = _images(listing, table)
    named, folder = _first(table.cells, table.columns.image), table.files[0].parent
    outside = lead_out(named, listing.root, folder)
    if not rows:
        example = _first(table.cells, table.columns.image).iloc[0] if len(table.cells) else ""
        raise DataError(
            f"None of the images that {table.name} names lies below {shown(listing.root)}, e.g. "
            f"{example}."
        )
    spelt = _first(table.cells, table.columns.category)
    category = spelt.map(canonical_category).tolist()
    left_out, kept = [], {}
    for path, numbers in rows.items():
        said = [number for number in numbers if category[number] != ""]
        found = sorted({category[number] for number in said})
        if len(found) == 1:
            kept[path] = [said[0], *(number for number in numbers if number != said[0])]
        else:
            kind = f"several categories in {table.name}" if said else f"no category in {table.name}"
            left_out.append(LeftOut(shown(path), kind, " or ".join(found)))
    left_out += [
        LeftOut(shown(path), f"not in {table.name}") for path in listing.images if path not in rows
    ]
    if not kept:
        raise DataError(f"{table.name} gives no image one category.")
    torn = [f"{Path(entry.path).name} ({entry.detail})" for entry in left_out if entry.detail]
    own, notes = _own_columns(table, kept)
    own.insert(0, "path", [shown(path) for path in kept])
    firsts = [numbers[0] for numbers in kept.values()]
    cells = table.cells.iloc[firsts].reset_index(drop=True)
    others, clash = without_our_columns(cells.drop(columns=list(own), errors="ignore"))
    notes += _named("images left out because rows give them several categories", torn)
    return Manifest(
        pd.concat([own, others], axis=1),
        "columns",
        tuple((name, table.name) for name in dict.fromkeys(spelt.iloc[firsts])),
        (*table.notes, *notes, *clash, *_row_notes(table, rows)),
        left_out=tuple(left_out),
        used={shown(path): "list of the images" for path in table.files},
        leads_out=outside or lead_out(map(shown, table.files), listing.root, Path()),
    )


def tables_with(listing: Listing, header: Iterable[str]) -> list[Path]:
    """Tables in a folder that have all these columns."""
    return [path for path in tables(listing) if set(header) <= header_of(path)]


def tables(listing: Listing) -> list[Path]:
    """Files in a folder that may be tables, by their suffix or because they have none."""
    others = (on_disk(entry.path) for entry in listing.left_out if entry.kind == NO_IMAGE)
    return [path for path in others if path.suffix.lower() in _TABLES]


def header_of(path: Path) -> set[str]:
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
    paths = [path for path in found if columns.present(header_of(path))]
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


def _images(listing: Listing, table: Metadata) -> dict[Path, list[int]]:
    """Each image that the table names, with the rows that name it."""
    cells = _first(table.cells, table.columns.image).tolist()
    return images_of(cells, listing.images, listing.root, table.files[0].parent)


def _own_columns(
    table: Metadata, rows: Mapping[Path, Sequence[int]]
) -> tuple[pd.DataFrame, list[str]]:
    """What mimbench knows of each image by its first row, its patient by all, and notes on it."""
    columns = table.columns
    groups = {
        name: known_values(table.cells[name]) for name in columns.patient if name in table.cells
    }
    patient, notes = patients(groups, list(rows.values()))
    cells = table.cells.iloc[[numbers[0] for numbers in rows.values()]].reset_index(drop=True)
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


def _row_notes(table: Metadata, rows: Mapping[Path, Sequence[int]]) -> list[str]:
    named = _first(table.cells, table.columns.image)
    found = {number for numbers in rows.values() for number in numbers}
    without = [cell for number, cell in enumerate(named) if number not in found]
    again = [named.iloc[number] for numbers in rows.values() for number in numbers[1:]]
    return [
        *_named(f"rows of {table.name} whose image is not there", without),
        *_named(f"rows of {table.name} that name an image again", again),
    ]


def _named(what: str, names: Sequence[str]) -> list[str]:
    """A note that counts and names the first few, none if there is nothing to name."""
    if not names:
        return []
    first = ", ".join(f"{name[:60]}..." if len(name) > 60 else name for name in names[:_NAMED])
    return [f"{what}: {len(names)} ({first}{', ...' * (len(names) > _NAMED)})."]
