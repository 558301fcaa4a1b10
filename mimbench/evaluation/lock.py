"""One run at a time in a folder.

The lock is the kernel's (`flock`), so that it ends with the process that holds it, however that
ends; the file's content only says who that is.
"""

import fcntl
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from mimbench.errors import OutputError

__all__ = ["check_free", "holder", "locked"]

LOCK = ".lock"
PATIENCE = 4


@contextmanager
def locked(folder: Path, command: str = "") -> Iterator[None]:
    """Hold `folder`, which is made if need be, for this process alone.

    Args:
        folder: of a run.
        command: what the user typed, for whoever else wants the folder.

    Raises:
        OutputError: another process holds it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise OutputError(
            f"Cannot write to {folder}: {error.strerror}; choose another folder with --out."
        ) from error
    try:
        if not _take(descriptor):
            raise _in_use(folder)
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
    if holder(folder) is not None:
        raise _in_use(folder)


def holder(folder: Path) -> str | None:
    """Who holds `folder`, in words; None if nobody does."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _who(folder)
    finally:
        os.close(descriptor)
    return None


def _take(descriptor: int) -> bool:
    for _ in range(PATIENCE):  # `holder` locks too, for a moment
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return True
    return False


def _in_use(folder: Path) -> OutputError:
    return OutputError(
        f"Another run is at work in {folder}: {_who(folder)}. Wait for it, stop it, or choose "
        "another folder with --out."
    )


def _who(folder: Path) -> str:
    try:
        said = json.loads((folder / LOCK).read_text(encoding="utf-8"))
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
    os.pwrite(descriptor, text.encode(), 0)
