"""Pictures that were decoded or drawn once: later runs and worker processes map them from a file.

The pictures of one table at one size are one array in the user's cache, which nobody needs to hold
in memory. It is made chunk by chunk, so that a killed process leaves what it has made. A line per
chunk says what its pictures were made from, and has the SHA-256 of the chunk; both are compared
before a chunk is used.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2
import filelock
import numpy as np
import PIL
from numpy.typing import NDArray

from mimbench.files import user_cache

__all__ = ["Entry", "Maker", "kept_pictures"]

Pixels = NDArray[np.uint8]
Entry = Mapping[str, Any]
FEWEST = 50  # pictures that are worth a file
CHUNK = 256  # pictures
MOST_BYTES = 20 * 2**30  # of all files; the ones not used for the longest time go
DAY = 86_400  # seconds
UNUSED = 30 * DAY  # after which pictures are removed, since photos may show people
OURS = re.compile(r"[0-9a-f]{32}(\.partial)?\.(npy|jsonl|lock)")
OWN = 0o600  # files that only the user reads
CODE = ("reading", "generated")  # folders of `mimbench.data` that decide what a picture looks like


@dataclass(frozen=True)
class Maker:
    """How pictures are made.

    Attributes:
        shape: of all pictures: (N, S, S, 3).
        names: what they are made from: all that says which pictures these are.
        make: the pixels and entries of rows from a first one up to a last one.
        same: whether these are still the pixels and entries of such rows.
    """

    shape: tuple[int, int, int, int]
    names: Sequence[str]
    make: Callable[[int, int], tuple[Pixels, list[Entry]]]
    same: Callable[[int, int, Pixels, list[Entry]], bool]


def kept_pictures(maker: Maker) -> tuple[Pixels, list[Entry]]:
    """All pictures of a table, made now or as an earlier process of this user made them.

    Returns:
        uint8 (N, S, S, 3), RGB, perhaps mapped from a file that nobody writes to; and per picture
        what `make` said of it.
    """
    folder = _folder() if maker.shape[0] >= FEWEST else None
    if folder is None:
        return maker.make(0, maker.shape[0])
    try:
        return _from_file(folder, maker)
    except (OSError, filelock.Timeout):  # a cache that cannot be used costs nothing but time
        return maker.make(0, maker.shape[0])


def _from_file(folder: Path, maker: Maker) -> tuple[Pixels, list[Entry]]:
    place = folder / hashlib.sha256("/".join([_code(), *maker.names]).encode()).hexdigest()[:32]
    kept = _File(place, maker)
    found = kept.read()
    if found is not None:
        os.utime(kept.array_file)
        return found
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)  # photos may show people
    _make_room(folder, place, maker)
    with filelock.FileLock(place.with_suffix(".lock"), timeout=0, mode=OWN):
        unfinished = _File(place.with_suffix(".partial"), maker)
        found = unfinished.complete(kept)
        unfinished.rename(kept)
    return found


def _folder() -> Path | None:
    """In $MIMBENCH_PICTURES or the user's cache; None for "none" and a user without a home.

    It is a folder of our own, also in one that the user names: only our files are removed.
    """
    named = os.environ.get("MIMBENCH_PICTURES")
    if named:
        return None if named == "none" else Path(named) / "mimbench-pictures"
    home = user_cache()
    return None if home is None else home / "pictures"


@cache
def _code() -> str:
    """SHA-256 of what makes pictures: our code, and versions of the libraries."""
    digest = hashlib.sha256()
    for part in CODE:
        for path in sorted((Path(__file__).parents[1] / part).rglob("*.py")):
            digest.update(path.read_bytes())
    for library in (np, cv2, PIL):
        digest.update(f"{library.__name__} {library.__version__}/".encode())
    digest.update(_heif().encode())
    return digest.hexdigest()


def _heif() -> str:
    """Version of what decodes HEIC photos; empty where it is not installed."""
    try:
        return version("pillow-heif")
    except PackageNotFoundError:
        return ""


class _File:
    """An array of pictures, and the lines that say what they are."""

    def __init__(self, place: Path, maker: Maker) -> None:
        self.maker = maker
        self.array_file = place.with_name(f"{place.name}.npy")
        self.lines_file = place.with_name(f"{place.name}.jsonl")

    def pixels(self) -> Pixels:
        found: Pixels = np.asarray(np.load(self.array_file, mmap_mode="r"))
        if found.shape != self.maker.shape or found.dtype != np.uint8:
            raise OSError("an array of other pictures")
        return found

    def read(self) -> tuple[Pixels, list[Entry]] | None:
        """Every picture and what is known of it; None unless all are there and as they should be.

        The array is opened once: another process may put a new one in its place meanwhile.
        """
        pixels, chunks = self.chunks()
        found: list[Entry] = []
        for start in range(0, self.maker.shape[0], CHUNK):
            own = chunks.get(start)
            if pixels is None or own is None or not self.holds(start, own, pixels):
                return None
            found += own["entries"]
        return None if pixels is None else (pixels, found)

    def chunks(self) -> tuple[Pixels | None, dict[int, dict[str, Any]]]:
        """The array, and lines by the first picture of their chunk, not yet compared with it."""
        try:
            pixels = self.pixels()
            lines = self.lines_file.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            return None, {}
        found = {}
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):  # a line that was cut off
                chunk = json.loads(line)
                found[int(chunk["start"])] = chunk
        return pixels, found

    def holds(self, start: int, chunk: Mapping[str, Any], pixels: Pixels) -> bool:
        """Whether a chunk of the array is as it was written, and would be made so again."""
        stop = min(start + CHUNK, self.maker.shape[0])
        own, entries = pixels[start:stop], chunk.get("entries")
        if not isinstance(entries, list) or len(entries) != stop - start:
            return False
        whole = chunk.get("digest") == _digest(own, entries)
        return whole and self.maker.same(start, stop, own, entries)

    def complete(self, other: "_File") -> tuple[Pixels, list[Entry]]:
        """Make what is missing; take from the other file what it has."""
        own, before = self.chunks()
        their, theirs = other.chunks()
        array = self._begun() if own is not None and before else self._new()
        found: list[Entry] = []
        with open(self.lines_file, "a", encoding="utf-8", opener=_own) as lines:
            lines.write("\n")  # the last line may have been cut off
            for start in range(0, self.maker.shape[0], CHUNK):
                stop = min(start + CHUNK, self.maker.shape[0])
                if own is not None and start in before and self.holds(start, before[start], own):
                    found += before[start]["entries"]
                    continue
                if (
                    their is not None
                    and start in theirs
                    and other.holds(start, theirs[start], their)
                ):
                    pixels, entries = their[start:stop], theirs[start]["entries"]
                else:
                    pixels, entries = self.maker.make(start, stop)
                array[start:stop] = pixels
                digest = _digest(array[start:stop], entries)
                chunk = {"start": start, "digest": digest, "entries": entries}
                lines.write(json.dumps(chunk, default=_number) + "\n")
                lines.flush()
                found += json.loads(json.dumps(entries, default=_number))
        array.flush()
        return self.pixels(), found

    def _begun(self) -> np.memmap[Any, np.dtype[np.uint8]]:
        """The array that a killed process left."""
        return np.lib.format.open_memmap(self.array_file, "r+")

    def _new(self) -> np.memmap[Any, np.dtype[np.uint8]]:
        """An empty array, whose room on the disk is taken at once: a hole would end the process."""
        self.lines_file.unlink(missing_ok=True)
        self.array_file.unlink(missing_ok=True)
        self.array_file.touch(mode=OWN)
        array = np.lib.format.open_memmap(
            self.array_file, "w+", dtype=np.uint8, shape=self.maker.shape
        )
        if hasattr(os, "posix_fallocate"):
            try:
                with self.array_file.open("r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, self.array_file.stat().st_size)
            except OSError:
                self.array_file.unlink(missing_ok=True)
                raise
        return array

    def rename(self, other: "_File") -> None:
        """Take the place of the other file; who has mapped that one keeps it."""
        self.lines_file.replace(other.lines_file)
        self.array_file.replace(other.array_file)


def _digest(pixels: Pixels, entries: Sequence[Entry]) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(pixels).data)
    digest.update(json.dumps(entries, default=_number).encode())
    return digest.hexdigest()


def _number(value: Any) -> Any:
    return value.item()  # of numpy


def _own(path: str, flags: int) -> int:
    return os.open(path, flags, OWN)


def _make_room(folder: Path, place: Path, maker: Maker) -> None:
    """Remove what was not used for long; too little space for new pictures is an OSError.

    Args:
        folder: of all pictures; files in it that have other names than ours stay.
        place: of the new pictures, whose own files stay, too.
        maker: of the new pictures.
    """
    needed = int(np.prod(maker.shape))
    if needed > MOST_BYTES:
        raise OSError("too little space")
    ours = [path for path in folder.iterdir() if OURS.fullmatch(path.name)]
    others = [path for path in ours if path.name.split(".")[0] != place.name]
    used = {path: path.stat().st_mtime for path in others if path.suffix == ".npy"}
    total = needed
    for array in sorted(used, key=lambda path: used[path], reverse=True):
        total += array.stat().st_size
        if total > MOST_BYTES or time.time() - used[array] > UNUSED:
            for path in (array, array.with_suffix(".jsonl")):
                path.unlink(missing_ok=True)
    for path in filter(Path.exists, others):  # what a killed process left beside no array
        alone = path.suffix != ".npy" and not path.with_suffix(".npy").exists()
        if alone and time.time() - path.stat().st_mtime > UNUSED:
            path.unlink(missing_ok=True)
    if shutil.disk_usage(folder).free < 2 * needed:
        raise OSError("too little space")
