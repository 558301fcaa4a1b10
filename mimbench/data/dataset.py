"""From the user's folders to images that a plan can use: decoded once, each with one role."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_numeric_dtype
from pydantic import BaseModel, ConfigDict, Field

from mimbench.data.categories import MPOX
from mimbench.data.images import read_photos
from mimbench.data.layouts import read_manifest
from mimbench.data.repeats import keep_first, merge_patients
from mimbench.data.roles import assign_roles, choose_target
from mimbench.errors import DataError
from mimbench.scores import IMAGE_COLUMNS

__all__ = ["Dataset", "ImageOptions", "gather", "load"]

_PHANTOM = "phantom"
_GENERATED = "generated"
_ABNORMAL_PER_KIND = 10

Names = tuple[str, ...]


class ImageOptions(BaseModel):
    """Which images a run uses, and as what: the table `[data]` of a run file.

    Attributes:
        data: folders or CSV files with the target and the categories that classifiers may know,
            or the word "phantom".
        target: its category; default mpox if it is there, else the phantom's.
        known: categories of `data` to train classifiers on; default all but the target.
        unknown: folders or CSV files of categories that nothing trains on.
        unknown_categories: categories of `data` that nothing may train on either.
        abnormal: folders or CSV files of what is no photo of skin, or the word "generated".
        external: folders or CSV files from another site, of any category, never trained on.
        canonical_size: side of the square that images are kept at, pixels; default 224, or 64
            when the phantom is all the data.
        layout: how the folders of `data` lie on disk; default: recognised.
        seed: of generated images.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Annotated[Names, Field(min_length=1)] = (_PHANTOM,)
    target: str | None = None
    known: Names | None = None
    unknown: Names = ()
    unknown_categories: Names = ()
    abnormal: Names = ()
    external: Names = ()
    canonical_size: Annotated[int, Field(ge=32, le=1024)] | None = None
    layout: str | None = None
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def size(self) -> int:
        """Side of the canonical square, pixels."""
        return self.canonical_size or (64 if self.data == (_PHANTOM,) else 224)


@dataclass(frozen=True)
class Dataset:
    """Images with all that is known of them.

    Attributes:
        table: one row per image: scores.IMAGE_COLUMNS, `width`, `height` and `format` of the
            file, `given_<k>` where the data bring a split, further columns of CSV files.
        pixels: uint8 (N, S, S, 3), RGB, row by row as in `table`.
        rejected: `path` and `reason` of each file that is not in `table`.
        notes: what the reader should know of how the images were read, one sentence each.
        target: the target category.
    """

    table: pd.DataFrame
    pixels: npt.NDArray[np.uint8]
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
    merged = table.assign(patient=merge_patients(table))
    notes = (*found.notes, *_repeat_notes(table, merged, keep))
    table = merged[keep].reset_index(drop=True)
    pixels = found.pixels if keep.all() else found.pixels[keep]
    return Dataset(table, pixels, found.rejected, notes, found.target)


def gather(options: ImageOptions) -> Dataset:
    """Read all images as they lie there, repeated files included: what an audit looks at.

    Raises:
        DataError: as `load`, but for repeated files.
        UnknownNameError: as `load`.
    """
    offers = list(_offers(options))
    table = pd.concat([offer for offer, _ in offers], ignore_index=True)
    notes = [note for _, some in offers for note in some]
    offered = sorted(set(table.loc[table["group"] == "data", "category"]))
    defaults = (MPOX, _phantom().TARGET) if _PHANTOM in options.data else (MPOX,)
    target = choose_target(offered, options.target, defaults)
    table, role_notes = assign_roles(table, target, options.known, options.unknown_categories)
    table = _without_gaps(table)
    table, pixels, rejected = _read(table, options.size)
    return Dataset(table, pixels, rejected, (*notes, *role_notes), target)


def _offers(options: ImageOptions) -> Iterator[tuple[pd.DataFrame, list[str]]]:
    """What each folder, CSV file or generator offers, with the group that it was named under."""
    groups = ("data", "unknown", "abnormal", "external")
    named = [(group, place) for group in groups for place in getattr(options, group)]
    words = {("data", _PHANTOM), ("abnormal", _GENERATED)}
    places = [place for group, place in named if (group, place) not in words]
    names = _dataset_names(places)
    for group, place in named:
        if (group, place) == ("data", _PHANTOM):
            offer = _phantom().table(seed=options.seed).assign(dataset=_PHANTOM, path="")
            notes = [f"phantom: {len(offer)} generated images, version {_phantom().VERSION}."]
        elif (group, place) == ("abnormal", _GENERATED):
            offer = _abnormal().table(per_kind=_ABNORMAL_PER_KIND, seed=options.seed)
            offer = offer.assign(dataset=_GENERATED, path="")
            notes = [f"generated: {len(offer)} images of {len(_abnormal().KINDS)} abnormal kinds."]
        else:
            layout = options.layout if group == "data" else None
            offer, notes = _files(Path(place), names[place], layout)
        offer["patient"] = offer["dataset"] + "/" + offer["patient"].astype("str")
        yield offer.assign(group=group), notes


def _phantom() -> ModuleType:
    return import_module("mimbench.data.phantom")


def _abnormal() -> ModuleType:
    return import_module("mimbench.data.abnormal")


def _files(place: Path, dataset: str, layout: str | None) -> tuple[pd.DataFrame, list[str]]:
    manifest = read_manifest(place, layout)
    table = manifest.table.assign(dataset=dataset)
    root = place if place.is_dir() else place.parent
    # The path below the root, so that the split stays when the folder moves.
    own = [Path(os.path.relpath(path, root)).as_posix() for path in table["path"]]
    table["patient"] = table["patient"].where(table["patient"] != "", pd.Series(own))
    table["source"] = table["source"].where(table["source"] != "", dataset)
    return table, [f"{dataset}: {note}" for note in manifest.notes]


def _dataset_names(places: Sequence[str]) -> dict[str, str]:
    """Name each place by its last folder, and by as many above as tell it from the others."""
    parts = {place: _name_parts(Path(place).resolve()) for place in places}
    if len(set(parts.values())) < len(places):
        twice = Counter(parts[place] for place in places).most_common(1)[0][0]
        raise DataError(f"{Path(*twice)} is given twice; name each folder once, under one role.")
    depth = 1
    while len({part[-depth:] for part in parts.values()}) < len(parts):
        depth += 1
    return {place: "/".join(part[-depth:]) for place, part in parts.items()}


def _name_parts(path: Path) -> tuple[str, ...]:
    if path.name == "manifest.csv":
        return path.parent.parts
    return path.parts if path.is_dir() else path.with_suffix("").parts


def _without_gaps(table: pd.DataFrame) -> pd.DataFrame:
    """Fill columns that only some collections have: empty text, but numbers stay missing."""
    columns = {str(name): column for name, column in table.items()}
    return pd.DataFrame(
        {
            name: column if is_numeric_dtype(column) else column.fillna("").astype("str")
            for name, column in columns.items()
        }
    )


def _read(
    table: pd.DataFrame, size: int
) -> tuple[pd.DataFrame, npt.NDArray[np.uint8], pd.DataFrame]:
    """Decode the files and render the generated images; rejected files are taken out."""
    facts = pd.DataFrame({"width": size, "height": size, "format": _GENERATED}, index=table.index)
    facts["image_id"] = table.get("image_id", "")
    pixels = np.zeros((len(table), size, size, 3), dtype=np.uint8)
    for dataset, generator in ((_PHANTOM, _phantom), (_GENERATED, _abnormal)):
        own = ((table["path"] == "") & (table["dataset"] == dataset)).to_numpy()
        if own.any():
            pixels[own] = generator().render(table[own], size)
    filed = np.flatnonzero(table["path"] != "")
    reasons: dict[int, str] = {}
    photos = read_photos([Path(path) for path in table["path"].iloc[filed]], size)
    for row, photo in zip(filed.tolist(), photos, strict=True):
        if isinstance(photo, str):
            reasons[row] = photo
        else:
            pixels[row] = photo.pixels
            facts.loc[row] = (photo.width, photo.height, photo.format, photo.sha256)
    keep = ~np.isin(np.arange(len(table)), list(reasons))
    paths = table["path"].iloc[list(reasons)]
    rejected = pd.DataFrame({"path": list(paths), "reason": list(reasons.values())}, dtype="str")
    table = table.drop(columns="image_id", errors="ignore").join(facts)
    _check_categories(table, keep, rejected)
    columns = [*IMAGE_COLUMNS, "width", "height", "format"]
    columns += [str(name) for name in table if name not in columns]
    return table.loc[keep, columns].reset_index(drop=True), pixels[keep], rejected


def _check_categories(
    table: pd.DataFrame, keep: npt.NDArray[np.bool_], rejected: pd.DataFrame
) -> None:
    lost = set(table["category"]) - set(table.loc[keep, "category"])
    if lost:
        row = table[~keep & (table["category"] == min(lost))].iloc[0]
        reason = rejected.loc[rejected["path"] == row["path"], "reason"].iloc[0]
        raise DataError(
            f"No image of category '{row['category']}' can be read; {row['path']}: {reason}. Give "
            "the category readable images or leave it out."
        )


def _repeat_notes(
    table: pd.DataFrame, merged: pd.DataFrame, keep: npt.NDArray[np.bool_]
) -> list[str]:
    if keep.all():
        return []
    extra = table[~keep].iloc[0]
    first = table[(table["image_id"] == extra["image_id"]).to_numpy() & keep].iloc[0]
    joined = table["patient"].nunique() - merged["patient"].nunique()
    return [
        f"files left out that repeat another one byte for byte: {(~keep).sum()}, e.g. "
        f"{extra['path']} repeats {first['path']}; patients joined with others by this: {joined}."
    ]
