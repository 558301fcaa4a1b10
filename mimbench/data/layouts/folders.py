"""One folder per category, at any depth: an image's category is the folder that it lies in."""

import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mimbench.data.categories import canonical_category
from mimbench.data.manifest import MANIFEST_COLUMNS, Manifest
from mimbench.data.reading.file_names import shown
from mimbench.data.reading.tree import Listing
from mimbench.text import counted

__all__ = ["category_names", "read"]

NUMBERED = re.compile(r"(.*[^\W_])[ _.-]+\d{1,3}")  # a name and the number of a photo
FEWEST_GROUPS = 5  # with fewer the name is rather that of a category or a camera


def read(listing: Listing) -> Manifest:
    """Read every image; folders know nothing of patients, so each image is its own."""
    names = category_names(listing)
    category = {folder: canonical_category(name) for folder, (name, _) in names.items()}
    rows = [(shown(path), category[path.parent], "", "") for path in listing.images]
    table = pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS))
    note = "no patients are known, so each image counts as its own patient."
    notes = (note, *_begin_alike(listing), *_collections(category))
    return Manifest(table, "folders", tuple(names.values()), notes)


def _begin_alike(listing: Listing) -> list[str]:
    """A warning if names seem to number the photos of each patient, as M01_01, M01_02, M02_01."""
    groups: dict[str, list[str]] = {}
    for path in listing.images:
        if numbered := NUMBERED.fullmatch(path.stem):
            groups.setdefault(numbered[1], []).append(path.name)
    several = [files for files in groups.values() if len(files) > 1]
    alike = sum(map(len, several))
    if len(groups) < FEWEST_GROUPS or 2 * alike < len(listing.images) or not several:
        return []
    first, second = several[0][:2]
    return [
        f"{alike} of {counted(len(listing.images), 'name')} begin as another one does, such as "
        f"{shown(Path(first))} and {shown(Path(second))}. If these show one patient, say so in a "
        "CSV file with the columns path, category and patient; or else a patient can stand on both "
        "sides of a split."
    ]


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
