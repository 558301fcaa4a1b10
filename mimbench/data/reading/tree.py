"""All that lies below a folder: images, and everything else with the reason why it is none."""

import os
import stat
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mimbench.data.categories import canonical_category
from mimbench.data.reading.file_kinds import is_image, why_hidden
from mimbench.data.reading.file_names import shown
from mimbench.errors import DataError
from mimbench.files import entries_below
from mimbench.text import counted

__all__ = ["NO_IMAGE", "LeftOut", "Listing", "list_files"]

NO_IMAGE = "no image"  # kind of a regular file that is left out

_READ = "in a folder that is read under another path"
_NAMED = 3  # files that a message names

Entry = TypeVar("Entry", bound=tuple[Any, ...])


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
        if found.rejected:
            held += f", of which {': '.join(min(found.rejected))}"
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
    """Visits real folders first, so that what a link leads to goes by its own name.

    A folder is known by where it really lies, which is known of its parent already, and by the
    category that its name stands for.
    """

    root: Path
    images: list[Path] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    links: list[tuple[Path, Path]] = field(default_factory=list)
    seen: dict[tuple[Path, str], Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._visit(self.root, Path(os.path.realpath(self.root)))
        while self.links:
            links, self.links = sorted(self.links), []
            for link, above in links:
                self._follow(link, above)

    def _visit(self, folder: Path, place: Path) -> None:
        """Look at all that lies below a folder, at any depth, but for links to folders.

        Args:
            folder: as it is reached.
            place: where it really lies.
        """
        waiting = [(folder, place)]
        while waiting:
            waiting += self._look_into(*waiting.pop())

    def _look_into(self, folder: Path, place: Path) -> Iterator[tuple[Path, Path]]:
        """Take what lies directly in a folder; yields the folders among it, to be looked into."""
        self.seen[_identity(folder, place)] = folder
        self.folders.append(folder)
        for entry in _entries(folder):
            path, inside = folder / entry.name, place / entry.name
            try:
                is_folder = entry.is_dir()
            except OSError as error:
                self.rejected.append((shown(path), _why_not(path, error)))
                continue
            if kind := why_hidden(entry.name, is_folder):
                whole = is_folder and not entry.is_symlink()
                self.left_out += _together(path, kind) if whole else [LeftOut(shown(path), kind)]
            elif not is_folder:
                self._take(path)
            elif entry.is_symlink():
                self.links.append((path, place))
            elif (other := self.seen.get(_identity(path, inside))) is None:
                yield path, inside
            else:  # a link leads to the folder above, and this one has been read
                self.left_out += _together(path, _READ, f"{shown(other)} is the same folder")

    def _follow(self, link: Path, above: Path) -> None:
        """Read a linked folder, unless that would read the same images under the same name.

        Args:
            link: to a folder.
            above: where the folder really lies that holds the link.
        """
        place = Path(os.path.realpath(link))
        other = self.seen.get(_identity(link, place))
        if above.is_relative_to(place):
            self.left_out.append(LeftOut(shown(link), "link to a folder above"))
        elif other is not None:
            self.left_out.append(LeftOut(shown(link), _READ, f"{shown(other)} is the same folder"))
        else:
            self._visit(link, place)

    def _take(self, path: Path) -> None:
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait for ever
                self.left_out.append(LeftOut(shown(path), "pipe, socket or device"))
            elif is_image(path):
                self.images.append(path)
            else:
                suffix = shown(path.suffix.lower()) or "no suffix"
                self.left_out.append(LeftOut(shown(path), NO_IMAGE, suffix))
        except OSError as error:
            self.rejected.append((shown(path), _why_not(path, error)))


def _identity(folder: Path, place: Path) -> tuple[Path, str]:
    """Where a folder really lies, and the category that its name stands for."""
    return place, canonical_category(folder.name)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(
            f"The folder {shown(folder)} cannot be opened: {error.strerror or error}. Allow "
            "reading it, or move it out of the data."
        ) from error


def _together(folder: Path, kind: str, detail: str = "") -> list[LeftOut]:
    """All files of a folder that is not read, as one; none if there are none."""
    closed: list[OSError] = []
    files = sum(
        not entry.is_dir(follow_symlinks=False) for entry in entries_below(folder, closed.append)
    )
    detail = "; ".join([detail] * bool(detail) + ["some of it cannot be opened"] * bool(closed))
    return [LeftOut(shown(folder), kind, detail, files)] if files or closed else []


def _why_not(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return f"a link to {shown(path.readlink())}, which does not exist"
    return f"the file cannot be read: {error.strerror or error}"


def _order(path: Path) -> tuple[tuple[bool, str], ...]:
    """Files of a folder come before those of its subfolders."""
    *above, name = path.parts
    return (*((True, part) for part in above), (False, name))


def _without_images(found: _Walk) -> Iterator[WithoutImages]:
    """The uppermost folders without images."""
    full: set[Path] = set()
    for path in found.images:
        for above in path.parents:
            if above in full:
                break
            full.add(above)
    bare = {folder for folder in found.folders if folder not in full}
    left_out, rejected = sorted(found.left_out), sorted(found.rejected)
    for folder in sorted(bare):
        if folder.parent in bare:
            continue
        inside = f"{shown(folder)}{os.sep}"
        others = _that_begin(left_out, inside)
        broken = _that_begin(rejected, inside)
        emptied = all(entry.kind not in (NO_IMAGE, _READ) for entry in others)
        yield WithoutImages(shown(folder), _holds(others, broken), emptied)


def _that_begin(entries: Sequence[Entry], beginning: str) -> list[Entry]:
    """Of entries in the order of their paths, those whose path begins so."""
    first = bisect_left(entries, beginning, key=itemgetter(0))
    return list(
        takewhile(lambda entry: entry[0].startswith(beginning), islice(entries, first, None))
    )


def _holds(others: list[LeftOut], broken: list[tuple[str, str]]) -> str:
    """What lies in a folder, in words."""
    names = [Path(entry.path).name for entry in others] + [Path(path).name for path, _ in broken]
    files = sum(entry.files for entry in others) + len(broken)
    if not files:
        return "nothing"
    more = ", ..." * (len(names) > _NAMED)
    return f"{counted(files, 'other file')} ({', '.join(names[:_NAMED])}{more})"
