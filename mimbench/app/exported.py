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
from mimbench.app.export.guard import Guard, fit_guard
from mimbench.app.material import Material
from mimbench.app.rows import AppRow
from mimbench.errors import DetectorError, TableError
from mimbench.progress import Progress
from mimbench.statistics.run.layout import Layout

__all__ = ["Exported", "export_best"]


@dataclass(frozen=True)
class Exported:
    """What judges a picture.

    Attributes:
        row: with its fits.
        model: the same as an ONNX file.
        rule: how scores become answers.
        shares: of answers by kind of picture, see `answer_shares`.
        silent: share of the target's validation images that get no answer.
        caught: share of the generated abnormal pictures that get no answer or "does not".
    """

    row: AppRow
    model: Model
    rule: Rule
    shares: pd.DataFrame
    silent: float
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
    guard, held_out = fit_guard(material.target_images, list(material.target_patients))
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
        return _judged(row, model, guard, held_out[material.held_out], material, layout)
    raise DetectorError(f"No row of this run can be exported. {' '.join(refused)}")


def _judged(
    row: AppRow,
    model: Model,
    guard: Guard,
    held_out: NDArray[np.bool_],
    material: Material,
    layout: Layout,
) -> Exported:
    """The model with the rule that makes answers of its scores."""
    accepts = np.where(_unseen(row, material, layout), model.reference <= row.thresholds, np.nan)
    accepted = np.nanmean(accepts, axis=1)
    target = material.target
    rule = Rule(guard, disagreement(accepted[target]))
    reasons = guard.reasons(torch.from_numpy(model.seen))
    reasons[target] = held_out
    clean = material.condition == "clean"
    shares = answer_shares(rule, accepted[clean], reasons[clean], material.kind[clean])
    silent = _silent(shares, material)
    if silent > MOST_SILENT:
        raise TableError(
            f"{row.name} would give no answer to {100 * silent:.0f} % of the target's validation "
            f"images (at most {100 * MOST_SILENT:.0f} %): there are too few of them, "
            f"{int(target.sum())}, to know what such photos look like. Use a run with more images "
            "or folds."
        )
    return Exported(row, model, rule, shares, silent, _caught(shares, material))


def _unseen(row: AppRow, material: Material, layout: Layout) -> NDArray[np.bool_]:
    """(N, F) which pictures a fit was not trained on."""
    seen = np.zeros((len(material.pictures), len(row.fits)), dtype=bool)
    own = material.image >= 0
    for k, (_, _, fold) in enumerate(row.row.fits):
        if fold >= 0:
            seen[own, k] = layout.trained[fold][material.image[own]]
    return ~seen


def _silent(shares: pd.DataFrame, material: Material) -> float:
    (target,) = set(material.kind[material.target])
    return float(shares.loc[shares["kind"] == target, "none"].iloc[0])


def _caught(shares: pd.DataFrame, material: Material) -> float:
    own: Any = shares[shares["kind"].isin(material.kind[material.role == "abnormal"])]
    return float(((1 - own["like"]) * own["n"]).sum() / own["n"].sum())
