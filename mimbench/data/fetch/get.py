"""Fetch a public data set into a folder: all of it or nothing."""

import errno
import os
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

from mimbench.data.fetch.downloads import Stopped, download
from mimbench.data.fetch.places import default_folder, remember
from mimbench.data.layouts import recognised
from mimbench.data.sets.facts import DataSet, data_set
from mimbench.errors import DataError, OutputError
from mimbench.files import FULL, PARTIAL
from mimbench.progress import Progress

__all__ = ["EXTRA", "get"]

EXTRA = "pip install 'mimbench[data]'"
_MARK = "made-by-mimbench"  # a folder for what arrives that lacks this file is not mimbench's
_ARRIVING = "files"
_REFUSED = (401, 403)
_GONE = (404, 410)
_OFFLINE = frozenset({"ConnectionError", "Timeout"})  # classes of requests
_NOTHING = "Nothing was written. Check the connection and repeat the command."


def get(name: str, folder: Path | None, progress: Progress) -> Path:
    """Fetch a data set, or recognise it in a folder that holds it already.

    The files arrive below FOLDER.partial and take the folder's name when all are there.

    Args:
        name: of the data set.
        folder: new, empty or with the set in it; None: one in the user's cache.
        progress: is told the bytes of downloads.

    Returns:
        The folder. `--data NAME` means it from now on.

    Raises:
        UnknownNameError: no data set of that name.
        DataError: the set needs an agreement, a package is missing, or it cannot be downloaded.
        OutputError: the folder holds something else or is a file, FOLDER.partial is somebody
            else's, it cannot be written, or the disk is full.
    """
    about = data_set(name)
    place = folder or default_folder(name)
    if os.path.lexists(place) and not place.is_dir():
        raise OutputError(f"{place} exists and is not a folder. Choose another place.")
    if place.is_dir() and any(place.iterdir()):
        _check_holds(name, place)
    elif about.ask:
        raise DataError(
            f"mimbench cannot fetch {about.title}. {about.ask} Page: {about.page}. Then look at "
            "the result with: mimbench data show DIR. To use it by its name: "
            f"mimbench data get {name} DIR."
        )
    else:
        _fetch(about, name, place, progress)
    remember(name, place)
    return place


def _check_holds(name: str, folder: Path) -> None:
    found = recognised(folder)
    if found != name:
        raise OutputError(
            f"{folder} is not empty, and mimbench does not recognise {name} in it ({found}). "
            "Choose a new folder."
        )


def _fetch(about: DataSet, name: str, folder: Path, progress: Progress) -> None:
    staging = folder.with_name(folder.name + PARTIAL)
    try:
        arriving = _claim(staging, name)
    except OSError as error:
        raise _as_sentence(error, about, folder) from error
    try:
        if about.kaggle:
            shutil.rmtree(arriving, ignore_errors=True)
            progress.stage(f"downloading {about.title} from Kaggle", 1)
            _module("kagglehub").dataset_download(about.kaggle, output_dir=str(arriving))
        else:
            arriving.mkdir(exist_ok=True)
            pooch = _module("pooch")
            for file in about.downloads:
                download(file, arriving, pooch, progress)
        _check_arrived(about, name, arriving)
        if folder.exists():
            folder.rmdir()
        arriving.rename(folder)
        shutil.rmtree(staging)
    except Stopped as error:  # what has arrived is the beginning of the next attempt
        if any(arriving.iterdir()):
            rest = f"What has arrived is in {arriving}; repeat the command to go on from there."
        else:
            shutil.rmtree(staging)
            rest = _NOTHING
        raise DataError(f"{about.title} could not be downloaded: {error}. {rest}") from error
    except KeyboardInterrupt:
        if about.kaggle:
            shutil.rmtree(staging, ignore_errors=True)
        raise
    except Exception as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise _as_sentence(error, about, folder) from error


def _claim(staging: Path, name: str) -> Path:
    """The folder for what arrives, below `staging`, which is marked as made by mimbench.

    Raises:
        OutputError: something of somebody else's stands there.
        OSError: it cannot be written.
    """
    mark, arriving = staging / _MARK, staging / _ARRIVING
    if os.path.lexists(staging):
        own = staging.is_dir() and not staging.is_symlink()
        if not own or (any(staging.iterdir()) and not mark.is_file()):
            raise OutputError(
                f"{staging} exists, and mimbench did not make it, but needs the name while files "
                "arrive. Move it away, or choose another folder."
            )
        if mark.is_file() and mark.read_text(encoding="utf-8") != name:
            shutil.rmtree(arriving, ignore_errors=True)  # the beginning of another set
    staging.mkdir(parents=True, exist_ok=True)
    mark.write_text(name, encoding="utf-8")
    return arriving


def _check_arrived(about: DataSet, name: str, arriving: Path) -> None:
    found = recognised(arriving)
    if found != name:
        raise DataError(
            f"What was downloaded is not {about.title} as mimbench knows it ({found}), so the set "
            f"may have changed: see {about.page}. Nothing was written."
        )


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise DataError(
            f"Downloading needs {name}, which is not installed. Install it: {EXTRA}"
        ) from error


def _as_sentence(error: Exception, about: DataSet, folder: Path) -> Exception:
    """What went wrong in one sentence; an error that is none of a download's stays as it is."""
    number = getattr(error, "errno", None)
    status = getattr(getattr(error, "response", None), "status_code", None)
    if number in FULL:
        return OutputError(
            f"No space left for {folder}; nothing was written there. Free some space and repeat "
            "the command."
        )
    if status in _REFUSED and not about.kaggle:
        return DataError(
            f"The server refused to give {about.title} (HTTP {status}): see {about.page}. Nothing "
            "was written."
        )
    if status in _REFUSED or type(error).__name__ == "UnauthenticatedError":
        return DataError(
            f"Kaggle refused to give {about.kaggle} to this computer. Accept the terms on "
            f"{about.page}, create an API token in your Kaggle settings, and put it where "
            "kagglehub looks for it (KAGGLE_USERNAME and KAGGLE_KEY, or kaggle.json)."
        )
    if status in _GONE:
        return DataError(f"{about.title} is not there any more (HTTP {status}): see {about.page}.")
    if number in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR):
        return OutputError(f"Cannot write {folder}: {error}.")
    if isinstance(error, OSError):  # requests' errors of the network are
        return DataError(f"{about.title} could not be downloaded: {_short(error)}. {_NOTHING}")
    return error


def _short(error: Exception) -> str:
    """Why in a few words; requests tells a failed connection in many."""
    if not _OFFLINE.isdisjoint(base.__name__ for base in type(error).__mro__):
        return "there is no connection"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]} ..."
