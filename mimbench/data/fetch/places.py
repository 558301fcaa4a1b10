"""Where fetched data sets lie: one small file per set in the user's cache."""

import json
import os
from pathlib import Path

from mimbench.data.sets.facts import set_names
from mimbench.errors import DataError, OutputError
from mimbench.files import atomic_write

__all__ = ["default_folder", "fetched", "located", "remember"]


def _cache() -> Path:
    """`$MIMBENCH_DATA`, or a folder in the user's cache."""
    if own := os.environ.get("MIMBENCH_DATA"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mimbench" / "data"


def default_folder(name: str) -> Path:
    """The folder that a data set is fetched into unless another one is named."""
    return _cache() / name


def remember(name: str, folder: Path) -> None:
    """Let the data set's name stand for the folder from now on.

    Raises:
        OutputError: the cache cannot be written.
    """
    record = _record(name)
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot write {record.parent}: {error.strerror}.") from error
    with atomic_write(record) as partial:
        partial.write_text(json.dumps({"folder": str(folder.absolute())}), encoding="utf-8")


def located(place: str) -> Path:
    """The folder or file that a place names: a path, or a data set that was fetched.

    A path that exists goes first.

    Raises:
        DataError: the name of a data set that was not fetched, or whose folder is gone.
    """
    path = Path(place)
    if place not in set_names() or os.path.lexists(path):
        return path
    again = f"Fetch it: mimbench data get {place}. If you have it, name its folder."
    try:
        folder = _remembered(place)
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(
            f"{place} is a data set that mimbench knows, but it was not fetched. {again}"
        ) from None
    if not folder.is_dir():
        raise DataError(f"{place} was fetched into {folder}, which is gone. {again}")
    return folder


def fetched(name: str, folder: Path) -> bool:
    """Whether `mimbench data get` gave a data set's name to this folder."""
    try:
        return _remembered(name).samefile(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _remembered(name: str) -> Path:
    return Path(json.loads(_record(name).read_text(encoding="utf-8"))["folder"])


def _record(name: str) -> Path:
    return _cache() / f"{name}.json"
