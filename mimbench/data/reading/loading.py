"""The pictures of a table: files decoded, generated images drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from mimbench.data.generated import abnormal, phantom
from mimbench.data.generated.kept import kept_pictures
from mimbench.data.options import GENERATED, PHANTOM
from mimbench.data.reading.accounting import parts_note
from mimbench.data.reading.decoding import finish, read_photos
from mimbench.data.reading.file_facts import header_facts
from mimbench.data.reading.file_names import on_disk

__all__ = ["Pictures", "read_pictures"]


@dataclass(frozen=True)
class Pictures:
    """The readable pictures of a table.

    Attributes:
        keep: bool (rows of the table,), which rows could be read.
        reasons: why the others could not, in their order.
        pixels: uint8 (N, S, S, 3), RGB, of the readable ones, as all that follows.
        files: image_id, width, height and format.
        facts: file_facts.FACTS.
        notes: what the reader should know, one sentence each.
    """

    keep: npt.NDArray[np.bool_]
    reasons: tuple[str, ...]
    pixels: npt.NDArray[np.uint8]
    files: pd.DataFrame
    facts: pd.DataFrame
    notes: tuple[str, ...]


def read_pictures(table: pd.DataFrame, size: int, harmonise: bool = False) -> Pictures:
    """Read or draw each image of `table` (path, dataset, and what a generator needs)."""
    pixels = np.zeros((len(table), size, size, 3), dtype=np.uint8)
    files: list[Mapping[str, Any]] = [{} for _ in range(len(table))]
    facts: list[Mapping[str, float]] = [{} for _ in range(len(table))]
    reasons: dict[int, str] = {}
    dropped: list[str] = []
    for row, picture in _generated(table, size):
        header = header_facts(picture, size, size, 0)
        pixels[row], facts[row] = finish(picture, header, size, harmonise)
        image_id = table["image_id"].iloc[row]
        files[row] = _file(image_id, size, size, GENERATED)
    filed = np.flatnonzero(table["path"] != "").tolist()
    photos = read_photos([on_disk(path) for path in table["path"].iloc[filed]], size, harmonise)
    for row, photo in zip(filed, photos, strict=True):
        if isinstance(photo, str):
            reasons[row] = photo
        else:
            pixels[row], facts[row] = photo.pixels, photo.facts
            files[row] = _file(photo.sha256, photo.width, photo.height, photo.format)
            if photo.dropped:
                dropped.append(f"{table['path'].iloc[row]}: {photo.dropped}")
    keep = ~np.isin(np.arange(len(table)), list(reasons))
    kept = np.flatnonzero(keep)
    return Pictures(
        keep,
        tuple(reasons.values()),
        pixels if keep.all() else pixels[keep],
        pd.DataFrame([files[row] for row in kept]),
        pd.DataFrame([facts[row] for row in kept]),
        parts_note(dropped),
    )


def _file(image_id: str, width: int, height: int, form: str) -> Mapping[str, Any]:
    return {"image_id": image_id, "width": width, "height": height, "format": form}


def _generated(table: pd.DataFrame, size: int) -> list[tuple[int, Image.Image]]:
    pictures = []
    for dataset, generator in ((PHANTOM, phantom), (GENERATED, abnormal)):
        rows = np.flatnonzero((table["path"] == "") & (table["dataset"] == dataset))
        if rows.size:
            drawn = kept_pictures(generator.render, table.iloc[rows], size)
            pictures += [
                (row, Image.fromarray(image))
                for row, image in zip(rows.tolist(), drawn, strict=True)
            ]
    return pictures
