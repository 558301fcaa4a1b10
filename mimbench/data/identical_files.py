"""Byte-identical files: one image within a category, an error across categories."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from mimbench.errors import DataError

__all__ = ["clashes", "joined", "keep_first", "merge_patients"]


def clashes(table: pd.DataFrame) -> pd.DataFrame:
    """Rows whose file also stands under another category or role, sorted by `image_id`."""
    kinds = table.drop_duplicates(["image_id", "category", "role"])
    torn = kinds.loc[kinds["image_id"].duplicated(), "image_id"]
    return table[table["image_id"].isin(torn)].sort_values("image_id", kind="stable")


def keep_first(table: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows stay when each file counts once.

    Raises:
        DataError: the same file under two categories or roles.
    """
    torn = clashes(table)
    if len(torn):
        rows = torn[torn["image_id"] == torn["image_id"].iloc[0]]
        kinds = rows.drop_duplicates(["category", "role"])
        places = " and ".join(f"{r.path} ({r.category}, {r.role})" for r in kinds.itertuples())
        files = torn["image_id"].nunique()
        more = f" {files - 1} more files are like this." if files > 1 else ""
        raise DataError(
            f"{places} are the same file byte for byte, and an image has one category and one "
            f"role; remove one of them.{more}"
        )
    return ~table["image_id"].duplicated().to_numpy()


def merge_patients(table: pd.DataFrame) -> pd.Series:
    """The patients, with those that share a file joined under the first of their names."""
    sharing: dict[str, list[str]] = defaultdict(list)
    for image, patient in zip(table["image_id"], table["patient"], strict=True):
        sharing[image].append(patient)
    return table["patient"].map(joined(table["patient"], sharing.values())).astype("str")


def joined(names: Iterable[str], groups: Iterable[Sequence[str]]) -> dict[str, str]:
    """For each name the first, in alphabetical order, of those that groups link to it."""
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    for group in groups:
        roots = sorted({root(name) for name in group})
        parent.update(dict.fromkeys(roots, roots[0]) if roots else {})
    return {name: root(name) for name in parent}
