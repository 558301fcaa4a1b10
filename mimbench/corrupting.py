"""The command `mimbench corrupt`: suites by name on folders, and contact sheets of suites."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mimbench.console import Display
from mimbench.corruptions.folder import FolderReport, corrupt_folder
from mimbench.corruptions.sheet import suite_pictures
from mimbench.data import phantom
from mimbench.data.images import Photo, read_photos
from mimbench.data.sheet import contact_sheet
from mimbench.errors import DataError, OutputError
from mimbench.evaluation.suites import read_suite

__all__ = ["corrupt_tree", "draw_sheet"]

SHEET_SIDE = 160  # of a picture on a contact sheet, pixels


def corrupt_tree(
    source: Path,
    target: Path,
    suite: str,
    severities: Collection[int] | None,
    seed: int,
    processes: int,
    progress: Display,
) -> FolderReport:
    """Corrupt a folder by a suite of this name; see `mimbench.corruptions.folder`."""
    conditions = read_suite(suite)
    progress.stage(f"Corrupting {source}", 1)
    return corrupt_folder(
        source,
        target,
        conditions,
        severities=severities or None,
        seed=seed,
        processes=processes,
        progress=lambda done, total: progress.update(done / total, f"{done} of {total} images"),
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
