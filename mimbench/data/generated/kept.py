"""Generated pictures, drawn once: later runs map them from the user's cache.

A picture takes some milliseconds to draw, and every run of a generated data set asks for the same
hundreds of them. A file holds the pictures of one table at one size; its name says all that they
are made from. Some are drawn again and compared before a file is used.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pandas as pd
import PIL
from numpy.typing import NDArray

from mimbench.errors import OutputError
from mimbench.files import atomic_write

__all__ = ["kept_pictures"]

Pixels = NDArray[np.uint8]
FEWEST = 50  # pictures that are worth a file
MOST_BYTES = 2**30  # of all files; the ones not used for the longest time go
TRIED = 4  # pictures of a file that are drawn again
LIBRARIES: tuple[ModuleType, ...] = (np, cv2, PIL)  # whose version may change a picture


def kept_pictures(
    render: Callable[[pd.DataFrame, int], Pixels], table: pd.DataFrame, size: int
) -> Pixels:
    """The pictures of a table, drawn or as an earlier process of this user drew them.

    Args:
        render: draws the pictures of a table at a size.
        table: rows with `image_id`, `seed` and `index`.
        size: side in pixels.

    Returns:
        uint8 (N, size, size, 3), RGB, perhaps mapped from a file that nobody writes to.
    """
    if len(table) < FEWEST:
        return render(table, size)
    path = _folder() / f"{_address(render, table, size)}.npy"
    found = _read(path, (len(table), size, size, 3))
    if found is not None and _drawn_alike(found, render, table, size):
        return found
    drawn = render(table, size)
    _write(path, drawn)
    return drawn


def _folder() -> Path:
    cached = os.environ.get("XDG_CACHE_HOME")
    return (Path(cached) if cached else Path.home() / ".cache") / "mimbench" / "pictures"


def _address(render: Callable[..., Pixels], table: pd.DataFrame, size: int) -> str:
    parts = (render.__module__, size, _code(), *table["image_id"])
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:32]


@cache
def _code() -> str:
    """SHA-256 of what draws: the code of the generators, and versions of the libraries."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    for library in LIBRARIES:
        digest.update(f"{library.__name__} {library.__version__}/".encode())
    return digest.hexdigest()


def _read(path: Path, shape: tuple[int, ...]) -> Pixels | None:
    """The pictures in a file; None where there is none, or another one."""
    try:
        found = np.load(path, mmap_mode="r")
        os.utime(path)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.shape == shape and found.dtype == np.uint8 else None


def _drawn_alike(
    found: Pixels, render: Callable[[pd.DataFrame, int], Pixels], table: pd.DataFrame, size: int
) -> bool:
    """Whether this machine would draw the same; others may differ by a level."""
    rows = np.unique(np.linspace(0, len(table) - 1, TRIED).astype(int))
    return bool(np.array_equal(found[rows], render(table.iloc[rows], size)))


def _write(path: Path, drawn: Pixels) -> None:
    """Keep pictures, if the cache can be written and has room."""
    if drawn.nbytes > MOST_BYTES:
        return
    with suppress(OSError, OutputError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, durable=False) as partial, partial.open("wb") as file:
            np.save(file, drawn)
        _make_room(path.parent)


def _make_room(folder: Path) -> None:
    files = sorted(folder.glob("*.npy"), key=lambda path: path.stat().st_mtime, reverse=True)
    sizes = np.cumsum([path.stat().st_size for path in files])
    for path, total in zip(files, sizes.tolist(), strict=True):
        if total > MOST_BYTES:
            path.unlink(missing_ok=True)
