"""Fetch a public data set into a folder: all of it or nothing."""

import errno
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
_REFUSED = (401, 403)
_GONE = (404, 410)
_OFFLINE = frozenset({"ConnectionError", "Timeout"})  # classes of requests
_NOTHING = "Nothing was written. Check the connection and repeat the command."


def get(name: str, folder: Path | None, progress: Progress) -> Path:
    """Fetch a data set, or recognise it in a folder that holds it already.

    The files arrive in FOLDER.partial, which takes the folder's name when all are there.

    Args:
        name: of the data set.
        folder: new, empty or with the set in it; None: one in the user's cache.
        progress: is told the bytes of downloads.

    Returns:
        The folder. `--data NAME` means it from now on.

    Raises:
        UnknownNameError: no data set of that name.
        DataError: the set needs an agreement, a package is missing, or it cannot be downloaded.
        OutputError: the folder holds something else, cannot be written, or the disk is full.
    """
    about = data_set(name)
    place = folder or default_folder(name)
    if place.is_dir() and any(place.iterdir()):
        _check_holds(name, place)
    elif about.ask:
        raise DataError(
            f"mimbench cannot fetch {about.title}. {about.ask} Page: {about.page}. Then look at "
            "the result with: mimbench data show DIR. To use it by its name: "
            f"mimbench data get {name} DIR."
        )
    else:
        _fetch(about, place, progress)
    remember(name, place)
    return place


def _check_holds(name: str, folder: Path) -> None:
    found = recognised(folder)
    if found != name:
        raise OutputError(
            f"{folder} is not empty, and mimbench does not recognise {name} in it ({found}). "
            "Choose a new folder."
        )


def _fetch(about: DataSet, folder: Path, progress: Progress) -> None:
    staging = folder.with_name(folder.name + PARTIAL)
    try:
        staging.parent.mkdir(parents=True, exist_ok=True)
        if about.kaggle:
            shutil.rmtree(staging, ignore_errors=True)
            progress.stage(f"downloading {about.title} from Kaggle", 1)
            _module("kagglehub").dataset_download(about.kaggle, output_dir=str(staging))
        else:
            staging.mkdir(exist_ok=True)
            pooch = _module("pooch")
            for file in about.downloads:
                download(file, staging, pooch, progress)
        if folder.exists():
            folder.rmdir()
        staging.rename(folder)
    except Stopped as error:  # what has arrived is the beginning of the next attempt
        if any(staging.iterdir()):
            rest = f"What has arrived is in {staging}; repeat the command to go on from there."
        else:
            staging.rmdir()
            rest = _NOTHING
        raise DataError(f"{about.title} could not be downloaded: {error}. {rest}") from error
    except KeyboardInterrupt:
        if about.kaggle:
            shutil.rmtree(staging, ignore_errors=True)
        raise
    except Exception as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise _as_sentence(error, about, folder) from error


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
    if status in _REFUSED or type(error).__name__ == "UnauthenticatedError":
        return DataError(
            f"Kaggle refused to give {about.kaggle} to this computer. Accept the terms on "
            f"{about.page}, create an API token in your Kaggle settings, and put it where "
            "kagglehub looks for it (KAGGLE_USERNAME and KAGGLE_KEY, or kaggle.json)."
        )
    if status in _GONE:
        return DataError(f"{about.title} is not there any more (HTTP {status}): see {about.page}.")
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
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
