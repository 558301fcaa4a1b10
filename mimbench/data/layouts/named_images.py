"""Which image each row of somebody else's table names."""

import filecmp
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path, PurePath, PurePosixPath
from typing import TypeVar

from mimbench.data.reading.file_kinds import IMAGE_SUFFIXES
from mimbench.data.reading.file_names import on_disk, shown
from mimbench.errors import DataError

__all__ = ["images_of", "lead_out", "names_images"]

AnyPath = TypeVar("AnyPath", bound=PurePath)
Index = Mapping[str, Sequence[Path]]
Listed = Mapping[Path, Path]  # images by their path with the suffix in small letters


def images_of(
    cells: Sequence[str], images: Sequence[Path], root: Path, folder: Path
) -> dict[Path, list[int]]:
    """Each image that a table names, with the numbers of all rows that name it.

    A cell with folders names a file at that path alone, one with a suffix a file with it, whether
    that is in capitals or not. Folders with which all cells begin may be missing on disk: they tell
    no image from another.

    Args:
        cells: what each row calls its image.
        images: those in the folder.
        root: the folder.
        folder: of the table.

    Raises:
        DataError: a cell fits files of different content.
    """
    index = _index(images)
    listed = {_small(path): path for path in images}
    found: dict[Path, list[int]] = {}
    for row, cell in enumerate(cells):
        image = _at(cell, folder, listed)
        image = image or _one(cell, _fitting(_plain(cell), index))
        if image is not None:
            found.setdefault(image, []).append(row)
    return found or _without_common_folders(cells, listed, (root, folder))


def names_images(cells: Sequence[str], images: Sequence[Path], root: Path, folder: Path) -> int:
    """How many of the images a table names; of files that fit one cell, one counts."""
    index = _index(images)
    listed = {_small(path): path for path in images}
    fitting = [_at(cell, folder, listed) or _fitting(_plain(cell), index)[:1] for cell in cells]
    found = {image if isinstance(image, Path) else image[0] for image in fitting if image}
    return len(found or _without_common_folders(cells, listed, (root, folder)))


def lead_out(cells: Iterable[str], root: Path, folder: Path) -> bool:
    """Whether the path that a cell gives, there or not, lies outside of a folder.

    Args:
        cells: what each row calls its image.
        root: the folder.
        folder: of the table.
    """
    inside = os.path.join(os.path.abspath(root), "")  # noqa: PTH100, PTH118 - of many rows
    beside = os.path.abspath(folder)  # noqa: PTH100
    paths = (os.path.normpath(os.path.join(beside, on_disk(cell))) for cell in cells if cell)  # noqa: PTH118
    return not all(path.startswith(inside) for path in paths)


def _plain(cell: str) -> str:
    """The cell as a path with `/`, without what leads to the folder of the table."""
    return os.path.normpath(cell.replace("\\", "/")).replace(os.sep, "/").lstrip("./")


def _index(images: Sequence[Path]) -> Index:
    index: dict[str, list[Path]] = {}
    for path in images:
        for name in dict.fromkeys((_small(path).name, _stem(path.name))):
            index.setdefault(name, []).append(path)
    return index


def _at(cell: str, folder: Path, listed: Listed) -> Path | None:
    """The image at the path that a cell gives from the folder of its table, which may lead out."""
    path = Path(os.path.normpath(folder / on_disk(cell)))
    there = cell and os.path.isfile(path)  # noqa: PTH113 - a name may be too long
    return path if there else listed.get(_small(path))


def _fitting(cell: str, index: Index) -> Sequence[Path]:
    """The images whose path ends as the cell does; a cell may lack the suffix.

    Those with the suffix spelt as the cell does go before the others.
    """
    asked = PurePosixPath(cell)
    paths = index.get(_small(asked).name, ()) if asked.name else ()
    if "/" in cell:
        above = f"/{asked.parent.as_posix()}"
        paths = [path for path in paths if f"/{path.parent.as_posix()}".endswith(above)]
    exact = [path for path in paths if path.name == asked.name]
    return exact or paths


def _one(cell: str, paths: Sequence[Path]) -> Path | None:
    """The first of several copies of one file.

    Raises:
        DataError: they differ.
    """
    for other in paths[1:]:
        if not _same(paths[0], other):
            raise DataError(
                f"The table's '{cell}' fits two images of different content: {shown(paths[0])} and "
                f"{shown(other)}. Write the image's path from the table's folder, or move one of "
                "the files away."
            )
    return paths[0] if paths else None


def _same(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _without_common_folders(
    cells: Sequence[str], listed: Listed, places: Sequence[Path]
) -> dict[Path, list[int]]:
    """As `images_of`, with as few of the folders that all cells share left away as will do."""
    parts = {row: PurePosixPath(_plain(cell)).parts for row, cell in enumerate(cells) if cell}
    levels = [
        len(set(level)) == 1 for level in zip(*(path[:-1] for path in parts.values()), strict=False)
    ]
    for first, _ in enumerate(takewhile(bool, levels), 1):
        found: dict[Path, list[int]] = {}
        for row, path in parts.items():
            there = [_small(place.joinpath(*path[first:])) for place in places]
            if image := next((listed[path] for path in there if path in listed), None):
                found.setdefault(image, []).append(row)
        if found:
            return found
    return {}


def _small(path: AnyPath) -> AnyPath:
    """The path with the suffix of images in small letters."""
    stem = _stem(path.name)
    return path if stem == path.name else path.with_name(stem + path.name[len(stem) :].lower())


def _stem(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and f".{suffix.lower()}" in IMAGE_SUFFIXES else name
