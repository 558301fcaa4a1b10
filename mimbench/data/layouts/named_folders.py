"""Data sets that are folders with known names: MSID, DermNet.

Nothing but these names says which set it is, so the reader is told that.
"""

from dataclasses import replace

from mimbench.data.categories import canonical_category
from mimbench.data.layouts import folders
from mimbench.data.manifest import PART_NAMES, Manifest, given_column
from mimbench.data.reading.tree import Listing
from mimbench.data.sets.facts import DataSet

__all__ = ["read", "recognises"]

# One of so many folders may be missing, so that a part of a download is recognised. The names of a
# set with few folders are those of anybody's collection, so all of them are needed.
_ONE_OF = 5


def recognises(listing: Listing, about: DataSet) -> bool:
    """Whether the images lie in folders of the set's names alone, and in nearly all of them."""
    known = {canonical_category(name) for name in about.folders}
    found = {canonical_category(name) for name in {path.parent.name for path in listing.images}}
    return bool(found) and found <= known and len(known - found) <= len(known) // _ONE_OF


def read(listing: Listing, about: DataSet) -> Manifest:
    """Read one category per folder, with the set's parts if its folders lie in such."""
    manifest = folders.read(listing)
    note = (
        f"taken for {about.title} because of the names of its {len(about.folders)} folders; if it "
        "is another collection, say so by --layout folders."
    )
    above = [path.relative_to(listing.root).parts[:-2] for path in listing.images]
    parts = [
        next((PART_NAMES[name] for name in map(str.casefold, names) if name in PART_NAMES), "")
        for names in above
    ]
    table = manifest.table.assign(**{given_column(1): parts}) if any(parts) else manifest.table
    return replace(manifest, table=table, notes=(note, *manifest.notes))
