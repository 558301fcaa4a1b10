"""What folders, CSV files and generators offer, before roles are given and files are opened."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

from mimbench.data import abnormal, phantom
from mimbench.data.layouts import read_manifest
from mimbench.data.options import GENERATED, PHANTOM, ImageOptions
from mimbench.errors import DataError

__all__ = ["files_offered", "images_offered"]

Offer = tuple[pd.DataFrame, list[str]]

_GROUPS = ("data", "unknown", "abnormal", "external")
_ABNORMAL_PER_KIND = 10


def images_offered(options: ImageOptions) -> Offer:
    """All images that a run's options name.

    Returns:
        A table with path (empty for generated images), dataset, category, patient, source, the
        option that named them as `group`, and further columns; and notes.
    """
    named = [(group, place) for group in _GROUPS for place in getattr(options, group)]
    words = {("data", PHANTOM), ("abnormal", GENERATED)}
    names = _dataset_names([place for group, place in named if (group, place) not in words])
    tables, notes = [], []
    for group, place in named:
        if (group, place) in words:
            table, some = _generated(place, options.seed)
        else:
            layout = options.layout if group == "data" else None
            table, some = _files(place, names[place], layout)
        tables.append(table.assign(group=group))
        notes += some
    return _without_gaps(pd.concat(tables, ignore_index=True)), notes


def files_offered(places: Sequence[str], layout: str | None) -> Offer:
    """All images in folders and CSV files that have no role yet."""
    names = _dataset_names(places)
    offers = [_files(place, names[place], layout) for place in places]
    table = pd.concat([table for table, _ in offers], ignore_index=True)
    return _without_gaps(table), [note for _, notes in offers for note in notes]


def _generated(word: str, seed: int) -> Offer:
    if word == PHANTOM:
        table = phantom.embedded(seed)
        note = f"phantom: {len(table)} generated images, version {phantom.VERSION}."
    else:
        table = abnormal.table(per_kind=_ABNORMAL_PER_KIND, seed=seed)
        note = f"generated: {len(table)} images of {len(abnormal.KINDS)} abnormal kinds."
    return table.assign(dataset=word, path="", patient=f"{word}/" + table["patient"]), [note]


def _files(place: str, dataset: str, layout: str | None) -> Offer:
    path = Path(place)
    manifest = read_manifest(path, layout)
    table = manifest.table.assign(dataset=dataset)
    root = path if path.is_dir() else path.parent
    # The path below the root, so that the split stays when the folder moves.
    own = pd.Series([Path(os.path.relpath(image, root)).as_posix() for image in table["path"]])
    table["patient"] = f"{dataset}/" + table["patient"].where(table["patient"] != "", own)
    table["source"] = table["source"].where(table["source"] != "", dataset)
    return table, [f"{dataset}: {note}" for note in manifest.notes]


def _dataset_names(places: Sequence[str]) -> dict[str, str]:
    """Name each place by its last folder, and by as many above as tell it from the others."""
    parts = {place: _name_parts(Path(place).resolve()) for place in places}
    if len(set(parts.values())) < len(places):
        twice = Counter(parts[place] for place in places).most_common(1)[0][0]
        raise DataError(f"{Path(*twice)} is given twice; name each folder once, under one role.")
    depth = 1
    while len({part[-depth:] for part in parts.values()}) < len(parts):
        depth += 1
    return {place: "/".join(part[-depth:]) for place, part in parts.items()}


def _name_parts(path: Path) -> tuple[str, ...]:
    if path.name == "manifest.csv":
        return path.parent.parts
    return path.parts if path.is_dir() else path.with_suffix("").parts


def _without_gaps(table: pd.DataFrame) -> pd.DataFrame:
    """Fill columns that only some collections have: empty text, but numbers stay missing."""
    columns = {str(name): column for name, column in table.items()}
    return pd.DataFrame(
        {
            name: column if is_numeric_dtype(column) else column.fillna("").astype("str")
            for name, column in columns.items()
        }
    )
