"""A run used from another folder: its relative paths lead from where it was started."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["KEY", "started_in"]

KEY = "folder"  # of run.json: absolute path of the folder in which the run was started


@contextlib.contextmanager
def started_in(record: Mapping[str, Any]) -> Iterator[Path]:
    """Work in the folder in which a run was started, if this machine has it; yields the folder.

    Args:
        record: contents of the run's run.json.
    """
    named = record.get(KEY)
    folder = Path(named) if isinstance(named, str) else Path()
    here = Path.cwd()
    if folder.is_absolute() and folder.is_dir():
        os.chdir(folder)
    try:
        yield Path.cwd()
    finally:
        os.chdir(here)
