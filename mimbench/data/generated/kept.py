"""Generated pictures, drawn once: later runs map them from the user's cache.

A picture takes some milliseconds to draw, and every run of a generated data set asks for the same
hundreds of them. A file holds the pictures of one table at one size; its name says all that they
are made from, and its last bytes are the SHA-256 of the pixels. Before a file is used, that is
compared, and some pictures are drawn again.
"""

import hashlib
import os
import time
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
DIGEST = 32  # bytes of a SHA-256
DAY = 86_400  # seconds
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
    folder = _folder()
    if folder is None:
        return render(table, size)
    path = folder / f"{_address(render, table, size)}.npy"
    found = _read(path, (len(table), size, size, 3))
    if found is not None and _drawn_alike(found, render, table, size):
        return found
    drawn = render(table, size)
    _write(path, drawn)
    return drawn


def _folder() -> Path | None:
    """The user's cache; None for a user without a home."""
    cached = os.environ.get("XDG_CACHE_HOME")
    try:
        home = Path(cached) if cached else Path.home() / ".cache"
    except RuntimeError:
        return None
    return home / "mimbench" / "pictures"


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
    """The pictures in a file; None where there is none, another one or a damaged one."""
    try:
        found: Pixels = np.load(path, mmap_mode="r")
        with path.open("rb") as file:
            file.seek(-DIGEST, os.SEEK_END)
            digest = file.read()
    except (OSError, ValueError, EOFError):
        return None
    if found.shape != shape or found.dtype != np.uint8 or _digest(found) != digest:
        return None
    with suppress(OSError):  # a cache that cannot be written can be read
        os.utime(path)
    return found


def _digest(pixels: Pixels) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(pixels).data).digest()


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
            file.write(_digest(drawn))
        _make_room(path.parent)


def _make_room(folder: Path) -> None:
    for path in folder.glob("*.partial"):  # of a process that was killed
        if time.time() - path.stat().st_mtime > DAY:
            path.unlink(missing_ok=True)
    files = sorted(folder.glob("*.npy"), key=lambda path: path.stat().st_mtime, reverse=True)
    sizes = np.cumsum([path.stat().st_size for path in files])
    for path, total in zip(files, sizes.tolist(), strict=True):
        if total > MOST_BYTES:
            path.unlink(missing_ok=True)
