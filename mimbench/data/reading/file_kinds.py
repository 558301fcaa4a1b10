"""What a file or folder is, by its name and its first bytes."""

import re
from pathlib import Path

__all__ = ["IMAGE_SUFFIXES", "is_image", "why_hidden"]

# fmt: off
IMAGE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".bmp", ".dib", ".tif",
    ".tiff", ".webp", ".avif", ".heic", ".heif", ".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm",
    ".pnm",
})
_MAGIC = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|GIF8|II\*\0|MM\0\*|RIFF....WEBP|....ftyp"
    rb"|BM....\0\0\0\0|P[1-6]\s+[\d#]|\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    re.DOTALL,
)
# Names, in lower case, that operating systems, viewers and NAS boxes leave among photos.
_SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "sthumbs.dat"})
_SYSTEM_FOLDERS = frozenset({
    "__macosx", "@eadir", "$recycle.bin", "#recycle", "system volume information", "lost+found",
})
# fmt: on


def is_image(path: Path) -> bool:
    """Whether a regular file counts as an image: by its suffix or else by its first bytes.

    Raises:
        OSError: it cannot be opened.
    """
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return True
    with path.open("rb") as file:
        return _MAGIC.match(file.read(12)) is not None


def why_hidden(name: str, is_folder: bool) -> str:
    """The kind of an entry that nobody put there as an image; empty for all others."""
    if is_folder:
        if name.lower() in _SYSTEM_FOLDERS:
            return "in a system folder"
        return "in a hidden folder" if name[0] == "." else ""
    if name[0] == "." or name.lower() in _SYSTEM_FILES:
        return "hidden file"
    return "backup copy" if name[-1] == "~" else ""
