"""Files that are written whole or not at all, a sentence when the disk is full, and hashes."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mimbench.errors import OutputError

__all__ = ["PARTIAL", "file_hash", "room", "sweep", "whole"]

PARTIAL = ".partial"  # end of the names of files that are not complete yet
FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Write to the yielded path; it takes the place of `path` only when complete and on disk.

    Raises:
        OutputError: the disk is full.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
    try:
        with room(path.parent):
            yield partial
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def room(folder: Path) -> Iterator[None]:
    """Say in one sentence that the disk is full, when something that writes to `folder` finds so.

    Raises:
        OutputError: the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise OutputError(
            f"No space left for {folder}. What is stored there stays: make room, and the same "
            "command goes on."
        ) from error


def sweep(folder: Path) -> None:
    """Remove what killed processes left unfinished; nobody may be writing to `folder`."""
    for path in folder.rglob(f"*{PARTIAL}"):
        path.unlink(missing_ok=True)


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
