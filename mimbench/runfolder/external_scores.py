"""Scores from a CSV file that another program wrote, checked against the images of a run."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.csv_files.reading import DelimitedTable, numbers, read_delimited
from mimbench.errors import TableError, UnknownNameError
from mimbench.scores.splits import split_column, test_masks
from mimbench.scores.tables import CLEAN, RunTables
from mimbench.text import listed

__all__ = ["ForeignScores", "read_scores"]

REQUIRED = "value"
KEYS = ("image_id", "path")
OPTIONAL = ("corruption", "severity", "fold", "seed")
MANIFEST = ("file", "category", "role", "patient")  # of exported conditions; of no use here
NAMED = 3  # images that a message names


@dataclass(frozen=True)
class ForeignScores:
    """Scores that fit a run.

    Attributes:
        scores: image_id, corruption, severity, value (float64, finite) and cell, an index into
            `cells`.
        cells: `fold` (missing: one fit for all folds) and `seed` of each fit.
        notes: what was left out, one sentence each.
    """

    scores: pd.DataFrame
    cells: pd.DataFrame
    notes: tuple[str, ...]


def read_scores(path: Path, tables: RunTables) -> ForeignScores:
    """Read a CSV file of scores.

    Columns: `value` (finite; higher = less like the target) and `image_id`, or `path` as the run
    knows it; `corruption` and `severity` (clean where absent or empty), `fold` (one fit for all
    folds where absent) and `seed` (0 where absent). Every test image must have a score under each
    condition that the file has, clean ones included; validation images should have clean scores,
    or there is no threshold.

    Raises:
        TableError: not a CSV file, a column is missing, a value is no finite number, an image is
            not in the run, twice or missing, a condition or fold is not the run's.
        UnknownNameError: a column that means nothing here.
    """
    written = read_delimited(path, (REQUIRED, *KEYS, *OPTIONAL, *MANIFEST), TableError)
    table = written.cells
    _check_columns(path, table)
    values, commas = _values(path, written)
    corruption = table.get("corruption", pd.Series("", table.index, dtype="str"))
    scores = pd.DataFrame(
        {
            "image_id": _image_ids(path, written, tables.images),
            "corruption": corruption.replace("", CLEAN),
            "severity": _integers(path, written, "severity", 0),
            "fold": _integers(path, written, "fold", -1),
            "seed": _integers(path, written, "seed", 0),
            "value": values,
        }
    )
    _check_conditions(path, scores, tables)
    _check_folds(path, scores, tables)
    _check_once(path, written, scores)
    used = _used(scores, tables)
    kept = scores[used]
    _check_complete(path, kept, tables)
    cells = kept[["fold", "seed"]].drop_duplicates().sort_values(["fold", "seed"])
    index = pd.MultiIndex.from_frame(cells).get_indexer(pd.MultiIndex.from_frame(kept[list(cells)]))
    folds = cells["fold"].astype("Int64").where(cells["fold"] >= 0)
    left = int((~used).sum())
    notes = [f"{path}: {note}" for note in (*written.notes, *commas)]
    if left:
        notes.append(f"{path}: {left} lines are of images that no fit is tested on; not needed.")
    return ForeignScores(
        kept.drop(columns=["fold", "seed"]).assign(cell=index),
        cells.assign(fold=folds).reset_index(drop=True),
        tuple(notes),
    )


def _check_columns(path: Path, table: pd.DataFrame) -> None:
    known = {REQUIRED, *KEYS, *OPTIONAL, *MANIFEST}
    for column in map(str, table.columns):
        if column not in known and not column.startswith("split_"):
            raise UnknownNameError(f"column in {path}:", column, known)
    if REQUIRED not in table or not set(KEYS) & set(table):
        raise TableError(
            f"{path} has the {listed('column', list(map(str, table.columns)))}; it needs 'value' "
            "(higher = less like the target) and 'image_id' or 'path'. Rename the column that "
            "holds each."
        )
    if table.empty:
        raise TableError(f"{path} has no rows.")


def _image_ids(path: Path, written: DelimitedTable, images: pd.DataFrame) -> "pd.Series[str]":
    """Image of each row, by identifier, else by path."""
    table = written.cells
    if "image_id" in table:
        ids = table["image_id"]
        strangers = ~ids.isin(images["image_id"])
    else:
        own = images[images["path"] != ""]
        by_path = dict(zip(own["path"].map(_absolute), own["image_id"], strict=True))
        by_path |= dict(zip(own["path"], own["image_id"], strict=True))
        ids = table["path"].map(
            lambda name: next((by_path[way] for way in _ways(name) if way in by_path), None)
        )
        strangers = ids.isna()
    if strangers.any():
        row = int(np.flatnonzero(strangers)[0])
        key = "image_id" if "image_id" in table else "path"
        raise TableError(
            f"{path} names {int(strangers.sum())} times an image that the run does not have, "
            f"first in line {written.lines[row]}: {key} '{table[key].iloc[row]}'."
        )
    return ids


def _ways(path: str) -> Iterator[str]:
    """How a path may be written in a run: as it is, in full, and with the other slashes."""
    for name in (path, path.replace("\\", "/")):
        yield name
        yield _absolute(name)


def _absolute(path: str) -> str:
    return os.path.realpath(path)


def _values(path: Path, written: DelimitedTable) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    column = written.cells["value"]
    found, notes = numbers(column)
    values: NDArray[np.float64] = np.asarray(found, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise TableError(
            f"{path} has values that are not finite numbers ({bad.size} of {len(values)}), first "
            f"in line {written.lines[bad[0]]}: '{column.iloc[bad[0]]}'."
        )
    return values, notes


def _integers(path: Path, written: DelimitedTable, column: str, default: int) -> NDArray[np.int64]:
    table = written.cells
    if column not in table:
        return np.full(len(table), default, dtype=np.int64)
    text = table[column].replace("", str(default))
    found = numbers(text)[0].to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~(np.isfinite(found) & (found == np.floor(found))))
    if bad.size:
        raise TableError(
            f"{path}, line {written.lines[bad[0]]}: {column} '{text.iloc[bad[0]]}' is not a whole "
            "number."
        )
    return found.astype(np.int64)


def _check_conditions(path: Path, scores: pd.DataFrame, tables: RunTables) -> None:
    own = _conditions(tables.scores)
    for name, severity in _conditions(scores):
        if (name, severity) not in own:
            there = ", ".join(f"{known} {level}" for known, level in own)
            raise TableError(
                f"{path} has scores under {name} {severity}, which the run has not; it has {there}."
            )
    if not (scores["corruption"] == CLEAN).any():
        raise TableError(f"{path} has no scores on clean images, which every row needs.")


def _conditions(scores: pd.DataFrame) -> list[tuple[str, int]]:
    pairs = scores[["corruption", "severity"]].drop_duplicates()
    return sorted((str(name), int(level)) for name, level in pairs.itertuples(index=False))


def _check_folds(path: Path, scores: pd.DataFrame, tables: RunTables) -> None:
    folds = max(tables.folds, 1)
    there = set(scores["fold"])
    wrong = sorted(there - set(range(-1, folds)))
    if wrong:
        raise TableError(
            f"{path} has scores of fold {wrong[0]}; the run's folds are 0 to {folds - 1}."
        )
    for seed, own in scores.groupby("seed")["fold"]:
        lacking = sorted(set(range(folds)) - set(own))
        if set(own) != {-1} and (lacking or -1 in set(own)):
            what = f"no scores of fold {lacking[0]}" if lacking else "rows without a fold"
            raise TableError(
                f"{path} has {what} for seed {seed}; give every row its fold, 0 to {folds - 1}, or "
                "leave the column out if one fit that saw no test image serves all."
            )


def _check_once(path: Path, written: DelimitedTable, scores: pd.DataFrame) -> None:
    repeated = scores.drop(columns="value").duplicated()
    if repeated.any():
        row = int(np.flatnonzero(repeated)[0])
        line = scores.iloc[row]
        raise TableError(
            f"{path}, line {written.lines[row]}: image {line['image_id']} has a second score under "
            f"{line['corruption']} {line['severity']}; one per image, condition, fold and seed."
        )


def _used(scores: pd.DataFrame, tables: RunTables) -> NDArray[np.bool_]:
    """Rows on test images of their fold, and clean ones on its validation images."""
    images = tables.images
    at = pd.Index(images["image_id"]).get_indexer(pd.Index(scores["image_id"]))
    tested = test_masks(images)
    held_out = np.zeros_like(tested)
    for k in range(tables.folds):
        held_out[k] = images[split_column(k)] == "validation"
    clean = (scores["corruption"] == CLEAN).to_numpy()
    fold = scores["fold"].to_numpy()
    anywhere = np.any(tested, axis=0)[at] | (clean & np.any(held_out, axis=0)[at])
    own = np.maximum(fold, 0)
    there = tested[own, at] | (clean & held_out[own, at])
    return np.asarray(np.where(fold < 0, anywhere, there), dtype=bool)


def _check_complete(path: Path, scores: pd.DataFrame, tables: RunTables) -> None:
    """Refuse a row that leaves out test images: what it is measured on would be its own choice."""
    conditions = _conditions(scores)
    for place, wanted, found in _by_cell(scores, tables):
        for name, severity in conditions:
            here = (found["corruption"] == name) & (found["severity"] == severity)
            missing = wanted[~wanted["image_id"].isin(found.loc[here, "image_id"])]
            if len(missing):
                first = missing.head(NAMED)
                named = [
                    str(name)
                    for name in first["path"].where(first["path"] != "", first["image_id"])
                ]
                raise TableError(
                    f"{path} lacks {len(missing)} of {len(wanted)} test images under {name} "
                    f"{severity}{place}: {', '.join(named)}{', ...' * (len(missing) > NAMED)}"
                )


def _by_cell(
    scores: pd.DataFrame, tables: RunTables
) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Each fit in words, the test images that it must score, and its scores."""
    tested = test_masks(tables.images)
    for _, found in scores.groupby(["fold", "seed"]):
        fold, seed = int(found["fold"].iloc[0]), int(found["seed"].iloc[0])
        mask = np.any(tested, axis=0) if fold < 0 else tested[fold]
        place = f", fold {fold}, seed {seed}" if fold >= 0 else ""
        yield place, pd.DataFrame(tables.images[mask]), found
