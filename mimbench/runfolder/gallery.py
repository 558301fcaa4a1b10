"""The records of a run's pictures."""

from pathlib import Path

from mimbench.errors import TableError
from mimbench.recipes import validate
from mimbench.runfolder.info import GalleryEntry, Thumbnails
from mimbench.scores.digests import read_json, read_sealed

__all__ = ["INDEX", "THUMBNAILS", "read_gallery", "read_thumbnails"]

INDEX = "gallery.json"  # record of a folder of pictures
THUMBNAILS = "thumbnails.json"  # that of small pictures beside it


def read_gallery(place: Path) -> tuple[GalleryEntry, ...]:
    """What the record of a folder of pictures says; nothing where there is none.

    Raises:
        TableError: it is damaged.
        RecipeError: a field is wrong.
    """
    path = place / INDEX
    if not path.is_file():
        return ()
    content = read_json(path)
    if isinstance(content, dict):
        content = read_sealed(path)[0].get("pictures")
    if not isinstance(content, list):
        raise TableError(f"{path} is damaged: it holds no list of pictures.")
    return tuple(validate(GalleryEntry, entry, path) for entry in content)


def read_thumbnails(place: Path) -> Thumbnails | None:
    """What the record of small pictures says; None where there is none.

    Raises:
        TableError: it is damaged.
        RecipeError: a field is wrong.
    """
    path = place / THUMBNAILS
    return validate(Thumbnails, read_sealed(path)[0], path) if path.is_file() else None
