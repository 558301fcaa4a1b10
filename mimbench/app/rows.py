"""Which row of a run becomes an app: its fits, and thresholds that serve a new site."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimbench.app.export.row_graph import can_export
from mimbench.detectors.build import kind_of
from mimbench.errors import DetectorError, TableError, UnknownNameError
from mimbench.evaluation.external.external import restore_fit
from mimbench.evaluation.external.fitted_run import FittedRun
from mimbench.evaluation.fitting import Fit
from mimbench.files import FileHashes
from mimbench.report.leaderboard.entries import Entry, Leaderboard
from mimbench.runfolder.store import Store
from mimbench.scores.tables import CLEAN
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.questions import Row
from mimbench.statistics.run.threshold import (
    SENSITIVITY,
    fewest_patients,
    frozen_thresholds,
    validation_masks,
)

__all__ = ["AppRow", "exportable", "restored_rows"]

KINDS = (
    "mim (any score of its measures, contrast, residual or critic), autoencoders, mim-features and "
    "pca-ratio, knn, and of classifiers posterior, target-logit, msp, energy and maxlogit"
)
FEWEST = 2  # patients among the validation images of the target
LEAST_SPREAD = 1e-5  # of a fit's scores, beside their size: less is rounding in single precision


@dataclass(frozen=True)
class AppRow:
    """A row with its fits.

    Attributes:
        entry: its place on the leaderboard.
        row: its fits in the tables.
        fits: restored, in the order of `row.fits`.
        thresholds: (F,), scores up to it are accepted.
        tests: fit, the fold whose test images it judges, and a threshold that these had no part in;
            NaN where too few validation images are left for one.
        unit: (F,), standard deviation of each fit's scores of validation target images.
        promise: probability with which a photo of a new target patient stays below the threshold.
        patients: how many the thresholds were set by.
        size: side of the images that the fits see, pixels.
    """

    entry: Entry
    row: Row
    fits: tuple[Fit, ...]
    thresholds: NDArray[np.float64]
    tests: tuple[tuple[int, int, float], ...]
    unit: NDArray[np.float64]
    promise: float
    patients: int
    size: int

    @property
    def name(self) -> str:
        """Name of the row."""
        return self.row.score

    @property
    def score(self) -> str:
        """Name of the score within its detector; empty if the detector has one without a name."""
        return self.name.removeprefix(self.row.detector).removeprefix("/")


def exportable(run: FittedRun, board: Leaderboard) -> list[str]:
    """Rows whose detectors can be exported: detectors first, the best first."""
    known = {recipe.name: recipe for recipe in run.recipes}
    entries = sorted(board.entries, key=lambda entry: (entry.control, not entry.headline))
    return [
        entry.row
        for entry in entries
        if entry.detector.name in known and can_export(kind_of(known[entry.detector.name]))
    ]


def restored_rows(
    run: FittedRun, board: Leaderboard, layout: Layout, name: str = ""
) -> Iterator[AppRow]:
    """The row of that name; without one, those that can be exported, the best first.

    The first is restored at once, so that what is missing is known before images are read.

    Raises:
        UnknownNameError: the run has no such row.
        DetectorError: it cannot be exported, its code may not be imported, or the run has no row
            that can be exported.
        TableError: it has no scores, or its fits are not in the folder.
    """
    able = exportable(run, board)
    rows = {row.score: row for row in layout.rows}
    if name and name not in rows:
        raise UnknownNameError("row", name, rows)
    if name:
        run.require([rows[name].detector])
    if name and rows[name].reason:
        raise TableError(f"{name} has no numbers in {run.folder}: {rows[name].reason}.")
    if not able or (name and name not in able):
        said = f"{name} cannot be exported" if name else f"No row of {run.folder} can be exported"
        here = f"; in this run: {', '.join(able)}" if able else ""
        raise DetectorError(f"{said}. What can be: {KINDS}{here}.")
    chosen = [name] if name else able
    first = _restored(run, board, layout, rows[chosen[0]])
    others = (_restored(run, board, layout, rows[other]) for other in chosen[1:])
    return itertools.chain([first], others)


def _restored(run: FittedRun, board: Leaderboard, layout: Layout, row: Row) -> AppRow:
    store, hashes = Store(run.folder.absolute()), FileHashes()
    records: list[dict[Any, Any]] = run.tables.fits.to_dict("records")
    used = [records[number] for number, _, _ in row.fits]
    if not store.has_fit(str(used[0]["fit_id"])):
        raise TableError(
            f"{run.folder} has no trained models: it is a compact run, or its fits were deleted. "
            "An app needs the folder in which the run was made, with fits/; repeat the run."
        )
    fits = tuple(restore_fit(store, run, record, hashes) for record in used)
    masks, values = validation_masks(run.tables, layout), layout.values(row)
    patients = len(np.unique(layout.patient[masks.any(axis=0)]))
    if patients < FEWEST:
        raise TableError(
            f"{run.folder} has {patients} target patients in validation; a threshold needs "
            f"{FEWEST} or more."
        )
    promise = SENSITIVITY if patients >= fewest_patients() else patients / (patients + 1)
    at, reason = frozen_thresholds(
        layout, row, values, masks, external=True, sensitivity=promise - 1e-9
    )
    if reason:
        raise TableError(f"{row.score} has no threshold: {reason}.")
    apart, _ = frozen_thresholds(layout, row, values, masks, sensitivity=promise - 1e-9)
    cells = layout.cells(row)
    thresholds = np.array([at[[k == fit for k, _, _ in cells]].mean() for fit in range(len(fits))])
    clean = values[:, layout.conditions.index((CLEAN, 0))]
    unit = np.array([_spread(clean[k], masks, fold) for k, (_, _, fold) in enumerate(row.fits)])
    return AppRow(
        board.entry(row.score),
        row,
        fits,
        thresholds,
        tuple((k, fold, at) for (k, fold, _), at in zip(cells, apart.tolist(), strict=True)),
        unit,
        promise,
        patients,
        int(used[0]["input_size"]),
    )


def _spread(scores: NDArray[np.float64], masks: NDArray[np.bool_], fold: int) -> float:
    """Standard deviation of a fit's scores of the target's validation images."""
    own = scores[masks.any(axis=0) if fold < 0 else masks[fold]]
    spread = float(np.nanstd(own))
    if not spread > LEAST_SPREAD * float(np.nanmean(np.abs(own))):
        raise DetectorError(
            "A trained model gives all validation images of the target the same score, up to the "
            "rounding of numbers: it has learned nothing. Train longer, or choose another --row."
        )
    return spread
