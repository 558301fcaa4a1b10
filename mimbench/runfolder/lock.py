"""One run at a time in a folder.

The lock is the kernel's, so that it ends with the process that holds it, however that ends; the
file's content only says who that is. filelock's own classes write to the file or remove it, so
only its lock of an open file is used. A system without any has no lock: there, two runs in one
folder do not notice each other.
"""

import json
import os
import platform
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import filelock

from mimbench.errors import OutputError
from mimbench.files import disk_full_as_error
from mimbench.scores.run_files import refuse_links

__all__ = ["check_free", "holder", "locked"]

LOCK = ".lock"
PATIENCE = 4
CONTENT = 1  # where it begins: Windows lets nobody else read the locked byte 0
# neither follows a link to somebody else's file nor waits for a pipe's other end
SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@contextmanager
def locked(folder: Path, command: str = "") -> Iterator[None]:
    """Hold `folder`, which is made if need be, for this process alone.

    Args:
        folder: of a run.
        command: what the user typed, for whoever else wants the folder.

    Raises:
        OutputError: another process holds it, it cannot be written, or something in it is a link.
    """
    refuse_links(folder, store=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _open(folder, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise OutputError(
            f"Cannot write to {folder}: {error.strerror}; choose another folder with --out."
        ) from error
    try:
        if not _take(descriptor):
            raise _in_use(folder, _who(descriptor))
        with disk_full_as_error(folder):
            _write(descriptor, json.dumps(_describe(command)))
        yield
        _write(descriptor, "")
    finally:
        os.close(descriptor)


def check_free(folder: Path) -> None:
    """Refuse early, before anything is read, what `locked` would refuse.

    Raises:
        OutputError: another process holds `folder`.
    """
    who = holder(folder)
    if who is not None:
        raise _in_use(folder, who)


def holder(folder: Path) -> str | None:
    """Who holds `folder`, in words; None if nobody does."""
    try:
        descriptor = _open(folder, os.O_RDONLY)
    except (OSError, OutputError):
        return None
    try:
        return None if _take(descriptor) else _who(descriptor)
    finally:
        os.close(descriptor)


def _open(folder: Path, flags: int) -> int:
    """A descriptor of the lock file, which must be a file of its own: it will be written to."""
    path = folder / LOCK
    if path.is_symlink():
        raise OutputError(f"{path} is a link, which a run does not follow; remove it.")
    descriptor = os.open(path, flags | SAFE, 0o644)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(descriptor)
        raise OutputError(f"{path} is not a file of its own; remove it.")
    return descriptor


def _take(descriptor: int) -> bool:
    """Whether the lock is ours now, until the descriptor is closed."""
    try:
        for _ in range(PATIENCE):  # `holder` locks too, for a moment
            if filelock.lock_descriptor(descriptor, blocking=False):
                return True
            time.sleep(0.05)
    except OSError:  # this system or file system has no locks
        return True
    return False


def _in_use(folder: Path, who: str) -> OutputError:
    return OutputError(
        f"Another run is at work in {folder}: {who}. Wait for it, stop it, or choose another "
        "folder with --out."
    )


def _who(descriptor: int) -> str:
    try:
        os.lseek(descriptor, CONTENT, os.SEEK_SET)
        said = json.loads(os.read(descriptor, 2**16))
        command = f" ({said['command']})" if said["command"] else ""
        return f"process {said['process']} on {said['host']}, since {said['since']}{command}"
    except (OSError, ValueError, KeyError, TypeError):  # it has the lock, but not written yet
        return "a process that has just begun"


def _describe(command: str) -> dict[str, object]:
    return {
        "process": os.getpid(),
        "host": platform.node(),
        "since": datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
        "command": command,
    }


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, (" " * CONTENT + text).encode())
