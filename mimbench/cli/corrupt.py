"""The command `mimbench corrupt`: suites by name on folders, and contact sheets of suites."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from mimbench.cli.terminal.progress_bar import Display
from mimbench.corruptions.folder import FolderReport, Reader, corrupt_folder
from mimbench.corruptions.sheet import suite_pictures
from mimbench.csv_files.writing import write_csv
from mimbench.data.contact_sheet import contact_sheet
from mimbench.data.generated import phantom
from mimbench.data.reading.accounting import Accounting, account, parts_note, unread_files
from mimbench.data.reading.decoding import read_photos, read_whole, share_memory
from mimbench.data.reading.file_names import shown
from mimbench.data.reading.photo import Photo
from mimbench.data.reading.tree import Listing, list_files
from mimbench.errors import DataError, OutputError
from mimbench.evaluation.planning.suites import read_suite
from mimbench.text import counted

__all__ = ["CorruptedTree", "corrupt_tree", "draw_sheet"]

SHEET_SIDE = 160  # of a picture on a contact sheet, pixels
UNREAD = "rejected.csv"


@dataclass(frozen=True)
class CorruptedTree:
    """What came of a folder of images.

    Attributes:
        made: the pictures.
        unread: files that were not corrupted: path, what, reason and files.
        accounting: what became of each file of the folder.
        notes: what the reader should know, one sentence each.
    """

    made: FolderReport
    unread: pd.DataFrame
    accounting: Accounting
    notes: tuple[str, ...]

    @property
    def rejected(self) -> list[tuple[str, str]]:
        """(path, reason) of files that should be images and could not be corrupted."""
        rows = self.unread[self.unread["what"] == "rejected"]
        return list(zip(rows["path"], rows["reason"], strict=True))

    def as_json(self) -> dict[str, Any]:
        """The result for a program."""
        return {
            "written": self.made.written,
            "kept": self.made.kept,
            "files": self.accounting.as_json(),
            "unread": self.unread.to_dict("records"),
            "orphans": [shown(path) for path in self.made.orphans],
            "notes": list(self.notes),
        }


def corrupt_tree(
    source: Path,
    target: Path,
    suite: str,
    severities: Collection[int] | None,
    seed: int,
    processes: int,
    progress: Display,
) -> CorruptedTree:
    """Corrupt a folder by a suite of this name; see `mimbench.corruptions.folder`.

    Files that were not corrupted are listed in `target/rejected.csv`.

    Raises:
        DataError: no images in `source`, or a folder in it that cannot be opened.
        CorruptionError, OutputError: as for `corrupt_folder`.
    """
    conditions = read_suite(suite)
    listing = list_files(source)
    progress.stage(f"Corrupting {shown(source)}", 1)
    made = corrupt_folder(
        source,
        [path.relative_to(source) for path in listing.images],
        target,
        conditions,
        Reader(read_whole, share_memory),
        severities=severities or None,
        seed=seed,
        processes=processes,
        progress=lambda done, total: progress.update(
            done / total, f"{done} of {counted(total, 'image')}"
        ),
    )
    broken = [(shown(source / image), reason) for image, reason in made.rejected]
    rejected = [*listing.rejected, *broken]
    unread = unread_files(rejected, listing.left_out)
    write_csv(unread, target / UNREAD)
    accounting = account(len(listing.images) - len(broken), len(rejected), listing.left_out)
    if not accounting.read:
        raise DataError(
            f"None of {counted(len(listing.images), 'image')} can be corrupted; {broken[0][0]}: "
            f"{broken[0][1]}."
        )
    return CorruptedTree(made, unread, accounting, tuple(_notes(source, target, listing, made)))


def _notes(source: Path, target: Path, listing: Listing, made: FolderReport) -> Iterator[str]:
    for empty in listing.without_images:
        yield f"no image in {empty.path}: it holds {empty.holds}."
    yield from parts_note([f"{shown(source / image)}: {what}" for image, what in made.dropped])
    if made.orphans:
        yield (
            f"files in {shown(target)} that are of no image in {shown(source)} now: "
            f"{len(made.orphans)}, e.g. {shown(made.orphans[0])}. Delete them if you don't need "
            "them."
        )


def draw_sheet(suite: str, image: Path | None, out: Path, seed: int) -> None:
    """Draw one image under every condition of a suite, a corruption per row, as PNG.

    Args:
        suite: name of the suite or path of its TOML file.
        image: file to corrupt; None: an image of the phantom.
        out: PNG file to write.
        seed: key of the draws.

    Raises:
        DataError: the image cannot be read.
        OutputError: the sheet cannot be written.
    """
    pixels = _phantom_image() if image is None else _photo(image)
    pictures, labels, columns = suite_pictures(pixels, read_suite(suite), seed)
    sheet = contact_sheet(pictures, labels, columns)
    try:
        Image.fromarray(sheet).save(out, format="PNG")
    except OSError as error:
        raise OutputError(f"Cannot write {out}: {error.strerror or error}.") from error


def _phantom_image() -> NDArray[np.uint8]:
    table = phantom.table()
    first = table[table["category"] == phantom.TARGET].head(1)
    pixels: NDArray[np.uint8] = phantom.render(first, SHEET_SIDE)[0]
    return pixels


def _photo(path: Path) -> NDArray[np.uint8]:
    photo = read_photos([path], SHEET_SIDE)[0]
    if not isinstance(photo, Photo):
        raise DataError(f"{path} cannot be read as an image: {photo}.")
    return photo.pixels
