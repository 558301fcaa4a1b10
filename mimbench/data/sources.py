"""What folders, CSV files and generators offer, before roles are given and files are opened."""

import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from pandas.api.types import is_numeric_dtype

from mimbench.data.categories import check_categories
from mimbench.data.columns import Columns, parse_columns
from mimbench.data.fetch.places import located
from mimbench.data.generated import abnormal, phantom
from mimbench.data.layouts import read_manifest
from mimbench.data.layouts.names import patient_pattern, patients_in_names
from mimbench.data.layouts.unlabelled import mark_unlabelled
from mimbench.data.manifest import Manifest
from mimbench.data.options import GENERATED, PHANTOM, ImageOptions
from mimbench.data.reading.file_names import shown
from mimbench.data.reading.tree import LeftOut, WithoutImages
from mimbench.errors import DataError

__all__ = ["Offer", "files_offered", "images_offered"]

_GROUPS = ("data", "unknown", "abnormal", "external")
_ABNORMAL_PER_KIND = 10


@dataclass(frozen=True)
class Offer:
    """What several places offer together.

    Attributes:
        table: one row per image to read or draw, with path (empty for generated images), dataset,
            category, patient, source, and further columns.
        notes: what the reader should know, one sentence each.
        rejected: (path, reason) of entries that cannot be opened.
        left_out: files that are not in `table`.
        without_images: folders without any image.
        leads_out: whether a table names files outside of its folder, there or not.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]
    rejected: tuple[tuple[str, str], ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    without_images: tuple[WithoutImages, ...] = ()
    leads_out: bool = False


class _Told(NamedTuple):
    """What the user says of how files lie; None: it is recognised."""

    layout: str | None = None
    columns: Columns | None = None
    patients: re.Pattern[str] | None = None


def images_offered(options: ImageOptions) -> Offer:
    """All images that a run's options name; the option that named them is the column `group`."""
    named = [(group, place) for group in _GROUPS for place in getattr(options, group)]
    words = {("data", PHANTOM), ("abnormal", GENERATED)}
    names = _dataset_names([place for group, place in named if (group, place) not in words])
    offers: list[Manifest] = []
    for group, place in named:
        if (group, place) in words:
            manifest = _generated(place, options.seed)
        else:
            told = _Told()
            if group == "data":
                pattern = patient_pattern(options.patients)
                told = _Told(options.layout, _columns(options.columns), pattern)
            named_so_far = {name for offer in offers for name in offer.table["category"]}
            labels = named_so_far if group == "external" else None
            manifest = _files(place, names[place], told, labels)
        offers.append(replace(manifest, table=manifest.table.assign(group=group)))
    return _together(offers)


def files_offered(
    places: Sequence[str],
    layout: str | None,
    columns: str | None = None,
    labels: Collection[str] | None = None,
    patients: str | None = None,
) -> Offer:
    """All images in folders and CSV files that have no role yet.

    With `labels`, images outside of subfolders are unlabelled unless their folder is one of these.
    """
    names = _dataset_names(places)
    told = _Told(layout, _columns(columns), patient_pattern(patients))
    return _together([_files(place, names[place], told, labels) for place in places])


def _together(manifests: Sequence[Manifest]) -> Offer:
    spellings = check_categories(name for manifest in manifests for name in manifest.names)
    empty = tuple(folder for manifest in manifests for folder in manifest.without_images)
    notes = [note for manifest in manifests for note in manifest.notes]
    notes += spellings
    notes += [f"no image in {folder.path}: it holds {folder.holds}." for folder in empty]
    return Offer(
        _without_gaps(pd.concat([manifest.table for manifest in manifests], ignore_index=True)),
        tuple(notes),
        tuple(entry for manifest in manifests for entry in manifest.rejected),
        tuple(entry for manifest in manifests for entry in manifest.left_out),
        empty,
        any(manifest.leads_out for manifest in manifests),
    )


def _generated(word: str, seed: int) -> Manifest:
    if word == PHANTOM:
        table = phantom.embedded(seed)
        note = f"phantom: {len(table)} generated images, version {phantom.VERSION}."
    else:
        table = abnormal.table(per_kind=_ABNORMAL_PER_KIND, seed=seed)
        note = f"generated: {len(table)} images of {len(abnormal.KINDS)} abnormal kinds."
    table = table.assign(dataset=word, path="", patient=f"{word}/" + table["patient"])
    return Manifest(table, word, notes=(note,))


def _columns(text: str | None) -> Columns | None:
    return None if text is None else parse_columns(text)


def _files(
    place: str, dataset: str, told: _Told, labels: Collection[str] | None = None
) -> Manifest:
    path = located(place)
    manifest = read_manifest(path, told.layout, told.columns)
    if told.patients is not None:
        manifest = patients_in_names(manifest, told.patients)
    if labels is not None:
        manifest = mark_unlabelled(manifest, path, labels)
    table = manifest.table.assign(dataset=dataset)
    root = shown(path if path.is_dir() else path.parent)
    # The path below the root, so that the split stays when the folder moves.
    own = pd.Series([Path(os.path.relpath(image, root)).as_posix() for image in table["path"]])
    table["patient"] = f"{dataset}/" + table["patient"].where(table["patient"] != "", own)
    table["source"] = table["source"].where(table["source"] != "", dataset)
    notes = tuple(f"{dataset}: {note}" for note in manifest.notes)
    return replace(manifest, table=table, notes=notes)


def _dataset_names(places: Sequence[str]) -> dict[str, str]:
    """Name each place by its last folder, and by as many above as tell it from the others."""
    parts = {place: _name_parts(Path(os.path.realpath(place))) for place in places}
    if len(set(parts.values())) < len(places):
        twice = Counter(parts[place] for place in places).most_common(1)[0][0]
        raise DataError(f"{Path(*twice)} is given twice; name each folder once, under one role.")
    depth = 1
    while len({part[-depth:] for part in parts.values()}) < len(parts):
        depth += 1
    return {place: "/".join(part[-depth:]) for place, part in parts.items()}


def _name_parts(path: Path) -> tuple[str, ...]:
    if path.name == "manifest.csv":
        path = path.parent
    try:
        parts = path.parts if path.is_dir() else path.with_suffix("").parts
    except OSError:  # reading it will say why
        parts = path.parts
    return tuple(map(shown, parts))


def _without_gaps(table: pd.DataFrame) -> pd.DataFrame:
    """Fill columns that only some collections have: empty text, but numbers stay missing."""
    columns = {str(name): column for name, column in table.items()}
    return pd.DataFrame(
        {
            name: column if is_numeric_dtype(column) else column.fillna("").astype("str")
            for name, column in columns.items()
        }
    )
