"""Whether anything in a folder changed, as far as that is known without reading its files."""

import hashlib
import os
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from mimbench.files import entries_below, file_stamp

__all__ = ["FolderState", "folder_state"]


class FolderState(NamedTuple):
    """What lies below a folder.

    Attributes:
        digest: SHA-256 of all paths, and of the stamp of each file.
        changed: the latest time of a file, nanoseconds since 1970.
    """

    digest: str
    changed: int


def folder_state(folder: Path) -> FolderState | None:
    """What lies below a folder at any depth, hidden files too.

    Returns:
        None where that does not say what would be read: the path is no folder, or something below
        it is a link to a folder, a broken link, or cannot be looked at.
    """
    digest, changed = hashlib.sha256(os.path.realpath(folder).encode(errors="surrogateescape")), 0
    try:
        for entry in sorted(entries_below(folder), key=attrgetter("path")):
            stamp: tuple[int, ...] = ()
            if not entry.is_dir():
                stamp = file_stamp(entry.path)
                changed = max(changed, *stamp[-2:])
            elif entry.is_symlink():
                return None
            digest.update(f"{entry.path}\0{stamp}\0".encode(errors="surrogateescape"))
    except OSError:
        return None
    return FolderState(digest.hexdigest(), changed)
