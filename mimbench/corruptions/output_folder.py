"""A folder that pictures are written to: recorded as such, and nothing is written through links."""

import re
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mimbench.corruptions.core.checks import Images
from mimbench.errors import OutputError
from mimbench.files import PARTIAL, atomic_write, entries_below

__all__ = ["claim_folder", "write_picture"]


def claim_folder(folder: Path, record: str, text: str, of: str) -> None:
    """Record in a folder what its pictures are, or check that its record says the same.

    Args:
        folder: new, empty, or of an earlier call; may itself be a link, since the user names it.
        record: name of the file that says what the pictures are.
        text: what it says.
        of: what has pictures, in words, e.g. "suite, version or seed".

    Raises:
        OutputError: the folder holds something else, or a link, or cannot be written.
    """
    path = folder / record
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_links(folder)
        if path.is_file():
            same = path.read_text(encoding="utf-8", errors="replace") == text
        else:
            _refuse_others(folder, record)
            with atomic_write(path) as partial:
                partial.write_text(text, encoding="utf-8")
            same = True
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}.") from error
    if not same:
        raise OutputError(
            f"{folder} holds pictures of another {of} ({record}); choose another folder or delete "
            "it."
        )


def write_picture(pixels: Images, path: Path, note: PngInfo | None = None) -> None:
    """Write a picture as PNG, whole or not at all, and make the folders that it lies in.

    Args:
        pixels: uint8 (H, W, 3), RGB.
        path: of the file.
        note: text to store in it.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.") from error
    with atomic_write(path, durable=False) as partial:
        Image.fromarray(pixels).save(partial, format="PNG", pnginfo=note)


def _refuse_links(folder: Path) -> None:
    for entry in entries_below(folder):
        if not (entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)):
            what = "a symbolic link" if entry.is_symlink() else "neither file nor folder"
            raise OutputError(
                f"{entry.path} is {what}. mimbench writes nothing through links: remove it, or "
                "choose another folder."
            )


def _refuse_others(folder: Path, record: str) -> None:
    """Refuse what is not left of a call that was killed while it wrote the record."""
    unfinished = re.compile(rf"{re.escape(record)}\.\d+{re.escape(PARTIAL)}")
    names = sorted(path.name for path in folder.iterdir())
    others = [name for name in names if not unfinished.fullmatch(name)]
    if others:
        raise OutputError(
            f"{folder} is not empty and has no {record}, but for instance {others[0]!r}. Choose a "
            "new folder."
        )
