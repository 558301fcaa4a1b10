"""Ensembles: the mean of several rows' scores, each in standard deviations of the target's.

Functions of the score table alone; no model and no image is needed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mimbench.errors import TableError
from mimbench.scores.splits import split_column, test_masks
from mimbench.scores.tables import CLEAN, SCORE_COLUMNS, RunTables

__all__ = ["Ensemble", "Member", "ensembles", "mean_of_z_scores", "score_ensemble"]

KEYS = ["corruption", "severity", "image_id"]


@dataclass(frozen=True)
class Member:
    """One row of an ensemble, and its fit that takes part."""

    row: str
    fit_id: str
    state_hash: str


@dataclass(frozen=True)
class Ensemble:
    """Fits that belong together: one per row, of the same category, fold and seed.

    Attributes:
        fitted_on: category whose validation images the scores are standardised on.
        fold: always given, because that validation part is a fold's.
        seed: None if no member has one.
    """

    fitted_on: str
    fold: int
    seed: int | None
    members: tuple[Member, ...]


def mean_of_z_scores(parts: Mapping[str, ArrayLike], reference: ArrayLike) -> NDArray[np.float64]:
    """Mean over rows of the scores in standard deviations from their mean on reference images.

    Args:
        parts: (N,) scores by row, finite, higher = less like the target.
        reference: (N,) which entries the mean and the standard deviation (n - 1) are taken of.

    Returns:
        (N,) higher = less like the target; about 0 for images like the reference.

    Raises:
        TableError: fewer than 2 reference entries, or a row without spread there.
    """
    chosen = np.asarray(reference, dtype=bool)
    if chosen.sum() < 2:
        raise TableError(f"{chosen.sum()} validation images to standardise on, 2 are needed")
    standardised = []
    for row, scores in parts.items():
        values = np.asarray(scores, dtype=np.float64)
        spread = values[chosen].std(ddof=1)
        if not spread > 0:
            raise TableError(f"{row} has the same score on all validation images")
        standardised.append((values - values[chosen].mean()) / spread)
    return np.asarray(np.mean(standardised, axis=0))


def ensembles(tables: RunTables, rows: Sequence[str], fitted_on: str) -> list[Ensemble]:
    """Pair the fits of rows by fold and seed; fits without a fold or seed join every one.

    Args:
        tables: the three tables of a run.
        rows: names of the rows.
        fitted_on: the target, or a category of the swap test.

    Returns:
        One per fold and seed; none if no fit of any row was made on the category.

    Raises:
        TableError: a row has no scores, a fit of it failed or is missing; the message is a reason.
    """
    found = [_fits_of(tables, row, fitted_on) for row in rows]
    target = set(tables.images.loc[tables.images["role"] == "target", "category"])
    own = [(fits["fitted_on"] == fitted_on).any() for fits in found]
    if fitted_on not in target and not (all(len(fits) for fits in found) and any(own)):
        return []
    for row, fits in zip(rows, found, strict=True):
        _check_row(tables, row, fits)
    drawn = sorted({int(seed) for fits in found for seed in fits["seed"].dropna()})
    seeds: list[int | None] = [*drawn] if drawn else [None]
    return [
        Ensemble(
            fitted_on,
            fold,
            seed,
            tuple(_member(row, fits, fold, seed) for row, fits in zip(rows, found, strict=True)),
        )
        for fold in range(max(tables.folds, 1))
        for seed in seeds
    ]


def _fits_of(tables: RunTables, row: str, fitted_on: str) -> pd.DataFrame:
    fits = tables.fits
    own = fits["detector"] == row.partition("/")[0]
    whole = fits["withheld"] == ""
    return fits[own & whole & fits["fitted_on"].isin([fitted_on, "nothing"])]


def _check_row(tables: RunTables, row: str, fits: pd.DataFrame) -> None:
    failed = fits[fits["status"] == "failed"]
    if len(failed):
        raise TableError(f"{row} failed: {failed['reason'].iloc[0]}")
    scores = tables.scores
    made = set(scores.loc[scores["score"] == row, "fit_id"].unique())
    silent = fits[~fits["fit_id"].isin(made)]
    if fits.empty or len(silent):
        notes = silent["not_run"].iloc[0] if "not_run" in silent and len(silent) else ""
        reason = json.loads(notes or "{}").get(row)
        raise TableError(f"{row} is not run: {reason}" if reason else f"there is no row {row}")


def _member(row: str, fits: pd.DataFrame, fold: int, seed: int | None) -> Member:
    here = (fits["fold"].isna() | (fits["fold"] == fold)).fillna(False)
    here &= fits["seed"].isna() | (fits["seed"] == (-1 if seed is None else seed)).fillna(False)
    if not here.any():
        place = f"fold {fold}" if seed is None else f"fold {fold}, seed {seed}"
        raise TableError(f"{row} has no fit of {place}")
    fit = fits[here].iloc[0]
    return Member(row, str(fit["fit_id"]), str(fit["state_hash"]))


def score_ensemble(tables: RunTables, ensemble: Ensemble) -> pd.DataFrame:
    """Scores of an ensemble: on test images under every condition, and clean validation images.

    Returns:
        corruption, severity, image_id and value; higher = less like the target.

    Raises:
        TableError: its members cannot be standardised; the message is a reason.
    """
    images = tables.images.set_index("image_id")
    tested = images.index[test_masks(tables.images)[ensemble.fold]]
    column = split_column(ensemble.fold)
    held_out = (
        images.index[images[column] == "validation"] if column in images else images.index[:0]
    )
    own = tables.scores[tables.scores["fit_id"].isin([m.fit_id for m in ensemble.members])]
    clean = own["corruption"] == CLEAN
    own = own[own["image_id"].isin(tested) | (clean & own["image_id"].isin(held_out))]
    parts = [
        own[(own["fit_id"] == member.fit_id) & (own["score"] == member.row)].set_index(KEYS)[
            "value"
        ]
        for member in ensemble.members
    ]
    joined = pd.concat(parts, axis=1, join="inner", keys=[m.row for m in ensemble.members])
    places = joined.index.to_frame(index=False)
    category = images["category"].reindex(places["image_id"]).to_numpy()
    reference = (
        (places["corruption"] == CLEAN)
        & places["image_id"].isin(held_out)
        & (category == ensemble.fitted_on)
    )
    scores = {member.row: joined[member.row].to_numpy() for member in ensemble.members}
    value = mean_of_z_scores(scores, reference.to_numpy())
    return places.assign(value=value).astype(
        {name: SCORE_COLUMNS[name] for name in (*KEYS, "value")}
    )
