"""One file from the web: resumed where it stopped, and checked by its hash."""

import logging
from pathlib import Path
from types import ModuleType
from typing import Any

from mimbench.data.sets.facts import Download
from mimbench.errors import DataError
from mimbench.files import PARTIAL
from mimbench.progress import Progress

__all__ = ["Stopped", "download"]

_CHUNK = 2**16
_PATIENCE = 30  # seconds without a byte


class Stopped(Exception):  # noqa: N818 - no error for the user: `get` makes a sentence of it
    """Why a download ended before it was complete."""


def download(file: Download, folder: Path, pooch: ModuleType, progress: Progress) -> None:
    """Download a file into a folder, unless it is there already.

    Args:
        file: address and hash.
        folder: exists.
        pooch: the package.
        progress: is told the bytes.

    Raises:
        Stopped: the connection failed; what has arrived is kept.
        DataError: the file that came is not the one with this hash.
        OSError: the file cannot be written, or the server refused it.
    """
    pooch.get_logger().setLevel(logging.WARNING)

    def resumed(url: str, output: str, _: Any) -> None:
        _resume(url, folder / f"{file.name}{PARTIAL}", Path(output), progress)

    try:
        pooch.retrieve(file.url, file.hash, fname=file.name, path=folder, downloader=resumed)
    except ValueError as error:
        algorithm, _, expected = file.hash.partition(":")
        raise DataError(
            f"The file from {file.url} is not the one that mimbench knows: its {algorithm.upper()} "
            f"is not {expected}. It was deleted. Repeat the command; if that does not help, the "
            "file was replaced, so see the page of the data set."
        ) from error


def _resume(url: str, partial: Path, output: Path, progress: Progress) -> None:
    import requests
    from requests.exceptions import ChunkedEncodingError

    done = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=_PATIENCE) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                partial.unlink()  # it was whole already, or of another file
                return _resume(url, partial, output, progress)
            answer.raise_for_status()
            if answer.status_code != requests.codes.partial_content:
                done = 0
            total = done + int(answer.headers.get("Content-Length", 0))
            progress.stage(f"downloading {partial.name.removesuffix(PARTIAL)}", total or 1)
            if not done:
                partial.write_bytes(b"")
            with partial.open("ab") as target:
                for chunk in answer.iter_content(_CHUNK):
                    target.write(chunk)
                    done += len(chunk)
                    progress.update(min(done, total))
            if done < total:
                raise Stopped(f"the connection ended after {done} of {total} bytes")
    except (
        requests.ConnectionError,
        requests.Timeout,
        ChunkedEncodingError,
    ) as error:
        raise Stopped(f"there is no connection to {url.split('/')[2]}") from error
    partial.replace(output)
    return None
