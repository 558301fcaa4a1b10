"""Which files a folder or CSV file offers, and what is known of each before it is opened."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mimbench.errors import DataError

__all__ = ["MANIFEST_COLUMNS", "Listing", "Manifest", "given_column", "list_files"]

MANIFEST_COLUMNS = ("path", "category", "patient", "source")

# fmt: off
_IMAGE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".bmp", ".dib", ".tif",
    ".tiff", ".webp", ".avif", ".heic", ".heif", ".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm",
    ".pnm",
})
# fmt: on
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"II*\0", b"MM\0*")
_SYSTEM_FOLDERS = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN"})


def given_column(fold: int) -> str:
    """Name of the column with the part that the data's authors gave an image in `fold` (from 1)."""
    return f"given_{fold}"


@dataclass(frozen=True)
class Manifest:
    """What one folder or CSV file offers.

    Attributes:
        table: one row per image to read, with MANIFEST_COLUMNS (`patient` is empty where nothing
            is known of it, `source` where the data set's name serves), `given_<k>` where the data
            bring a split, and any further columns of a CSV file.
        layout: name of the layout it was read as.
        notes: what the reader should know, one sentence each.
    """

    table: pd.DataFrame
    layout: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listing:
    """The files below a folder, sorted: those to open as images, and all others."""

    root: Path
    images: tuple[Path, ...]
    others: tuple[Path, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """Says how many files were passed over, because no file goes unaccounted for."""
        if not self.others:
            return ()
        kinds = sorted({path.suffix.lower() or "no suffix" for path in self.others})
        return (f"passed over as no images: {len(self.others)} ({', '.join(kinds)}).",)


def list_files(root: Path) -> Listing:
    """List `root` at any depth; hidden files and folders of operating systems don't count.

    A file counts as an image by its suffix or, so that a photo without one isn't lost, by its
    first bytes.

    Raises:
        DataError: there is no image, or a folder below is empty.
    """
    images: list[Path] = []
    others: list[Path] = []
    for path in _walk(root):
        if path.exists() and not path.is_file():  # a pipe or socket, on which reading would wait
            others.append(path)
            continue
        is_image = path.suffix.lower() in _IMAGE_SUFFIXES or _starts_like_an_image(path)
        (images if is_image else others).append(path)
    if not images:
        raise DataError(
            f"{root} has no images; expected one folder per category with images in it."
        )
    return Listing(root, tuple(images), tuple(others))


def _walk(root: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        here = os.path.realpath(folder)
        if here in seen:  # a link that leads back up would never end
            subfolders.clear()
            continue
        seen.add(here)
        subfolders[:] = sorted(
            name for name in subfolders if name[0] != "." and name not in _SYSTEM_FOLDERS
        )
        if not subfolders and not names and Path(folder) != root:
            raise DataError(
                f"The category folder {folder} is empty; put images into it or remove it."
            )
        yield from (
            Path(folder, name) for name in sorted(names) if name[0] != "." and name != "Thumbs.db"
        )


def _starts_like_an_image(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    riff_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return head.startswith(_MAGIC) or riff_webp or head[4:8] == b"ftyp"
