"""One folder per category, at any depth: an image's category is the folder that it lies in."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mimbench.data.categories import canonical_category
from mimbench.data.layouts.names import NO_PATIENTS, begin_alike
from mimbench.data.manifest import MANIFEST_COLUMNS, Manifest
from mimbench.data.reading.file_names import shown
from mimbench.data.reading.tree import Listing
from mimbench.text import counted

__all__ = ["category_names", "read"]


def read(listing: Listing) -> Manifest:
    """Read every image; folders know nothing of patients, so each image is its own."""
    names = category_names(listing)
    category = {folder: canonical_category(name) for folder, (name, _) in names.items()}
    rows = [(shown(path), category[path.parent], "", "") for path in listing.images]
    table = pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS))
    notes = (NO_PATIENTS, *begin_alike(listing.images), *_collections(category))
    return Manifest(table, "folders", tuple(names.values()), notes)


def _collections(category: Mapping[Path, str]) -> list[str]:
    """A warning if the folder seems to hold several collections: no category is in two of them."""
    inside: dict[Path, set[str]] = {}
    for folder, name in category.items():
        inside.setdefault(folder.parent, set()).add(name)
    together = [set(), *inside.values()]
    if len(inside) < 2 or len(set.union(*together)) < sum(map(len, together)):
        return []
    places = ", ".join(shown(folder) for folder in inside)
    return [
        f"its categories lie in {counted(len(inside), 'folder')}: {places}. If these are separate "
        "collections, name each one (--data, --unknown, --abnormal): read together they count as "
        "one source, and what a collection says of its patients is not read."
    ]


def category_names(listing: Listing) -> dict[Path, tuple[str, str]]:
    """For each folder with images in it the name of its category and where it lies."""
    return {
        folder: (shown(_name(folder)), shown(folder))
        for folder in dict.fromkeys(path.parent for path in listing.images)
    }


def _name(folder: Path) -> str:
    """The folder's own name, also where it is called "." or ".."."""
    return folder.name if folder.name not in ("", "..") else folder.resolve().name
