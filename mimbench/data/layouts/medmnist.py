"""MedMNIST archives (.npz): arrays of small images with a label each, in three parts.

Source: Yang et al. 2023, doi:10.1038/s41597-022-01721-8; the arrays are named
train_images, train_labels, val_images, ... .
"""

import re
from pathlib import Path

import pandas as pd

from mimbench.data.categories import canonical_category
from mimbench.data.layouts.names import NO_PATIENTS
from mimbench.data.manifest import MANIFEST_COLUMNS, Manifest, given_column
from mimbench.data.reading.archives import PARTS, Archive
from mimbench.data.reading.file_names import on_disk, shown
from mimbench.data.reading.tree import NO_IMAGE, Listing
from mimbench.data.sets.facts import DataSet
from mimbench.errors import DataError

__all__ = ["archives_in", "read", "recognises"]

_NAME = re.compile(r"([a-z]+mnist(?:3d)?)(?:_(\d+))?\.npz")
_SIDE = 28  # of an archive whose name has no size


def recognises(listing: Listing, about: DataSet) -> bool:
    """Whether archives of the set, and no images beside them, lie in the folder."""
    return not listing.images and bool(_archives(listing, about))


def read(listing: Listing, about: DataSet) -> Manifest:
    """Read each image of the set's archives, with the part of the archive as its split.

    Raises:
        DataError: no such archive, or one that mimbench cannot read as images with one label.
    """
    archives, smaller = _largest(_archives(listing, about))
    if not archives:
        raise DataError(
            f"{shown(listing.root)} has no archive of {about.title} that mimbench reads: "
            f"{', '.join(about.labels)} with .npz."
        )
    tables, names = [], []
    for path, name in archives:
        table = _table(path, about.labels[name])
        tables.append(table)
        names += [(label, shown(path)) for label in table.pop("label").unique()]
    notes = [
        f"{shown(path.name)}: {len(table)} images, read out of the archive."
        for (path, _), table in zip(archives, tables, strict=True)
    ]
    notes.append(NO_PATIENTS)
    table = pd.concat(tables, ignore_index=True)
    used = {shown(path): "archive of the images" for path, _ in archives}
    if smaller:
        names_left = ", ".join(shown(path.name) for path in smaller)
        notes.append(f"left out because the same images are there in a larger size: {names_left}.")
        used |= {shown(path): "smaller size of the images" for path in smaller}
    if unread := [name for name in archives_in(listing) if name not in about.labels]:
        notes.append(
            f"archives that are not read as {about.title}: {', '.join(unread)}; those that are: "
            f"{', '.join(about.labels)}."
        )
    return Manifest(table, "medmnist", tuple(names), tuple(notes), used=used)


def archives_in(listing: Listing) -> list[str]:
    """Names without size of all archives in a folder that are called as MedMNIST's are."""
    return sorted({name for _, name, _ in _called_so(listing)})


def _called_so(listing: Listing) -> list[tuple[Path, str, int]]:
    """Archives with their names and sizes in pixels."""
    others = (on_disk(entry.path) for entry in listing.left_out if entry.kind == NO_IMAGE)
    named = ((path, _NAME.fullmatch(path.name)) for path in others)
    return [(path, match[1], int(match[2] or _SIDE)) for path, match in named if match]


def _archives(listing: Listing, about: DataSet) -> list[tuple[Path, str, int]]:
    return [found for found in _called_so(listing) if found[1] in about.labels]


def _largest(
    archives: list[tuple[Path, str, int]],
) -> tuple[list[tuple[Path, str]], list[Path]]:
    """Of each name the archive of the largest size, and the smaller ones.

    Raises:
        DataError: two of one name and size.
    """
    chosen: dict[str, tuple[Path, int]] = {}
    smaller = []
    for path, name, side in sorted(archives, key=lambda found: -found[2]):
        if name not in chosen:
            chosen[name] = (path, side)
        elif chosen[name][1] == side:
            raise DataError(
                f"{shown(chosen[name][0])} and {shown(path)} have the same name and size, and one "
                "set has one such archive. Name the folder of one of them."
            )
        else:
            smaller.append(path)
    return [(path, name) for name, (path, _) in sorted(chosen.items())], smaller


def _table(path: Path, labels: tuple[str, ...]) -> pd.DataFrame:
    archive = Archive(path)
    rows = []
    for name, part in PARTS.items():
        numbers = archive.labels(name)
        unknown = numbers[(numbers < 0) | (numbers >= len(labels))]
        if len(unknown):
            raise DataError(
                f"{shown(path)} has the label {int(unknown[0])} among its part {name}; the set "
                f"has the labels 0 to {len(labels) - 1}."
            )
        for row, number in enumerate(numbers.tolist()):
            rows.append((shown(archive.image(name, row)), labels[number], part))
    table = pd.DataFrame(rows, columns=["path", "label", given_column(1)], dtype="str")
    table["category"] = table["label"].map(canonical_category)
    table[["patient", "source"]] = ""
    return table[[*MANIFEST_COLUMNS, given_column(1), "label"]]
