"""All that lies below a folder: images, and everything else with the reason why it is none."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from mimbench.data.categories import canonical_category
from mimbench.data.reading.file_names import shown
from mimbench.errors import DataError

__all__ = ["LeftOut", "Listing", "list_files"]

# fmt: off
_IMAGE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".bmp", ".dib", ".tif",
    ".tiff", ".webp", ".avif", ".heic", ".heif", ".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm",
    ".pnm",
})
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"II*\0", b"MM\0*")
# Names, in lower case, that operating systems, viewers and NAS boxes leave among photos.
_SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "sthumbs.dat"})
_SYSTEM_FOLDERS = frozenset({
    "__macosx", "@eadir", "$recycle.bin", "#recycle", "system volume information", "lost+found",
})
# fmt: on
_READ = "in a folder that is read under another path"
_NAMED = 3  # files that a message names


class LeftOut(NamedTuple):
    """Files that are not read as images, and why.

    Attributes:
        path: of the file, or of a folder whose files are left out together.
        kind: the reason in a few words, by which files are counted.
        detail: what else there is to say.
        files: how many they are.
    """

    path: str
    kind: str
    detail: str = ""
    files: int = 1

    @property
    def reason(self) -> str:
        """Kind and detail."""
        return f"{self.kind}: {self.detail}" if self.detail else self.kind


class WithoutImages(NamedTuple):
    """A folder in which no image was found, at any depth.

    Attributes:
        path: of the folder.
        holds: what lies in it, in words.
        emptied: whether that is nothing that somebody put there: it looks empty in a file browser,
            or all links in it are broken.
    """

    path: str
    holds: str
    emptied: bool


@dataclass(frozen=True)
class Listing:
    """The entries below a folder that are no folders, each in one of three places.

    Attributes:
        root: the folder.
        images: files to open as images, in the order of their folders.
        rejected: (path, reason) of entries that cannot be opened.
        left_out: all others.
        without_images: folders in which no image was found; a folder in such a folder is not named.
    """

    root: Path
    images: tuple[Path, ...]
    rejected: tuple[tuple[str, str], ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    without_images: tuple[WithoutImages, ...] = ()


def list_files(root: Path, *, needs_images: bool = True) -> Listing:
    """List everything below `root`, at any depth and through links to folders.

    A file counts as an image by its suffix or, so that a photo without one isn't lost, by its
    first bytes. Hidden files, and folders of operating systems, are left out.

    Raises:
        DataError: there is no image and `needs_images`, or a folder cannot be opened.
    """
    found = _Walk(root)
    if needs_images and not found.images:
        held = _holds([*found.left_out], found.rejected)
        raise DataError(
            f"{shown(root)} has no images; it holds {held}. Expected one folder per category with "
            "images in it."
        )
    images = sorted(found.images, key=lambda path: _order(path.relative_to(root)))
    return Listing(
        root,
        tuple(images),
        tuple(sorted(found.rejected)),
        tuple(sorted(found.left_out)),
        tuple(_without_images(found)),
    )


@dataclass
class _Walk:
    """Visits real folders first, so that what a link leads to goes by its own name."""

    root: Path
    images: list[Path] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)
    seen: dict[tuple[str, str], Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._visit(self.root)
        while self.links:
            links, self.links = sorted(self.links), []
            for link in links:
                self._follow(link)

    def _visit(self, folder: Path) -> None:
        self.seen[_identity(folder)] = folder
        self.folders.append(folder)
        for entry in _entries(folder):
            path = folder / entry.name
            try:
                is_folder = entry.is_dir()
            except OSError as error:
                self.rejected.append((shown(path), _why_not(path, error)))
                continue
            if kind := _hidden(entry.name, is_folder):
                inside = is_folder and not entry.is_symlink()
                self.left_out += _together(path, kind) if inside else [LeftOut(shown(path), kind)]
            elif not is_folder:
                self._take(path)
            elif entry.is_symlink():
                self.links.append(path)
            elif _identity(path) not in self.seen:
                self._visit(path)
            else:  # a link leads to the folder above, and this one has been read
                where = f"{shown(self.seen[_identity(path)])} is the same folder"
                self.left_out += _together(path, _READ, where)

    def _follow(self, link: Path) -> None:
        """Read a linked folder, unless that would read the same images under the same name."""
        other = self.seen.get(_identity(link))
        if Path(os.path.realpath(link.parent)).is_relative_to(os.path.realpath(link)):
            self.left_out.append(LeftOut(shown(link), "link to a folder above"))
        elif other is not None:
            self.left_out.append(LeftOut(shown(link), _READ, f"{shown(other)} is the same folder"))
        else:
            self._visit(link)

    def _take(self, path: Path) -> None:
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait for ever
                self.left_out.append(LeftOut(shown(path), "pipe, socket or device"))
            elif path.suffix.lower() in _IMAGE_SUFFIXES or _starts_like_an_image(path):
                self.images.append(path)
            else:
                suffix = shown(path.suffix.lower()) or "no suffix"
                self.left_out.append(LeftOut(shown(path), "no image", suffix))
        except OSError as error:
            self.rejected.append((shown(path), _why_not(path, error)))


def _identity(folder: Path) -> tuple[str, str]:
    """Where a folder really lies, and the category that its name stands for."""
    return os.path.realpath(folder), canonical_category(folder.name)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(
            f"The folder {shown(folder)} cannot be opened: {error.strerror or error}. Allow "
            "reading it, or move it out of the data."
        ) from error


def _hidden(name: str, is_folder: bool) -> str:
    """The kind of an entry that nobody put there as an image; empty for all others."""
    if is_folder:
        if name.lower() in _SYSTEM_FOLDERS:
            return "in a system folder"
        return "in a hidden folder" if name[0] == "." else ""
    if name[0] == "." or name.lower() in _SYSTEM_FILES:
        return "hidden file"
    return "backup copy" if name[-1] == "~" else ""


def _together(folder: Path, kind: str, detail: str = "") -> list[LeftOut]:
    """All files of a folder that is not read, as one; none if there are none."""
    closed: list[OSError] = []
    files = sum(
        len(names) + _links(here, folders)
        for here, folders, names in os.walk(folder, onerror=closed.append)
    )
    detail = "; ".join([detail] * bool(detail) + ["some of it cannot be opened"] * bool(closed))
    return [LeftOut(shown(folder), kind, detail, files)] if files or closed else []


def _links(here: str, folders: Iterable[str]) -> int:
    """How many of the folders in `here` are links, which are entries of their own."""
    return sum(Path(here, name).is_symlink() for name in folders)


def _why_not(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return f"a link to {shown(path.readlink())}, which does not exist"
    return f"the file cannot be read: {error.strerror or error}"


def _starts_like_an_image(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(12)
    riff_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return head.startswith(_MAGIC) or riff_webp or head[4:8] == b"ftyp"


def _order(path: Path) -> tuple[tuple[bool, str], ...]:
    """Files of a folder come before those of its subfolders."""
    *above, name = path.parts
    return (*((True, part) for part in above), (False, name))


def _without_images(found: _Walk) -> Iterator[WithoutImages]:
    """The uppermost folders without images."""
    full = {above for path in found.images for above in path.parents}
    bare = {folder for folder in found.folders if folder not in full}
    for folder in sorted(bare):
        if folder.parent in bare:
            continue
        inside = f"{shown(folder)}{os.sep}"
        others = [entry for entry in found.left_out if entry.path.startswith(inside)]
        broken = [entry for entry in found.rejected if entry[0].startswith(inside)]
        emptied = all(entry.kind not in ("no image", _READ) for entry in others)
        yield WithoutImages(shown(folder), _holds(others, broken), emptied)


def _holds(others: list[LeftOut], broken: list[tuple[str, str]]) -> str:
    """What lies in a folder, in words."""
    names = [Path(entry.path).name for entry in others] + [Path(path).name for path, _ in broken]
    files = sum(entry.files for entry in others) + len(broken)
    if not files:
        return "nothing"
    more = ", ..." * (len(names) > _NAMED)
    return f"{files} other file{'s' * (files > 1)} ({', '.join(names[:_NAMED])}{more})"
