"""From the user's folders to images that a plan can use: decoded once, each with one role."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from mimbench.data.categories import MPOX
from mimbench.data.duplicates import (
    Duplicate,
    check_categories_stay,
    keep_parts_together,
    resolve,
)
from mimbench.data.generated import phantom
from mimbench.data.identical_files import keep_first, merge_patients
from mimbench.data.near_duplicates import Comparison, compare
from mimbench.data.options import PHANTOM, ImageOptions
from mimbench.data.reading.accounting import Accounting, account, unread_files
from mimbench.data.reading.file_names import shown
from mimbench.data.reading.loading import read_pictures
from mimbench.data.reading.tree import LeftOut
from mimbench.data.roles import assign_roles, choose_target
from mimbench.data.sources import Offer, files_offered, images_offered
from mimbench.errors import DataError
from mimbench.scores.tables import IMAGE_COLUMNS
from mimbench.text import counted

__all__ = ["Dataset", "ImageOptions", "gather", "load", "survey"]


@dataclass(frozen=True)
class Dataset:
    """Images with all that is known of them.

    Attributes:
        table: one row per image: scores.IMAGE_COLUMNS, `width`, `height` and `format` of the
            file, `given_<k>` where the data bring a split, further columns of CSV files.
        pixels: uint8 (N, S, S, 3), RGB, row by row as in `table`.
        facts: file_facts.FACTS, row by row: what a file says before anybody looks at the lesion.
        rejected: `path` and `reason` of each file that should be an image and cannot be read.
        notes: what the reader should know of how the images were read, one sentence each.
        target: the target category; empty where roles are not given yet.
        left_out: all other files that are not in `table`.
        duplicates: pairs that show the same photograph, where `load` looked for them.
        comparison: what was compared for it.
        leads_out: whether a table names files outside of its folder, there or not.
    """

    table: pd.DataFrame
    pixels: npt.NDArray[np.uint8]
    facts: pd.DataFrame
    rejected: pd.DataFrame
    notes: tuple[str, ...]
    target: str
    left_out: tuple[LeftOut, ...] = ()
    duplicates: tuple[Duplicate, ...] | None = None
    comparison: Comparison | None = None
    leads_out: bool = False

    def __len__(self) -> int:
        return len(self.table)

    @property
    def accounting(self) -> Accounting:
        """What became of each file; generated images are none."""
        read = int((self.table["path"] != "").sum())
        return account(read, len(self.rejected), self.left_out)

    @property
    def unread(self) -> pd.DataFrame:
        """All files that are not in `table`: path, what, reason and files, as rejected.csv."""
        rejected = list(self.rejected[["path", "reason"]].itertuples(index=False, name=None))
        return unread_files(rejected, self.left_out)


def load(options: ImageOptions, known: Comparison | None = None) -> Dataset:
    """Read all images of a run, each once.

    Byte-identical files of a category become one image, and the patients that share one become
    one patient, as do those of near-duplicates. Near-duplicates across categories or roles are
    left out. Files that cannot be read are listed in `rejected`; they don't end the run.

    Args:
        options: which images.
        known: an earlier comparison of the pictures, so that it need not be made again.

    Raises:
        DataError: a path without images, a category with two roles, with no readable image or
            with near-duplicates of others alone, the same file under two categories or roles.
        UnknownNameError: a target, known or unknown category or layout that does not exist.
    """
    return _accounted(_without_near_duplicates(_without_repeats(_gather(options)), known))


def _without_repeats(found: Dataset) -> Dataset:
    keep = keep_first(found.table)
    if keep.all():
        return found
    merged = found.table.assign(patient=merge_patients(found.table))
    note = _repeat_note(found.table, merged, keep)
    together, notes = keep_parts_together(found.table, merged)
    return replace(
        _rows(replace(found, table=together), keep),
        notes=(*found.notes, note, *notes),
        left_out=(*found.left_out, *_repeats(found.table, keep)),
    )


def _without_near_duplicates(found: Dataset, known: Comparison | None) -> Dataset:
    comparison = compare(found.table, known)
    resolved = resolve(found.table, comparison.pairs)
    check_categories_stay(found.table, resolved.left_out)
    left_out = [
        LeftOut(path, "near-duplicate", f"the same photograph as {other}")
        for path, other in zip(
            found.table.loc[resolved.left_out, "path"], resolved.others, strict=True
        )
    ]
    merged = found.table.assign(patient=resolved.patients)
    together, notes = keep_parts_together(found.table, merged)
    return replace(
        _rows(replace(found, table=together), ~resolved.left_out),
        notes=(*found.notes, *notes),
        left_out=(*found.left_out, *left_out),
        duplicates=resolved.duplicates,
        comparison=comparison,
    )


def _rows(found: Dataset, keep: npt.NDArray[np.bool_]) -> Dataset:
    return replace(
        found,
        table=found.table[keep].reset_index(drop=True),
        pixels=found.pixels if keep.all() else found.pixels[keep],
        facts=found.facts[keep].reset_index(drop=True),
    )


def gather(options: ImageOptions) -> Dataset:
    """Read all images of a run as they lie there, repeated files included.

    Raises:
        DataError: as `load`, but not for repeated files.
        UnknownNameError: as `load`.
    """
    return _accounted(_gather(options))


def survey(
    places: Sequence[str],
    layout: str | None = None,
    size: int = 224,
    harmonise: bool = False,
    labels: Collection[str] | None = None,
    columns: str | None = None,
    patients: str | None = None,
) -> Dataset:
    """Read what lies in folders and CSV files before anybody gives it a role.

    The column `role` is empty; repeated files are included. With `labels`, images outside of
    subfolders are unlabelled unless their folder bears one of these names. `columns` names those
    of a table beside the images, and `patients` is found in names, as the fields of `ImageOptions`.

    Raises:
        DataError: a path without images.
        UnknownNameError: a layout that does not exist.
    """
    offer = files_offered(places, layout, columns, labels, patients)
    return _accounted(_read(offer, offer.table.assign(role=""), size, harmonise))


def _gather(options: ImageOptions) -> Dataset:
    offer = images_offered(options)
    for folder in offer.without_images:
        if folder.emptied:
            raise DataError(
                f"The folder {folder.path} has no image: it holds {folder.holds}. Put images into "
                "it or remove it."
            )
    offered = sorted(set(offer.table.loc[offer.table["group"] == "data", "category"]))
    defaults = (MPOX, phantom.TARGET) if PHANTOM in options.data else (MPOX,)
    target = choose_target(offered, options.target, defaults)
    table, others = assign_roles(offer.table, target, options.known, options.unknown_categories)
    left_out = [
        LeftOut(path, "category not among the known ones", category)
        for path, category in zip(others["path"], others["category"], strict=True)
        if path
    ]
    names = ", ".join(sorted(set(others["category"])))
    note = f"left out, because they are not among the known categories: {names}."
    offer = replace(
        offer,
        notes=(*offer.notes, *_target_note(options.target, target), *[note] * bool(names)),
        left_out=(*offer.left_out, *left_out),
    )
    found = _read(offer, table, options.size, options.harmonise, target)
    _check_categories(table, found)
    return found


def _target_note(wanted: str | None, target: str) -> list[str]:
    """What the target is called here, where the user calls it otherwise."""
    if wanted is None or wanted.casefold() == target:
        return []
    return [f"target: {target} (from '{shown(wanted)}')."]


def _accounted(found: Dataset) -> Dataset:
    """The dataset with the account of its files among the notes, if there are files."""
    files = found.accounting
    return replace(found, notes=(*found.notes, files.sentence)) if files.found else found


def _repeats(table: pd.DataFrame, keep: npt.NDArray[np.bool_]) -> list[LeftOut]:
    first = table[keep].set_index("image_id")["path"]
    rows = table[~keep & (table["path"] != "").to_numpy()]
    return [
        LeftOut(path, "repeats another file byte for byte", first[image_id])
        for path, image_id in zip(rows["path"], rows["image_id"], strict=True)
    ]


def _read(
    offer: Offer, table: pd.DataFrame, size: int, harmonise: bool, target: str = ""
) -> Dataset:
    pictures = read_pictures(table, size, harmonise)
    paths = table.loc[~pictures.keep, "path"].tolist()
    rejected = [*offer.rejected, *zip(paths, pictures.reasons, strict=True)]
    if len(paths) == len(table):
        raise DataError(
            f"None of {counted(len(table), 'file')} can be read; {paths[0]}: {pictures.reasons[0]}."
        )
    kept = table[pictures.keep].reset_index(drop=True)
    joined = pd.concat([kept.drop(columns="image_id", errors="ignore"), pictures.files], axis=1)
    columns = [*IMAGE_COLUMNS, "width", "height", "format"]
    columns += [str(name) for name in joined if name not in columns]
    return Dataset(
        joined[columns],
        pictures.pixels,
        pictures.facts,
        pd.DataFrame(rejected, columns=["path", "reason"], dtype="str"),
        (*_without_unread(offer.notes, table[~pictures.keep]), *pictures.notes),
        target,
        offer.left_out,
        leads_out=offer.leads_out,
    )


def _without_unread(notes: Sequence[str], lost: pd.DataFrame) -> list[str]:
    """Notes on the files of each collection, those that count pictures which cannot be read too."""
    told = list(notes)
    for dataset, rows in lost.groupby("dataset"):
        counts = rows["category"].value_counts()
        what = ", ".join(f"{count} {category}" for category, count in sorted(counts.items()))
        first = next((k for k, note in enumerate(told) if note.startswith(f"{dataset}: read ")), -1)
        if first >= 0:
            told[first] = f"{told[first].rstrip('.')}; of these, {what} cannot be read."
    return told


def _check_categories(table: pd.DataFrame, found: Dataset) -> None:
    lost = set(table["category"]) - set(found.table["category"])
    if lost:
        category = min(lost)
        path = table.loc[table["category"] == category, "path"].iloc[0]
        reason = found.rejected.loc[found.rejected["path"] == path, "reason"].iloc[0]
        raise DataError(
            f"No image of category '{category}' can be read; {path}: {reason}. Give the category "
            "readable images or leave it out."
        )


def _repeat_note(table: pd.DataFrame, merged: pd.DataFrame, keep: npt.NDArray[np.bool_]) -> str:
    extra = table[~keep].iloc[0]
    first = table[(table["image_id"] == extra["image_id"]).to_numpy() & keep].iloc[0]
    joined = table["patient"].nunique() - merged["patient"].nunique()
    return (
        f"files left out that repeat another one byte for byte: {(~keep).sum()}, e.g. "
        f"{extra['path']} repeats {first['path']}; patients joined with others by this: {joined}."
    )
