"""From the user's folders to images that a plan can use: decoded once, each with one role."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from mimbench.data import phantom
from mimbench.data.categories import MPOX
from mimbench.data.offers import files_offered, images_offered
from mimbench.data.options import PHANTOM, ImageOptions
from mimbench.data.pictures import read_pictures
from mimbench.data.repeats import keep_first, merge_patients
from mimbench.data.roles import assign_roles, choose_target
from mimbench.errors import DataError
from mimbench.scores import IMAGE_COLUMNS

__all__ = ["Dataset", "ImageOptions", "gather", "load", "survey"]


@dataclass(frozen=True)
class Dataset:
    """Images with all that is known of them.

    Attributes:
        table: one row per image: scores.IMAGE_COLUMNS, `width`, `height` and `format` of the
            file, `given_<k>` where the data bring a split, further columns of CSV files.
        pixels: uint8 (N, S, S, 3), RGB, row by row as in `table`.
        facts: file_facts.FACTS, row by row: what a file says before anybody looks at the lesion.
        rejected: `path` and `reason` of each file that is not in `table`.
        notes: what the reader should know of how the images were read, one sentence each.
        target: the target category; empty where roles are not given yet.
    """

    table: pd.DataFrame
    pixels: npt.NDArray[np.uint8]
    facts: pd.DataFrame
    rejected: pd.DataFrame
    notes: tuple[str, ...]
    target: str

    def __len__(self) -> int:
        return len(self.table)


def load(options: ImageOptions) -> Dataset:
    """Read all images of a run, each once.

    Byte-identical files of a category become one image, and the patients that share one become
    one patient. Files that cannot be read are listed in `rejected`; they don't end the run.

    Raises:
        DataError: a path without images, a category with two roles or no readable image, the
            same file under two categories or roles.
        UnknownNameError: a target, known or unknown category or layout that does not exist.
    """
    found = gather(options)
    table = found.table
    keep = keep_first(table)
    if keep.all():
        return found
    merged = table.assign(patient=merge_patients(table))
    return Dataset(
        merged[keep].reset_index(drop=True),
        found.pixels[keep],
        found.facts[keep].reset_index(drop=True),
        found.rejected,
        (*found.notes, _repeat_note(table, merged, keep)),
        found.target,
    )


def gather(options: ImageOptions) -> Dataset:
    """Read all images of a run as they lie there, repeated files included.

    Raises:
        DataError: as `load`, but not for repeated files.
        UnknownNameError: as `load`.
    """
    table, notes = images_offered(options)
    offered = sorted(set(table.loc[table["group"] == "data", "category"]))
    defaults = (MPOX, phantom.TARGET) if PHANTOM in options.data else (MPOX,)
    target = choose_target(offered, options.target, defaults)
    table, more = assign_roles(table, target, options.known, options.unknown_categories)
    found = _read(table, options.size, options.harmonise, (*notes, *more), target)
    _check_categories(table, found)
    return found


def survey(
    places: Sequence[str], layout: str | None = None, size: int = 224, harmonise: bool = False
) -> Dataset:
    """Read what lies in folders and CSV files before anybody gives it a role.

    The column `role` is empty; repeated files are included.

    Raises:
        DataError: a path without images.
        UnknownNameError: a layout that does not exist.
    """
    table, notes = files_offered(places, layout)
    return _read(table.assign(role=""), size, harmonise, tuple(notes), "")


def _read(
    table: pd.DataFrame, size: int, harmonise: bool, notes: tuple[str, ...], target: str
) -> Dataset:
    pictures = read_pictures(table, size, harmonise)
    paths = table.loc[~pictures.keep, "path"].tolist()
    rejected = pd.DataFrame({"path": paths, "reason": list(pictures.reasons)}, dtype="str")
    if len(paths) == len(table):
        raise DataError(
            f"None of {len(table)} files can be read; {paths[0]}: {rejected['reason'][0]}."
        )
    kept = table[pictures.keep].reset_index(drop=True)
    joined = pd.concat([kept.drop(columns="image_id", errors="ignore"), pictures.files], axis=1)
    columns = [*IMAGE_COLUMNS, "width", "height", "format"]
    columns += [str(name) for name in joined if name not in columns]
    return Dataset(joined[columns], pictures.pixels, pictures.facts, rejected, notes, target)


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
