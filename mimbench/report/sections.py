"""What the page's sections show, prepared for the templates."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mimbench.report.curves import category_cells
from mimbench.report.estimates import rounded
from mimbench.report.folder import RunFolder
from mimbench.report.leaderboard import Leaderboard
from mimbench.report.samples import FitSample, fit_auroc

__all__ = ["Extra", "extras", "heat_map", "spread"]

MOST_ROWS = 200  # of an optional table on the page; the file has all
EXTRAS = {
    "verdicts": (
        "Verdicts",
        "What the numbers say about each claim, for this implementation and these images.",
    ),
    "class_signal": (
        "Swap test",
        "Does a detector know its class? The same recipe was fitted on another category and scored "
        "the same test images. The difference of the two AUROCs is the class signal; around zero, "
        "the detector would have done as well without ever seeing the target.",
    ),
    "harmonise": (
        "With and without harmonising",
        "Clean AUROC on the images as they are, and after all collections were cropped, resampled "
        "and re-encoded alike. What harmonising takes away was told by the file, not the skin.",
    ),
    "subgroups": ("Subgroups", "The same numbers within groups of images."),
    "audit": ("Audit of the images", "What could mislead a reader about these images."),
}


@dataclass(frozen=True)
class Extra:
    """An optional table of the run folder.

    Attributes:
        stem: name of its file without ".csv".
        more: rows that only the file has.
    """

    stem: str
    title: str
    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int


def extras(run: RunFolder) -> dict[str, Extra]:
    """Optional tables that are in the run folder, by file stem."""
    found = {}
    for stem, (title, words) in EXTRAS.items():
        table = run.extras.get(stem)
        if table is not None and len(table):
            shown = table.head(MOST_ROWS)
            found[stem] = Extra(
                stem=stem,
                title=title,
                words=words,
                columns=tuple(str(column).replace("_", " ") for column in table.columns),
                rows=tuple(tuple(map(_cell_text, row)) for row in shown.to_numpy(object)),
                more=len(table) - len(shown),
            )
    return found


def _cell_text(value: Any) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.3g}"
    return str(value)


def heat_map(
    metrics: pd.DataFrame, board: Leaderboard, rows: Sequence[str]
) -> list[dict[str, Any]]:
    """Blocks of the heat map: a group, and its categories with one cell for each row."""
    cells = category_cells(metrics, board.groups, rows)
    blocks = []
    for group, part in cells.groupby("group", sort=False):
        categories = []
        for category, line in part.groupby("category", sort=False):
            by_row = {str(cell["row"]): cell for cell in line.to_dict("records")}
            first = next(iter(by_row.values()))
            categories.append(
                {
                    "name": category,
                    "images": first["n_other"],
                    "patients": first["n_other_patients"],
                    "cells": [_heat_cell(by_row.get(row)) for row in rows],
                }
            )
        blocks.append({"group": group, "categories": categories})
    return blocks


def _heat_cell(cell: Mapping[Hashable, Any] | None) -> dict[str, Any] | None:
    if cell is None or np.isnan(cell["value"]):
        return None
    value, low, high = cell["value"], cell["low"], cell["high"]
    interval = (
        f"interval {rounded(low)} to {rounded(high)}"
        if np.isfinite(low)
        else f"no interval: {cell['reason']}"
    )
    return {
        "text": rounded(value),
        # Distance from a coin toss in percent, and the side it lies on.
        "strength": round(min(abs(value - 0.5) * 2, 1) * 100),
        "side": "above" if value >= 0.5 else "below",
        "title": f"{cell['row']} on {cell['category']}: AUROC {rounded(value)}, {interval}",
    }


def spread(samples: Mapping[str, Sequence[FitSample]], board: Leaderboard) -> list[dict[str, Any]]:
    """AUROC of every fit by row and group; empty if no row has more than one fit."""
    lines = []
    for entry in board.entries:
        of_row = samples.get(entry.row, ())
        places = []
        for group in board.groups:
            values = [v for sample in of_row if (v := fit_auroc(sample, group)) is not None]
            words = f"{rounded(min(values))} to {rounded(max(values))}" if values else ""
            places.append({"aurocs": values, "words": words})
        if len(of_row) > 1:
            lines.append({"row": entry.row, "places": places})
    return lines
