"""What the first screen says of a detector, from the tables of its run."""

from math import isfinite, nan
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimbench.app.rows import AppRow
from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.leaderboard.groups import Group
from mimbench.report.model_card import ModelCard
from mimbench.runfolder.reading import GENERATED, RunFolder
from mimbench.scores.splits import split_columns
from mimbench.scores.tables import CLEAN
from mimbench.statistics.run.layout import Layout
from mimbench.statistics.run.threshold import judged_sides

__all__ = ["all_drawn", "detector_facts", "operating_shares"]

LICENCE = "Licence of the images"  # title of the card's section
Share = dict[str, float | None]


def detector_facts(
    run: RunFolder, board: Leaderboard, layout: Layout, row: AppRow, card: ModelCard
) -> dict[str, Any]:
    """Numbers of the row on its run, as the page prints them.

    Returns:
        `target`, `row`, `images`, `patients_fitted` and `drawn` (what it was fitted on, and whether
        all of it is generated), `tones`, `licence`, `auroc`, `corrupted` (AUROC, mean over
        corruptions), `sensitivity`, `specificity` (each with `value`, `low`, `high`, or None),
        `others` (role and relation of the images that these numbers compare the target with),
        `standing`, `control` and `control_auroc` (the best control), `promise` and `patients` (of
        the threshold).
    """
    images = run.tables.images
    splits = images[split_columns(images)]
    fitted = (images["role"] == "target") & (splits == "train").any(axis=1)
    group = board.primary
    control, best = ("", nan)
    if group is not None:
        control, best = row.entry.best_control.get(group, (control, best))
    sensitivity, specificity = operating_shares(layout, row, group)
    standing = row.entry.standing(group) if group is not None else "not compared"
    return {
        "target": run.target.replace("_", " "),
        "row": row.name,
        "images": int(fitted.sum()),
        "patients_fitted": int(images.loc[fitted, "patient"].nunique()),
        "drawn": all_drawn(images[fitted]),
        "tones": _tones(run, fitted.to_numpy(dtype=bool)),
        "licence": _licence(card),
        "auroc": _estimate(row, group, "auroc"),
        "corrupted": _estimate(row, group, "auroc_corrupted"),
        "sensitivity": sensitivity,
        "specificity": specificity,
        "others": {"role": group.role, "relation": group.relation} if group is not None else None,
        "standing": standing.replace(" ", "_"),
        "control": control,
        "control_auroc": float(best) if isfinite(best) else None,
        "promise": row.promise,
        "patients": row.patients,
    }


def operating_shares(
    layout: Layout, row: AppRow, group: Group | None
) -> tuple[Share | None, Share | None]:
    """Sensitivity, and specificity on a group's images, at the app's thresholds.

    The intervals cover the tested patients and the spread of fits; None where nothing was tested.
    """
    values, cells = layout.values(row.row), layout.cells(row.row)
    clean = values[:, layout.conditions.index((CLEAN, 0))]
    at = row.thresholds[[k for k, _, _ in cells]]
    found: dict[str, Share] = {}
    for side in judged_sides(layout):
        if side.external:
            continue
        shares, _ = side.measured(cells, clean, at, row.name)
        low, high = shares.area_interval(0.95)
        for e, one in enumerate(side.groups):
            mean = one.category == "" and group is not None
            if side.metric == "specificity" and not (
                mean and (one.role, one.relation) == (group.role, group.relation)  # type: ignore[union-attr]
            ):
                continue
            found[side.metric] = _share(shares.area[e], low[e], high[e])
    return found.get("sensitivity"), found.get("specificity")


def _share(value: float, low: float, high: float) -> Share:
    return {
        "value": float(value),
        "low": float(low) if isfinite(low) else None,
        "high": float(high) if isfinite(high) else None,
    }


def _estimate(row: AppRow, group: Group | None, measure: str) -> Share | None:
    estimate = row.entry.cell(group, measure)
    if estimate is None or not isfinite(estimate.value):
        return None
    return _share(estimate.value, estimate.low, estimate.high)


def all_drawn(images: pd.DataFrame) -> bool:
    """Whether rows of the table of images are generated, all of them."""
    return "format" in images and bool((images["format"] == GENERATED).all())


def _tones(run: RunFolder, used: NDArray[np.bool_]) -> str:
    """Images by skin tone, in few words; empty where no tone is known."""
    images = run.tables.images
    if "skin_tone" not in images:
        return ""
    tones = images.loc[used, "skin_tone"].fillna("").astype(str)
    counts = tones[tones != ""].value_counts().sort_index()
    return ", ".join(f"{tone}: {count}" for tone, count in counts.items())


def _licence(card: ModelCard) -> str:
    """What the row's model card says of the licence of the images."""
    blocks = [block for section in card.sections if section.title == LICENCE
              for block in section.blocks]  # fmt: skip
    return " ".join(" ".join(block) for block in blocks if isinstance(block, tuple))
