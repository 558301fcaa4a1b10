"""The pictures of a table: files decoded, generated images drawn."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from mimbench.data.generated import abnormal, phantom
from mimbench.data.options import GENERATED, PHANTOM
from mimbench.data.reading.accounting import parts_note
from mimbench.data.reading.decoding import finish, read_photos
from mimbench.data.reading.file_facts import header_facts
from mimbench.data.reading.file_names import on_disk
from mimbench.data.reading.kept import Entry, Maker, kept_pictures
from mimbench.data.reading.opening import Unreadable, file_bytes

__all__ = ["Pictures", "read_pictures"]

GENERATORS = ((PHANTOM, phantom), (GENERATED, abnormal))
DRAWN_AGAIN = 2  # generated pictures of a chunk: other machines may differ by a level

PixelArray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """The readable pictures of a table.

    Attributes:
        keep: bool (rows of the table,), which rows could be read.
        reasons: why the others could not, in their order.
        pixels: uint8 (N, S, S, 3), RGB, of the readable ones, as all that follows; perhaps mapped
            from a file that nobody writes to.
        files: image_id, width, height and format.
        facts: file_facts.FACTS.
        notes: what the reader should know, one sentence each.
    """

    keep: npt.NDArray[np.bool_]
    reasons: tuple[str, ...]
    pixels: PixelArray
    files: pd.DataFrame
    facts: pd.DataFrame
    notes: tuple[str, ...]


def read_pictures(table: pd.DataFrame, size: int, harmonise: bool = False) -> Pictures:
    """Read or draw each image of `table` (path, dataset, and what a generator needs)."""
    reader = _Reader(table, size, harmonise)
    names = [f"{size}{'/harmonised' * harmonise}", *reader.names]
    shape = len(table), size, size, 3
    pixels, entries = kept_pictures(Maker(shape, names, reader.make, reader.same))
    keep = np.array(["reason" not in entry for entry in entries], dtype=bool)
    kept = [entry for entry in entries if "reason" not in entry]
    dropped = [
        f"{path}: {entry['dropped']}"
        for path, entry in zip(table["path"], entries, strict=True)
        if entry.get("dropped")
    ]
    return Pictures(
        keep,
        tuple(entry["reason"] for entry in entries if "reason" in entry),
        pixels if keep.all() else pixels[keep],
        pd.DataFrame([entry["file"] for entry in kept]),
        pd.DataFrame([entry["facts"] for entry in kept]),
        parts_note(dropped),
    )


class _Reader:
    """Makes the pictures of a table, some rows at a time."""

    def __init__(self, table: pd.DataFrame, size: int, harmonise: bool) -> None:
        self.table, self.size, self.harmonise = table, size, harmonise
        self.paths = table["path"].tolist()
        drawn = self.table["path"] == ""
        self.names = self.paths
        if drawn.any():
            self.names = table["image_id"].where(drawn, table["path"]).tolist()

    def make(self, start: int, stop: int) -> tuple[PixelArray, list[Entry]]:
        """Pixels of rows, zero where a file cannot be read, and what is said of each."""
        pixels = np.zeros((stop - start, self.size, self.size, 3), dtype=np.uint8)
        entries: list[Entry] = [{} for _ in range(start, stop)]
        for row, picture in self._drawn(start, stop):
            own, facts = self._finished(picture)
            image_id = self.table["image_id"].iloc[row]
            pixels[row - start] = own
            entries[row - start] = _entry(image_id, self.size, self.size, GENERATED, facts)
        filed = self._filed(start, stop)
        places = [self._place(row) for row in filed]
        for row, photo in zip(filed, read_photos(places, self.size, self.harmonise), strict=True):
            if isinstance(photo, str):
                content = _content(self._place(row))
                entries[row - start] = {"content": content, "reason": photo}
                continue
            pixels[row - start] = photo.pixels
            entries[row - start] = {
                **_entry(photo.sha256, photo.width, photo.height, photo.format, photo.facts),
                "dropped": photo.dropped,
            }
        return pixels, entries

    def same(self, start: int, stop: int, pixels: PixelArray, entries: Sequence[Entry]) -> bool:
        """Whether the rows' files have the content that they had, and drawings look so again."""
        filed = self._filed(start, stop)
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            found = list(pool.map(_content, [self._place(row) for row in filed]))
        if found != [entries[row - start].get("content") for row in filed]:
            return False
        refused = [row for row in filed if "reason" in entries[row - start]]
        if refused:
            again = read_photos([self._place(row) for row in refused], self.size, self.harmonise)
            if again != [entries[row - start]["reason"] for row in refused]:
                return False  # the cause is gone: a library was missing, or memory
        drawn = sorted(set(range(start, stop)) - set(filed))
        tried = drawn[:: max(1, len(drawn) // DRAWN_AGAIN)]
        return all(
            np.array_equal(self._finished(picture)[0], pixels[row - start])
            for some in tried
            for row, picture in self._drawn(some, some + 1)
        )

    def _finished(self, picture: Image.Image) -> tuple[PixelArray, Mapping[str, float]]:
        """Pixels and facts of a generated picture, as of a photo."""
        header = header_facts(picture, self.size, self.size, 0)
        return finish(picture, header, self.size, self.harmonise)

    def _place(self, row: int) -> Path:
        return on_disk(self.paths[row])

    def _filed(self, start: int, stop: int) -> list[int]:
        return [row for row in range(start, stop) if self.paths[row]]

    def _drawn(self, start: int, stop: int) -> list[tuple[int, Image.Image]]:
        """Generated pictures of rows."""
        pictures = []
        table = self.table.iloc[start:stop]
        for dataset, generator in GENERATORS:
            rows = np.flatnonzero((table["path"] == "") & (table["dataset"] == dataset))
            if rows.size:
                drawn = generator.render(table.iloc[rows], self.size)
                pictures += [
                    (start + row, Image.fromarray(image))
                    for row, image in zip(rows.tolist(), drawn, strict=True)
                ]
        return pictures


def _entry(
    content: str, width: int, height: int, form: str, facts: Mapping[str, float]
) -> dict[str, Any]:
    """What is said of a picture: its content, its file, and the facts of the file."""
    file = {"image_id": content, "width": width, "height": height, "format": form}
    return {"content": content, "file": file, "facts": dict(facts)}


def _content(path: Path) -> str:
    """SHA-256 of a file, or why it cannot be read."""
    try:
        return hashlib.sha256(file_bytes(path)).hexdigest()
    except Unreadable as error:
        return str(error)
