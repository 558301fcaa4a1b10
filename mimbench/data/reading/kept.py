"""Pictures that were decoded or drawn once: later runs and worker processes map them from a file.

The pictures of one table at one size are one array in the user's cache, which nobody needs to hold
in memory. It is made chunk by chunk, so that a killed process leaves what it has made. A line per
chunk says what its pictures were made from, and has the SHA-256 of the chunk; both are compared
before a chunk is used.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import filelock
import numpy as np
import PIL
from numpy.typing import NDArray

__all__ = ["Entry", "Maker", "kept_pictures"]

Pixels = NDArray[np.uint8]
Entry = Mapping[str, Any]
FEWEST = 50  # pictures that are worth a file
CHUNK = 256  # pictures
MOST_BYTES = 20 * 2**30  # of all files; the ones not used for the longest time go
DAY = 86_400  # seconds
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
    entries = kept.entries()
    if entries is not None:
        os.utime(kept.array_file)
        return kept.pixels(), entries
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # photos may show people
    _make_room(folder, maker)
    with filelock.FileLock(place.with_suffix(".lock"), timeout=0):
        unfinished = _File(place.with_suffix(".partial"), maker)
        entries = unfinished.complete(kept)
        unfinished.rename(kept)
    return kept.pixels(), entries


def _folder() -> Path | None:
    """$MIMBENCH_PICTURES or the user's cache; None for "none" and for a user without a home."""
    named = os.environ.get("MIMBENCH_PICTURES")
    if named:
        return None if named == "none" else Path(named)
    cached = os.environ.get("XDG_CACHE_HOME")
    try:
        home = Path(cached) if cached else Path.home() / ".cache"
    except RuntimeError:
        return None
    return home / "mimbench" / "pictures"


@cache
def _code() -> str:
    """SHA-256 of what makes pictures: our code, and versions of the libraries."""
    digest = hashlib.sha256()
    for part in CODE:
        for path in sorted((Path(__file__).parents[1] / part).rglob("*.py")):
            digest.update(path.read_bytes())
    for library in (np, cv2, PIL):
        digest.update(f"{library.__name__} {library.__version__}/".encode())
    return digest.hexdigest()


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

    def entries(self) -> list[Entry] | None:
        """What is known of every picture; None unless all are there and as they should be."""
        chunks = self.chunks()
        found: list[Entry] = []
        for start in range(0, self.maker.shape[0], CHUNK):
            own = chunks.get(start)
            if own is None or not self.holds(start, own):
                return None
            found += own["entries"]
        return found

    def chunks(self) -> dict[int, dict[str, Any]]:
        """Lines by the first picture of their chunk, not yet compared with the pictures."""
        try:
            self.pixels()
            lines = self.lines_file.read_text("utf-8").splitlines()
        except (OSError, ValueError):
            return {}
        found = {}
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):  # a line that was cut off
                chunk = json.loads(line)
                found[int(chunk["start"])] = chunk
        return found

    def holds(self, start: int, chunk: Mapping[str, Any]) -> bool:
        """Whether a chunk is as it was written, and would be made so again."""
        stop = min(start + CHUNK, self.maker.shape[0])
        pixels, entries = self.pixels()[start:stop], chunk.get("entries")
        if not isinstance(entries, list) or len(entries) != stop - start:
            return False
        whole = chunk.get("digest") == _digest(pixels, entries)
        return whole and self.maker.same(start, stop, pixels, entries)

    def complete(self, other: "_File") -> list[Entry]:
        """Make what is missing; take from the other file what it has."""
        before, theirs = self.chunks(), other.chunks()
        if not before:
            self.lines_file.unlink(missing_ok=True)
        mode = "r+" if before else "w+"
        array = np.lib.format.open_memmap(
            self.array_file, mode, dtype=np.uint8, shape=self.maker.shape
        )
        found: list[Entry] = []
        with self.lines_file.open("a", encoding="utf-8") as lines:
            lines.write("\n")  # the last line may have been cut off
            for start in range(0, self.maker.shape[0], CHUNK):
                stop = min(start + CHUNK, self.maker.shape[0])
                if start in before and self.holds(start, before[start]):
                    found += before[start]["entries"]
                    continue
                if start in theirs and other.holds(start, theirs[start]):
                    pixels, entries = other.pixels()[start:stop], theirs[start]["entries"]
                else:
                    pixels, entries = self.maker.make(start, stop)
                array[start:stop] = pixels
                digest = _digest(array[start:stop], entries)
                chunk = {"start": start, "digest": digest, "entries": entries}
                lines.write(json.dumps(chunk, default=_number) + "\n")
                lines.flush()
                found += json.loads(json.dumps(entries, default=_number))
        array.flush()
        return found

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


def _make_room(folder: Path, maker: Maker) -> None:
    """Remove what was not used for long; too little space on the disk is an OSError."""
    needed = int(np.prod(maker.shape))
    for path in folder.glob("*.partial.*"):  # of a process that was killed and never repeated
        if time.time() - path.stat().st_mtime > 7 * DAY:
            path.unlink(missing_ok=True)
    files = sorted(folder.glob("*.npy"), key=lambda path: path.stat().st_mtime, reverse=True)
    total = needed
    for path in files:
        total += path.stat().st_size
        if total > MOST_BYTES and ".partial" not in path.name:
            path.unlink(missing_ok=True)
            path.with_suffix(".jsonl").unlink(missing_ok=True)
    if needed > MOST_BYTES or shutil.disk_usage(folder).free < 2 * needed:
        raise OSError("too little space")
