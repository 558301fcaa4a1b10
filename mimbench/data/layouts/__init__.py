"""How collections of images lie on disk: recognised by their names, or as told."""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pandas as pd

from mimbench.data.columns import Columns
from mimbench.data.layouts import (
    croissant,
    folders,
    ground_truth,
    medmnist,
    metadata,
    msld,
    named_folders,
    scin,
    table,
)
from mimbench.data.manifest import Manifest
from mimbench.data.options import require_there
from mimbench.data.reading.file_names import on_disk, shown
from mimbench.data.reading.tree import LeftOut, Listing, list_files
from mimbench.data.sets.facts import DataSet, data_set, set_names
from mimbench.data.splits import PARTS
from mimbench.errors import DataError, UnknownNameError
from mimbench.text import counted

__all__ = ["LAYOUTS", "read_manifest", "recognised"]


class _Reader(Protocol):
    """What reads one way in which the files of data sets lie; most are modules."""

    def recognises(self, listing: Listing, about: DataSet) -> bool: ...
    def read(self, listing: Listing, about: DataSet) -> Manifest: ...


_READERS: dict[str, _Reader] = {
    "msld": msld.V1,
    "msld-v2": msld.V2,
    "metadata": metadata,
    "ground-truth": ground_truth,
    "named-folders": named_folders,
    "scin": scin,
    "medmnist": medmnist,
}
LAYOUTS = (*set_names(), "folders", "csv", "croissant")


def read_manifest(
    path: Path, layout: str | None = None, columns: Columns | None = None
) -> Manifest:
    """Read what the folder or CSV file at `path` offers.

    Args:
        path: a folder in one of the LAYOUTS, a folder with a `manifest.csv` or `croissant.json`, a
            CSV file or a Croissant file (.json).
        layout: one of LAYOUTS; None: recognise it.
        columns: of the table that says what the images are: the file at `path`, or the only one
            in the folder that has such columns. `layout` is not used then.

    Raises:
        DataError: nothing there, no images, or a CSV file that lacks columns.
        UnknownNameError: `layout` is none of LAYOUTS.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UnknownNameError("layout", layout, LAYOUTS)
    require_there(path)
    try:
        is_folder = path.is_dir()
        csv = path / "manifest.csv" if is_folder else path
        from_csv = layout == "csv" or (layout is None and csv.is_file())
        described = path / croissant.FILE_NAME if is_folder else path
        is_described = layout is None and described.suffix == ".json" and described.is_file()
    except OSError as error:
        raise DataError(f"{shown(path)} cannot be opened: {error.strerror or error}.") from error
    if columns is not None:
        listing = list_files(path if is_folder else path.parent, needs_images=False)
        manifest = metadata.by_columns(listing, columns, None if is_folder else path)
        return _finished(manifest, listing, "by the columns named")
    if layout == "croissant" or (is_described and not (is_folder and from_csv)):
        listing = list_files(described.parent, needs_images=False)
        return _finished(croissant.read(listing, described), listing, "as described by Croissant")
    if from_csv:
        manifest = table.read(csv)
        return _with_split_note(_beside(manifest, path, csv) if is_folder else manifest)
    if not is_folder:
        needs = f"; the layout '{layout}' needs one" if layout else " or a regular file"
        raise DataError(f"{shown(path)} is not a folder{needs}.")
    return _tree(path, layout)


def _tree(path: Path, layout: str | None) -> Manifest:
    """Read a folder as one of the data sets, or as one folder per category."""
    listing = list_files(path, needs_images=False)
    name = layout or _recognised(listing)
    if name == "folders":
        if not listing.images and (archives := medmnist.archives_in(listing)):
            read = ", ".join(label for about in _archived() for label in about.labels)
            raise DataError(
                f"{shown(path)} holds archives of MedMNIST that mimbench does not read: "
                f"{', '.join(archives)}. It reads {read}."
            )
        listing = listing if listing.images else list_files(path)  # says what it holds instead
        return _finished(folders.read(listing), listing, "as one folder per category")
    about = data_set(name)
    manifest = replace(_READERS[about.reader].read(listing, about), layout=name)
    faults = tuple(f"known fault of {about.title}: {fault}" for fault in about.faults)
    finished = _finished(manifest, listing, f"as {about.title}")
    first, *others = finished.notes
    return replace(finished, notes=(first, about.sentence, *faults, *others))


def recognised(folder: Path) -> str:
    """Name of the data set that a folder holds; "folders" if it is none that mimbench knows."""
    return _recognised(list_files(folder, needs_images=False))


def _recognised(listing: Listing) -> str:
    """Name of the data set that a folder holds, "folders" if it is none of them.

    Raises:
        DataError: archives of two sets.
    """
    archived = [about for about in _archived() if medmnist.recognises(listing, about)]
    if len(archived) > 1:
        names = " and ".join(about.title for about in archived)
        raise DataError(
            f"{shown(listing.root)} holds archives of {names}: "
            f"{', '.join(medmnist.archives_in(listing))}. Give each set a folder of its own, or "
            "say by --layout which one to read."
        )
    for name in sorted(set_names(), reverse=True):  # a later release before the earlier one
        about = data_set(name)
        if _READERS[about.reader].recognises(listing, about):
            return name
    return "folders"


def _archived() -> list[DataSet]:
    """The sets that are archives."""
    return [about for about in map(data_set, set_names()) if about.reader == "medmnist"]


def _finished(manifest: Manifest, listing: Listing, how: str) -> Manifest:
    """The manifest of a folder with all files that lie in it accounted for."""
    others = tuple(
        entry._replace(kind=manifest.used[entry.path], detail="")
        if entry.path in manifest.used
        else entry
        for entry in listing.left_out
    )
    return _with_split_note(
        replace(
            manifest,
            notes=(f"read {how}: {_counts(manifest.table)}.", *manifest.notes),
            rejected=listing.rejected,
            left_out=(*manifest.left_out, *others),
            without_images=tuple(
                folder
                for folder in listing.without_images
                if not any(path.startswith(f"{folder.path}{os.sep}") for path in manifest.used)
            ),
        )
    )


def _beside(manifest: Manifest, folder: Path, csv: Path) -> Manifest:
    """The manifest of a folder, with what else lies in the folder as left out."""
    listing = list_files(folder, needs_images=False)
    named = {_spelt_out(on_disk(path)) for path in manifest.table["path"]}
    others = [path for path in listing.images if _spelt_out(path) not in named]
    left_out = [LeftOut(shown(path), f"not in {csv.name}") for path in others]
    for entry in listing.left_out:
        where = _spelt_out(on_disk(entry.path))
        own = sum(path == where or path.startswith(f"{where}{os.sep}") for path in named)
        if where == _spelt_out(csv):
            left_out.append(LeftOut(entry.path, "list of the images"))
        elif own < entry.files:
            left_out.append(entry._replace(files=entry.files - own))
    rejected = [entry for entry in listing.rejected if _spelt_out(on_disk(entry[0])) not in named]
    return replace(manifest, rejected=tuple(rejected), left_out=tuple(left_out))


def _spelt_out(path: Path) -> str:
    return os.path.normpath(path.absolute())


def _with_split_note(manifest: Manifest) -> Manifest:
    given = [name for name in map(str, manifest.table) if name.startswith("given_")]
    if not given:
        return manifest
    folds = ", ".join(name.removeprefix("given_") for name in given)
    notes = [f"brings a train/validation/test split of its own: {folds}."]
    parts = pd.concat([manifest.table[name] for name in given])
    others = Counter(part for part in parts if part not in ("", *PARTS))
    if others:
        named = ", ".join(f"'{part}' {count}" for part, count in sorted(others.items()))
        notes.append(
            f"images in parts that are none of {', '.join(PARTS)}: {named}; a run cannot use that "
            "split."
        )
    return replace(manifest, notes=(*manifest.notes, *notes))


def _counts(table: pd.DataFrame) -> str:
    words = []
    for category, rows in table.groupby("category"):
        patients = rows.loc[rows["patient"] != "", "patient"].nunique()
        words.append(
            f"{len(rows)} {category}" + (f" ({counted(patients, 'patient')})" if patients else "")
        )
    return ", ".join(words)
