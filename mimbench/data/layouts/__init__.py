"""How collections of images lie on disk: recognised by their names, or as told."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mimbench.data.layouts import folders, msld, table
from mimbench.data.manifest import Listing, Manifest, list_files
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
    if not path.exists():
        raise DataError(f"{path} does not exist; expected a folder of images or a CSV file.")
    csv = path / "manifest.csv" if path.is_dir() else path
    if layout == "csv" or (layout is None and csv.is_file()):
        return _with_split_note(table.read(csv))
    if not path.is_dir():
        raise DataError(f"{path} is not a folder; the layout '{layout}' needs one.")
    listing = list_files(path)
    name = layout or next(name for name, tree in _TREES.items() if tree.recognises(listing))
    tree = _TREES[name]
    manifest = tree.read(listing)
    said = f"read as {tree.title}: {_counts(manifest.table)}."
    notes = (said, *manifest.notes, *listing.notes)
    return _with_split_note(Manifest(manifest.table, name, notes))


def _with_split_note(manifest: Manifest) -> Manifest:
    given = [name for name in map(str, manifest.table) if name.startswith("given_")]
    if not given:
        return manifest
    folds = ", ".join(name.removeprefix("given_") for name in given)
    note = f"brings a train/validation/test split of its own: {folds}."
    return Manifest(manifest.table, manifest.layout, (*manifest.notes, note))


def _counts(table: pd.DataFrame) -> str:
    words = []
    for category, rows in table.groupby("category"):
        patients = rows.loc[rows["patient"] != "", "patient"].nunique()
        words.append(f"{len(rows)} {category}" + (f" ({patients} patients)" if patients else ""))
    return ", ".join(words)
