"""What lies in folders of images, before anybody decides what to do with them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mimbench.data.images import MIN_SIDE, Photo, read_photos
from mimbench.data.layouts import read_manifest

__all__ = ["survey"]


def survey(
    places: Sequence[str], layout: str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Read every file and say what was found.

    Args:
        places: folders or CSV files.
        layout: how they are laid out; None: recognised.

    Returns:
        Readable images (dataset, category, patient, source, path, width, height), rejected files
        (path, reason) and notes.
    """
    tables, notes = [], []
    for place in places:
        manifest = read_manifest(Path(place), layout)
        tables.append(manifest.table.assign(dataset=place))
        notes += [f"{place}: {note}" for note in manifest.notes]
    table = pd.concat(tables, ignore_index=True)
    photos = read_photos([Path(path) for path in table["path"]], MIN_SIDE)
    readable = [isinstance(photo, Photo) for photo in photos]
    good = [photo for photo in photos if isinstance(photo, Photo)]
    images = table[readable].assign(
        width=[photo.width for photo in good], height=[photo.height for photo in good]
    )
    rejected = pd.DataFrame(
        [
            {"path": path, "reason": photo}
            for path, photo in zip(table["path"], photos, strict=True)
            if isinstance(photo, str)
        ],
        columns=["path", "reason"],
    )
    return images, rejected, tuple(notes)
