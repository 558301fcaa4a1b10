"""One folder per category, at any depth: an image's category is the folder that it lies in."""

import pandas as pd

from mimbench.data.categories import canonical_category
from mimbench.data.manifest import MANIFEST_COLUMNS, Listing, Manifest

__all__ = ["read"]


def read(listing: Listing) -> Manifest:
    """Read every image; folders know nothing of patients, so each image is its own."""
    rows = [(str(path), canonical_category(path.parent.name), "", "") for path in listing.images]
    table = pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS))
    note = "no patients are known, so each image counts as its own patient."
    return Manifest(table, "folders", (note,))
