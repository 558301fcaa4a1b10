"""MedMNIST archives (.npz): arrays of small images with a label each, in three parts.

Source: Yang et al. 2023, doi:10.1038/s41597-022-01721-8; the arrays are named
train_images, train_labels, val_images, ... .
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from mimbench.data.categories import canonical_category
from mimbench.data.manifest import MANIFEST_COLUMNS, Manifest, given_column
from mimbench.data.reading.archives import PARTS, Archive
from mimbench.data.reading.file_names import on_disk, shown
from mimbench.data.reading.tree import NO_IMAGE, Listing
from mimbench.data.sets.facts import DataSet
from mimbench.errors import DataError

__all__ = ["read", "recognises"]

_NAME = re.compile(r"([a-z]+mnist)(?:_(\d+))?\.npz")


def recognises(listing: Listing, about: DataSet) -> bool:
    """Whether archives of the set, and no images beside them, lie in the folder."""
    return not listing.images and bool(_archives(listing, about))


def read(listing: Listing, about: DataSet) -> Manifest:
    """Read each image of the set's archives, with the part of the archive as its split.

    Raises:
        DataError: no such archive, or one that mimbench cannot read as images with one label.
    """
    archives = _archives(listing, about)
    if not archives:
        raise DataError(
            f"{shown(listing.root)} has no archive of {about.title}: {', '.join(about.labels)} "
            "with .npz."
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
    notes.append("no patients are known, so each image counts as its own patient.")
    table = pd.concat(tables, ignore_index=True)
    used = {shown(path): "archive of the images" for path, _ in archives}
    return Manifest(table, "medmnist", tuple(names), tuple(notes), used=used)


def _archives(listing: Listing, about: DataSet) -> list[tuple[Path, str]]:
    """The set's archives with their names without size."""
    others = (on_disk(entry.path) for entry in listing.left_out if entry.kind == NO_IMAGE)
    named = ((path, _NAME.fullmatch(path.name)) for path in others)
    return [(path, match[1]) for path, match in named if match and match[1] in about.labels]


def _table(path: Path, labels: tuple[str, ...]) -> pd.DataFrame:
    archive = Archive(path)
    rows = []
    for name, part in PARTS.items():
        numbers = archive.labels(name)
        if len(numbers) and int(numbers.max()) >= len(labels):
            raise DataError(
                f"{shown(path)} has the label {int(numbers.max())} among its part {name}; the set "
                f"has {len(labels)} labels."
            )
        for row, number in enumerate(np.ravel(numbers).tolist()):
            rows.append((shown(archive.image(name, row)), labels[number], part))
    table = pd.DataFrame(rows, columns=["path", "label", given_column(1)], dtype="str")
    table["category"] = table["label"].map(canonical_category)
    table[["patient", "source"]] = ""
    return table[[*MANIFEST_COLUMNS, given_column(1), "label"]]
