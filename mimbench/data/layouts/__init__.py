"""How collections of images lie on disk: recognised by their names, or as told."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mimbench.data.layouts import folders, msld, table
from mimbench.data.manifest import Manifest
from mimbench.data.reading.file_names import on_disk, shown
from mimbench.data.reading.tree import LeftOut, Listing, list_files
from mimbench.data.splits import PARTS
from mimbench.errors import DataError, UnknownNameError

__all__ = ["LAYOUTS", "read_manifest"]


class _Layout(NamedTuple):
    title: str
    recognises: Callable[[Listing], bool]
    read: Callable[[Listing], Manifest]


# The most particular first: the first that recognises a folder reads it.
_TREES = {
    "msld-v2": _Layout("MSLD v2.0", msld.V2.recognises, msld.V2.read),
    "msld": _Layout("MSLD v1", msld.V1.recognises, msld.V1.read),
    "folders": _Layout("one folder per category", lambda listing: True, folders.read),
}
LAYOUTS = (*_TREES, "csv")


def read_manifest(path: Path, layout: str | None = None) -> Manifest:
    """Read what the folder or CSV file at `path` offers.

    Args:
        path: a folder in one of the LAYOUTS, a folder with a `manifest.csv`, or a CSV file.
        layout: one of LAYOUTS; None: recognise it.

    Raises:
        DataError: nothing there, no images, or a CSV file that lacks columns.
        UnknownNameError: `layout` is none of LAYOUTS.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UnknownNameError("layout", layout, LAYOUTS)
    try:
        if not path.exists():
            raise DataError(
                f"{shown(path)} does not exist; expected a folder of images or a CSV file."
            )
        is_folder = path.is_dir()
        csv = path / "manifest.csv" if is_folder else path
        from_csv = layout == "csv" or (layout is None and csv.is_file())
    except OSError as error:
        raise DataError(f"{shown(path)} cannot be opened: {error.strerror or error}.") from error
    if from_csv:
        manifest = table.read(csv)
        return _with_split_note(_beside(manifest, path, csv) if is_folder else manifest)
    if not is_folder:
        needs = f"; the layout '{layout}' needs one" if layout else " or a regular file"
        raise DataError(f"{shown(path)} is not a folder{needs}.")
    listing = list_files(path)
    name = layout or next(name for name, tree in _TREES.items() if tree.recognises(listing))
    tree = _TREES[name]
    manifest = tree.read(listing)
    said = f"read as {tree.title}: {_counts(manifest.table)}."
    return _with_split_note(
        replace(
            manifest,
            layout=name,
            notes=(said, *manifest.notes),
            rejected=listing.rejected,
            left_out=(*manifest.left_out, *listing.left_out),
            without_images=listing.without_images,
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
        words.append(f"{len(rows)} {category}" + (f" ({patients} patients)" if patients else ""))
    return ", ".join(words)
