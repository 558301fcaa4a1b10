"""Files that are written whole or not at all, sentences for what stops a write, and hashes."""

import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mimbench.errors import OutputError

__all__ = [
    "FULL",
    "PARTIAL",
    "FileHashes",
    "atomic_write",
    "cache_record",
    "create",
    "digests_by_name",
    "disk_full_as_error",
    "entries_below",
    "file_hash",
    "file_stamp",
    "user_cache",
]

PARTIAL = ".partial"  # end of the names of files that are not complete yet
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def atomic_write(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Write to the yielded path; it takes the place of `path` only when complete and on disk.

    Nothing is written through a link: the yielded file is new, and a link that stands at `path` is
    itself replaced.

    Args:
        path: of the file.
        durable: wait until the disk has it; for one of many files that can be made again, that
            takes too long.

    Raises:
        OutputError: the file cannot be written.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
    try:
        with disk_full_as_error(path.parent):
            os.close(create(partial))
            yield partial
            if durable:
                with partial.open("r+b") as file:  # Windows syncs what is open for writing alone
                    os.fsync(file.fileno())
            partial.replace(path)
    except BaseException as error:
        if not partial.is_dir():
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OutputError(f"Cannot write {path}: {error.strerror or error}.") from error
        raise


def create(path: Path, mode: int = 0o666) -> int:
    """Make a new file, in place of what a process of the same number may have left there.

    Returns:
        A descriptor, open for writing.
    """
    path.unlink(missing_ok=True)
    return os.open(path, NEW, mode)


@contextmanager
def disk_full_as_error(folder: Path) -> Iterator[None]:
    """Say in one sentence what keeps a process from writing to `folder`.

    Raises:
        OutputError: the disk is full, a file would exceed the process's limit, or the folder was
            deleted.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise OutputError(
                f"No space left for {folder}. What is stored there is kept: free some space and "
                "repeat the command."
            ) from error
        if error.errno == errno.EFBIG:
            raise OutputError(
                f"A file in {folder} would become larger than this process may write (ulimit -f). "
                "Raise the limit and repeat the command."
            ) from error
        if error.errno == errno.ENOENT and not folder.is_dir():
            raise OutputError(
                f"The folder {folder} is gone: it was deleted or moved during the command. Repeat "
                "the command."
            ) from error
        raise


def entries_below(
    folder: Path, on_error: Callable[[OSError], None] | None = None
) -> Iterator["os.DirEntry[str]"]:
    """All that lies below a folder, at any depth; links are entries and are not followed.

    Args:
        folder: where to begin.
        on_error: is told why a folder cannot be opened, which is passed over then.

    Raises:
        OSError: a folder cannot be opened, and nobody is to be told.
    """
    folders = [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as scanned:
                entries = list(scanned)
        except OSError as error:
            if on_error is None:
                raise
            on_error(error)
            continue
        yield from entries
        folders += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]


class FileHashes:
    """SHA-256 of files, each of which is read once unless it changes."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}

    def __call__(self, path: Path) -> str:
        """SHA-256 (hex) of a file's bytes as they are now."""
        stamp = file_stamp(path)
        known = self._known.get(path)
        if known is None or known[0] != stamp:
            known = self._known[path] = (stamp, file_hash(path))
        return known[1]

    @property
    def known(self) -> dict[Path, str]:
        """SHA-256 of all files that were asked for, as they were then."""
        return {path: digest for path, (_, digest) in self._known.items()}


def file_stamp(path: Path | str) -> tuple[int, ...]:
    """What is another where a file was written to or replaced, without reading it.

    The last two numbers are times of change, nanoseconds since 1970. Programs can set the first of
    them; the second is the system's own, but on Windows it is the time when the file was made. Two
    changes may have one time, where the clock of the file system is coarse.
    """
    found = os.stat(path)  # noqa: PTH116 - a Path for each of many files takes longer than this
    file = found.st_dev, found.st_ino, found.st_mode, found.st_size
    return (*file, found.st_mtime_ns, found.st_ctime_ns)


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests_by_name(files: Iterable[Sequence[str]]) -> dict[str, str]:
    """SHA-256 by the name of a file; of several files with one name all of them, joined by "+"."""
    found: dict[str, list[str]] = {}
    for name, digest in files:
        found.setdefault(name, []).append(digest)
    return {name: "+".join(digests) for name, digests in found.items()}


def user_cache() -> Path | None:
    """Folder of what can be made again, for this user; None for a user without a home."""
    named = os.environ.get("XDG_CACHE_HOME")
    try:
        home = Path(named) if named else Path.home() / ".cache"
    except RuntimeError:
        return None
    return home / "mimbench"


def cache_record(kind: str, folder: Path) -> Path | None:
    """Where this user's cache keeps a record about a folder; None for a user without a home.

    Args:
        kind: of the record.
        folder: that it is about, wherever that lies.
    """
    cache = user_cache()
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32]
    return None if cache is None else cache / kind / f"{name}.json"
