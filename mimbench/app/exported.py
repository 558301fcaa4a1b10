"""A row as a model file, with the rule that makes answers of its scores."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from mimbench.app.answers import MOST_SILENT, Rule, answer_shares, disagreement
from mimbench.app.export.export_row import Model, export_row
from mimbench.app.export.guard import Guard, fit_guard, look
from mimbench.app.material import Material
from mimbench.app.rows import AppRow
from mimbench.errors import DetectorError, TableError
from mimbench.progress import Progress
from mimbench.scores.tables import CLEAN
from mimbench.statistics.run.layout import Layout

__all__ = ["Exported", "export_best", "judge_tested"]


@dataclass(frozen=True)
class Exported:
    """What judges a picture.

    Attributes:
        row: with its fits.
        model: the same as an ONNX file.
        rule: how scores become answers.
        shares: of answers by kind of picture, see `answer_shares`.
        silent: share of the target's validation images that get no answer.
        silent_test: the same of its test images; NaN where there are none.
        caught: share of the abnormal pictures, generated and of the run's files, that get no answer
            or "does not".
    """

    row: AppRow
    model: Model
    rule: Rule
    shares: pd.DataFrame
    silent: float
    silent_test: float
    caught: float


def export_best(
    rows: Iterable[AppRow], material: Material, layout: Layout, several: bool, progress: Progress
) -> Exported:
    """Export the first row that can be exported.

    Args:
        rows: see `restored_rows`.
        material: pictures on which its scores are compared.
        layout: of the run's tables.
        several: whether another row may be taken.
        progress: is told of each stage.

    Raises:
        DetectorError: none can be exported, or scores alike in ONNX Runtime.
        TableError: it would leave too many photos of the target unanswered.
    """
    guard, refuses = fit_guard(
        material.target_images, list(material.target_patients), material.held_out
    )
    refused: list[str] = []
    for row in rows:
        try:
            model = export_row(row, guard, material.pictures, progress)
        except DetectorError as error:
            if not several:
                raise
            refused.append(f"{row.name}: {error}")
            progress.message(f"{row.name} is passed over: {error}")
            continue
        return _judged(row, model, guard, refuses, material, layout)
    raise DetectorError(f"No row of this run can be exported. {' '.join(refused)}")


def _judged(
    row: AppRow,
    model: Model,
    guard: Guard,
    refuses: NDArray[np.bool_],
    material: Material,
    layout: Layout,
) -> Exported:
    """The model with the rule that makes answers of its scores.

    `refuses`: for each of the target's images by a guard without its patient, see `fit_guard`.
    """
    accepts = np.where(_unseen(row, material, layout), model.reference <= row.thresholds, np.nan)
    accepted = np.nanmean(accepts, axis=1)
    target = material.target
    reasons = guard.reasons(torch.from_numpy(model.seen))
    reasons[target] = refuses[material.held_out]
    refused = np.asarray(reasons[target].any(axis=1), dtype=bool)
    rule = Rule(guard, disagreement(accepted[target], refused))
    clean = material.condition == "clean"
    parts = [(accepted[clean], reasons[clean], _labels(material)[clean])]
    if len(material.tested):
        parts.append(judge_tested(row, guard, refuses, material, layout))
    shares = answer_shares(rule, *(np.concatenate(part) for part in zip(*parts, strict=True)))
    silent = _none(shares, material, "validation")
    if silent > MOST_SILENT:
        raise TableError(
            f"{row.name} would give no answer to {100 * silent:.1f} % of the target's validation "
            f"images (at most {100 * MOST_SILENT:.0f} %): there are too few of them, "
            f"{int(target.sum())}, to know what such photos look like. Use a run with more images "
            "or folds."
        )
    tested = _none(shares, material, "test")
    return Exported(row, model, rule, shares, silent, tested, _caught(shares, material, layout))


def _labels(material: Material) -> NDArray[np.object_]:
    """(N,) the kind of each picture; of the run's own images with their part."""
    return np.where(material.image >= 0, material.kind + ", validation", material.kind)


def judge_tested(
    row: AppRow, guard: Guard, refuses: NDArray[np.bool_], material: Material, layout: Layout
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.object_]]:
    """How test images are judged, each by the fits of the folds that test it.

    Args:
        row: with its thresholds; those for test images judge the target's.
        guard: fitted on the target's images that are not only tested.
        refuses: reasons for these (T, len(REASONS)), each by a guard without its patient.
        material: with the test images.
        layout: of the run's tables, which has their scores.

    Returns:
        For each test image that a fit can judge the share of the fits that accept it (M,), which
        of REASONS hold (M, len(REASONS)), and its kind (M,).
    """
    rows = material.tested_rows
    scores = layout.values(row.row)[:, layout.conditions.index((CLEAN, 0)), rows]
    accepts = np.full((len(rows), len(row.tests)), np.nan)
    for cell, (fit, fold, apart) in enumerate(row.tests):
        at = np.where(layout.is_target[rows], apart, row.thresholds[fit])
        judged = layout.test[fold][rows] & np.isfinite(scores[fit] - at)
        accepts[judged, cell] = (scores[fit] <= at)[judged]
    reasons = guard.reasons(look(material.tested, guard.histogram))
    own = material.tested_own >= 0
    reasons[own] = refuses[material.tested_own[own]]
    judged = np.isfinite(accepts).any(axis=1)
    kinds = _tested_kinds(layout, rows[judged])
    return np.nanmean(accepts[judged], axis=1), reasons[judged], kinds


def _tested_kinds(layout: Layout, rows: NDArray[np.int64]) -> NDArray[np.object_]:
    return np.array([f"{category}, test" for category in layout.category[rows]], dtype=object)


def _unseen(row: AppRow, material: Material, layout: Layout) -> NDArray[np.bool_]:
    """(N, F) which pictures a fit was not trained on."""
    seen = np.zeros((len(material.pictures), len(row.fits)), dtype=bool)
    own = material.image >= 0
    for k, (_, _, fold) in enumerate(row.row.fits):
        if fold >= 0:
            seen[own, k] = layout.trained[fold][material.image[own]]
    return ~seen


def _none(shares: pd.DataFrame, material: Material, part: str) -> float:
    """Share of the target's images of a part that get no answer; NaN where there are none."""
    (target,) = set(material.kind[material.target])
    own = shares.loc[shares["kind"] == f"{target}, {part}", "none"]
    return float(own.iloc[0]) if len(own) else float("nan")


def _caught(shares: pd.DataFrame, material: Material, layout: Layout) -> float:
    filed = material.tested_rows[~layout.is_target[material.tested_rows]]
    kinds = {*material.kind[material.role == "abnormal"], *_tested_kinds(layout, filed)}
    own: Any = shares[shares["kind"].isin(kinds)]
    return float(((1 - own["like"]) * own["n"]).sum() / own["n"].sum())
