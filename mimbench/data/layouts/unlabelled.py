"""Images from elsewhere of which nobody says what they show."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from mimbench.data.manifest import Manifest
from mimbench.data.reading.file_names import shown
from mimbench.scores.tables import UNLABELLED
from mimbench.text import counted

__all__ = ["mark_unlabelled"]


def mark_unlabelled(manifest: Manifest, place: Path, named: Collection[str]) -> Manifest:
    """Mark images that lie directly in a folder that is not named after a category.

    The folder's name would count as their category, and a site's unsorted photos as non-target.

    Args:
        manifest: of `place`.
        place: a folder or CSV file.
        named: categories that a folder's name can mean.

    Returns:
        The manifest with the category `UNLABELLED` for those images, and a note that says so.
    """
    table = manifest.table
    if manifest.layout != "folders":
        return manifest
    folder = Path(shown(place))
    outside = table["path"].map(lambda path: Path(path).parent == folder)
    loose = outside & ~table["category"].isin(list(named))
    if not loose.any():
        return manifest
    note = (
        f"{counted(loose.sum(), 'image', 'is')} in no folder of a category and therefore "
        f"{UNLABELLED}: each gets a verdict and enters no sensitivity, specificity or AUROC. To "
        "label them, put them into one folder per category."
    )
    marked = table["category"].mask(loose, UNLABELLED)
    return replace(
        manifest,
        table=table.assign(category=marked),
        names=tuple((name, where) for name, where in manifest.names if Path(where) != folder),
        notes=(*manifest.notes, note),
    )
