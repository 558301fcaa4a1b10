"""What stands in a run's folder: which names mimbench gives, and what it must not touch.

A run's folder may come from a stranger. Nothing is read, written or deleted through a link in it.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mimbench.errors import OutputError
from mimbench.files import PARTIAL
from mimbench.scores.schema import ABOUT

__all__ = [
    "AS_IS",
    "BLOCK",
    "FIT",
    "PIXELS",
    "STORE",
    "check_external",
    "check_new",
    "is_run",
    "partials",
    "refuse_links",
    "remove_partials",
]

PIXELS = "pixels.npy"  # images of a run while its workers need them
FIT = r"[0-9a-f]{16}"  # name of a fit
BLOCK = r"[0-9a-f]{24}(-(?P<blocks>[0-9]{1,9}))?"  # of a block of scores, or of so many in one file
STORE = ("fits", "blocks")
FOLDERS = ("figures", "gallery", "audit")
AS_IS = "as-is"  # folder, below a harmonised run's, of the same run on the images as they are
PARTS = (AS_IS, "added", "external")  # folders below a run's that hold tables of their own
NAMES = {  # of files, by the folder below the run's that holds them
    "": rf"{re.escape(PIXELS)}|[a-z_]+\.(json|csv|parquet|md|tex|html)",
    "fits": rf"{FIT}(\.checkpoint)?\.safetensors|{FIT}\.json",
    "blocks": rf"{BLOCK}\.parquet",
    "figures": r"[\w.+-]+\.(svg|png|json)",
    "gallery": r"[\w.+-]+\.(png|jpg|json)",
    "audit": r"audit-[0-9a-f]+\.json|features\.parquet|near_duplicates\.json",
}
UNFINISHED = rf"\.\d+{re.escape(PARTIAL)}"


def refuse_links(folder: Path, *, store: bool = False) -> None:
    """Refuse a run's folder with something in it that leads elsewhere.

    Args:
        folder: of a run; may itself be a link, since the user names it.
        store: look among the fits and blocks of scores too, which may be many.

    Raises:
        OutputError: it holds a link, or what is neither file nor folder; says which.
    """
    for _, place in _places(folder, FOLDERS + STORE * store):
        for entry in _entries(place):
            if not (entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)):
                what = "a symbolic link" if entry.is_symlink() else "neither file nor folder"
                raise OutputError(
                    f"{entry.path} is {what}. mimbench follows no links in a run's folder: remove "
                    "it, or put there what it stands for."
                )


def partials(folder: Path) -> list[Path]:
    """Files that killed processes left unfinished, by name; links are none."""
    found = []
    for kind, place in _places(folder, FOLDERS + STORE):
        names = re.compile(f"({NAMES[kind]}){UNFINISHED}")
        found += [
            Path(entry.path)
            for entry in _entries(place)
            if entry.is_file(follow_symlinks=False) and names.fullmatch(entry.name)
        ]
    return sorted(found)


def remove_partials(folder: Path, names: str = "") -> None:
    """Remove what killed processes left unfinished; nobody may be writing to `folder`.

    Args:
        folder: of a run.
        names: how the names of these files begin.
    """
    for path in partials(folder):
        if path.name.startswith(names):
            path.unlink(missing_ok=True)


def is_run(folder: Path) -> bool:
    """Whether a run of mimbench left something in `folder` that says so."""
    return any(
        _says_so(part) or any(_entries(part / "fits", rf"{FIT}\.json"))
        for part in (folder, folder / AS_IS)
    )


def check_new(folder: Path) -> None:
    """Refuse to write a run into a folder that holds something else.

    Raises:
        OutputError: it is neither new, nor empty, nor a run's.
    """
    begun = {".lock", *STORE, "audit", AS_IS}  # what a run makes before its first record
    held = [entry for entry in _entries(folder) if entry.name not in begun]
    held += [entry for part in (*STORE, AS_IS) for entry in _entries(folder / part)]
    unfinished = set(map(str, partials(folder)))
    held = [entry for entry in held if entry.path not in unfinished]
    if held and not is_run(folder):
        raise OutputError(
            f"{folder} is not empty and holds no run of mimbench, but for instance "
            f"{held[0].name!r}. Choose another folder with --out."
        )


def check_external(folder: Path) -> None:
    """Refuse to write scores of other images into a folder that holds something else.

    Raises:
        OutputError: it is neither new, nor empty, nor made by an earlier `mimbench score`; it
            cannot be written; or something in it is a link.
    """
    refuse_links(folder)
    held = _entries(folder)
    if any(entry.name == "run.json" for entry in held):
        raise OutputError(f"{folder} holds a run of its own; choose another folder with --out.")
    there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    if not os.access(there, os.W_OK):
        raise OutputError(f"{folder} cannot be written. Choose another folder with --out.")
    earlier = any(entry.name == "external_verdicts.csv" for entry in held)
    if held and not (earlier and _is_ours(folder / "scores.parquet")):
        raise OutputError(
            f"{folder} is not empty and holds no scores of other images, but for instance "
            f"{held[0].name!r}. Choose another folder with --out."
        )


def _says_so(folder: Path) -> bool:
    for name, keys in (("starts.json", {"starts"}), ("run.json", {"checksums", "detectors"})):
        try:
            said = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(said, dict) and keys <= set(said):
            return True
        if isinstance(said, list) and said and isinstance(said[0], dict) and "started" in said[0]:
            return True
    return _is_ours(folder / "fits.parquet")


def _is_ours(table: Path) -> bool:
    """Whether mimbench wrote a parquet file."""
    try:
        return ABOUT in (pq.read_schema(table).metadata or {})
    except (OSError, ValueError, pa.ArrowException):
        return False


def _places(folder: Path, below: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """The folder and its parts, and those below that mimbench makes, each with its kind."""
    for root in (folder, *(folder / part for part in PARTS)):
        if root != folder and not _is_folder(root):
            continue
        yield "", root
        for kind in below:
            if _is_folder(root / kind):
                yield kind, root / kind
        if "blocks" in below and _is_folder(root / "blocks"):
            for entry in _entries(root / "blocks", FIT):
                if entry.is_dir(follow_symlinks=False):
                    yield "blocks", Path(entry.path)


def _entries(folder: Path, names: str = ".*") -> list["os.DirEntry[str]"]:
    """What stands in a folder, by name; nothing where there is no folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (entry for entry in entries if re.fullmatch(names, entry.name, re.DOTALL)),
                key=lambda entry: entry.name,
            )
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise OutputError(f"{folder} cannot be read: {error.strerror}.") from error


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
