"""From a file's bytes to RGB uint8 at the canonical size, or the reason why not."""

import hashlib
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from mimbench.data.reading.colours import upright_rgb
from mimbench.data.reading.file_facts import border_facts, header_facts
from mimbench.data.reading.harmonise import reencode
from mimbench.data.reading.memory import BUDGET, MAX_MEMORY, Budget, decoding_bytes
from mimbench.data.reading.metadata import without_metadata
from mimbench.data.reading.opening import (
    Unreadable,
    file_bytes,
    further_frames,
    opened,
    pillow_limits,
)
from mimbench.data.reading.photo import Photo, WholePhoto

__all__ = [
    "MIN_SIDE",
    "decode",
    "decode_whole",
    "each_whole_picture",
    "finish",
    "read_photos",
    "read_whole",
    "share_memory",
]

MIN_SIDE = 16

_LARGE_FILE = 32 * 2**20  # bytes; of files above it one is read at a time
_budget = Budget(BUDGET)
_large_file = Lock()

Result = TypeVar("Result")


def read_photos(paths: Sequence[Path], size: int, harmonise: bool = False) -> list[Photo | str]:
    """Read and decode many files with a few threads, in the order given.

    Threads decode at the same time while their images fit into memory.BUDGET together.

    Args:
        paths: of the files.
        size: canonical size, pixels.
        harmonise: give all pictures the same history first, see `harmonise.reencode`.

    Returns:
        For each path a Photo at `size` pixels a side, or the reason why it is none.
    """
    workers = min(8, os.cpu_count() or 1)
    with pillow_limits(), ThreadPoolExecutor(workers) as pool:
        decoded = partial(_decode, size=size, harmonise=harmonise)
        return list(pool.map(lambda path: _read(path, decoded), paths))


def read_whole(path: Path) -> WholePhoto | str:
    """Read and decode one file at its own size, or the reason why not."""
    with pillow_limits():
        return _read(path, _decode_whole)


def each_whole_picture(
    paths: Sequence[Path], side: int, use: Callable[[Image.Image], Result]
) -> list[Result | None]:
    """What `use` makes of each file's whole picture, computed by a few threads.

    Args:
        paths: of the files.
        side: pictures have about `side`² pixels, or as few as their files.
        use: is given the picture, upright and in RGB.

    Returns:
        In the order of `paths`; None where the file is no photo or is gone.
    """

    def made(path: Path) -> Result | None:
        picture = _read(path, partial(_reduced, side=side))
        return None if isinstance(picture, str) else use(picture)

    workers = min(8, os.cpu_count() or 1)
    with pillow_limits(), ThreadPoolExecutor(workers) as pool:
        return list(pool.map(made, paths))


def share_memory(processes: int, alone: AbstractContextManager[Any]) -> None:
    """Divide this process's budget of memory by the number of processes that decode.

    Args:
        processes: how many there are.
        alone: a lock that they share, for images that are larger than a process's part.
    """
    global _budget
    _budget = Budget(BUDGET // processes, alone)


def decode(data: bytes, size: int, harmonise: bool = False) -> Photo:
    """Decode one file to RGB uint8, `size` pixels a side.

    The short side is resized to `size` with a Lanczos filter, which averages over all pixels it
    leaves out (no aliasing that a detector could mistake for texture), and the middle square is
    kept: squeezing would change the shape of lesions by the photo's format, padding would add
    borders that tell collections apart.

    EXIF orientation is applied, transparency is laid on white, 16 bits become 8, and of an
    animation the first picture counts. Colour profiles are not applied. Metadata that cannot be
    read is left out; the pixels count.

    Raises:
        Unreadable: with the reason.
    """
    with pillow_limits():
        return _decode(data, size, harmonise)


def decode_whole(data: bytes) -> WholePhoto:
    """Decode one file to RGB uint8 at its own size, with the same pixels as `decode`.

    Raises:
        Unreadable: with the reason.
    """
    with pillow_limits():
        return _decode_whole(data)


def finish(
    rgb: Image.Image, header: Mapping[str, float], size: int, harmonise: bool
) -> tuple[npt.NDArray[np.uint8], Mapping[str, float]]:
    """Bring a decoded picture to the canonical square.

    Returns:
        uint8 (size, size, 3), and FACTS of the file that it was made from.
    """
    if harmonise:
        data = reencode(rgb, size)
        with opened(data) as image:
            header = header_facts(image, *image.size, len(data))
            rgb = image.convert("RGB")
    side = min(rgb.size)
    left, top = (rgb.width - side) / 2, (rgb.height - side) / 2
    box = (left, top, left + side, top + side)
    square = rgb.resize((size, size), Image.Resampling.LANCZOS, box=box)
    return np.asarray(square), {**header, **border_facts(rgb)}


def _read(path: Path, use: Callable[[bytes], Result]) -> Result | str:
    try:
        with _one_large_file(path):
            return use(file_bytes(path))
    except Unreadable as error:
        return str(error)


@contextmanager
def _one_large_file(path: Path) -> Iterator[None]:
    try:
        large = path.stat().st_size > _LARGE_FILE
    except OSError:  # reading it will say why
        large = False
    if not large:
        yield
        return
    with _large_file:
        yield


def _decode(data: bytes, size: int, harmonise: bool) -> Photo:
    sha256 = hashlib.sha256(data).hexdigest()

    def photo(image: Image.Image) -> tuple[Photo, str]:
        width, height = image.size
        name = image.format or "unknown"
        header = header_facts(image, width, height, len(data))
        image.draft("RGB", (4 * size, 4 * size))  # a JPEG much larger than needed, coarsely
        with _reserved(image, width * height):
            rgb, problem = upright_rgb(image)
            if (rgb.width > rgb.height) != (width > height):
                width, height = height, width
            pixels, facts = finish(rgb, header, size, harmonise)
        found = Photo(pixels, sha256, width, height, name, facts)
        return found, _left_out(problem, further_frames(data, name))

    found, problem = _with_or_without_metadata(data, photo)
    return replace(found, dropped=problem)


def _decode_whole(data: bytes) -> WholePhoto:
    def photo(image: Image.Image) -> tuple[npt.NDArray[np.uint8], str]:
        with _reserved(image, image.width * image.height):
            rgb, problem = upright_rgb(image)
            return np.asarray(rgb), _left_out(problem, further_frames(data, image.format))

    pixels, problem = _with_or_without_metadata(data, photo)
    return WholePhoto(pixels, hashlib.sha256(data).hexdigest(), problem)


def _reduced(data: bytes, side: int) -> Image.Image:
    """The whole picture with about `side`² pixels."""

    def picture(image: Image.Image) -> tuple[Image.Image, str]:
        whole = image.width * image.height
        image.draft("RGB", (2 * side, 2 * side))
        with _reserved(image, whole):
            rgb, problem = upright_rgb(image)
            factor = side / math.sqrt(rgb.width * rgb.height)
            size = max(1, round(factor * rgb.width)), max(1, round(factor * rgb.height))
            smaller = rgb.resize(size, Image.Resampling.LANCZOS) if factor < 1 else rgb.copy()
        return smaller, problem

    found, _ = _with_or_without_metadata(data, picture)
    return found


def _left_out(*parts: str) -> str:
    return " and ".join(filter(None, parts))


def _with_or_without_metadata(
    data: bytes, use: Callable[[Image.Image], tuple[Result, str]]
) -> tuple[Result, str]:
    """What `use` makes of the image; if that fails, of the same pixels without their metadata."""
    try:
        return _attempt(data, use)
    except Unreadable as first:
        bare = without_metadata(data)
        if bare is None:
            raise
        try:
            result, _ = _attempt(bare, use)
        except Unreadable:
            raise first from None
        return result, f"its metadata ({first})"


def _attempt(data: bytes, use: Callable[[Image.Image], tuple[Result, str]]) -> tuple[Result, str]:
    try:
        with opened(data) as image:
            if min(image.size) < MIN_SIDE:
                raise Unreadable(
                    f"{image.width}×{image.height} pixels; the short side must have {MIN_SIDE} or "
                    "more"
                )
            return use(image)
    except Unreadable:
        raise
    # Malformed files make Pillow's plug-ins raise nearly anything, and none may end a run.
    except Exception as error:
        raise Unreadable(f"broken image: {str(error) or type(error).__name__}") from error


@contextmanager
def _reserved(image: Image.Image, whole: int) -> Iterator[None]:
    needed = decoding_bytes(image, whole)
    if needed > MAX_MEMORY:
        raise Unreadable(
            f"decoding it takes {needed / 1e9:.1f} GB of memory; at most {MAX_MEMORY / 1e9:.1f} GB"
        )
    with _budget.reserve(needed):
        yield
