"""A run used from another folder: its relative paths lead from where it was started."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["KEY", "start_folder", "started_in"]

KEY = "folder"  # of run.json: absolute path of the folder in which the run was started


def start_folder(record: Mapping[str, Any]) -> Path:
    """The folder in which a run was started, if this machine has it, or else the working folder.

    Args:
        record: contents of the run's run.json.
    """
    named = record.get(KEY)
    folder = Path(named) if isinstance(named, str) and "\0" not in named else Path()
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
