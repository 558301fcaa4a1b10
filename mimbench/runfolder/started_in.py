"""A run used from another folder: its relative paths lead from where it was started."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from mimbench.runfolder.info import RunInfo

__all__ = ["start_folder", "started_in"]


def start_folder(info: RunInfo) -> Path:
    """The folder in which a run was started, if this machine has it, or else the working folder."""
    folder = Path(info.folder) if "\0" not in info.folder else Path()
    return folder if folder.is_absolute() and folder.is_dir() else Path.cwd()


@contextlib.contextmanager
def started_in(folder: Path) -> Iterator[None]:
    """Work in `folder` for a while."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
