"""Category by category: the heat map."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mimbench.report.figures.categories import category_cells
from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.leaderboard.lookup import rounded
from mimbench.report.page.sections.section import Page, Section
from mimbench.statistics.tables.subgroups import FEWEST_PATIENTS

__all__ = ["SECTIONS", "heat_map"]


def _data(page: Page) -> dict[str, Any] | None:
    blocks = heat_map(page.results.metrics, page.board, page.rows)
    if not blocks:
        return None
    few = any(category["few"] for block in blocks for category in block["categories"])
    return {"blocks": blocks, "few": few, "fewest": FEWEST_PATIENTS}


def heat_map(
    metrics: pd.DataFrame, board: Leaderboard, rows: Sequence[str]
) -> list[dict[str, Any]]:
    """Blocks of the heat map: a group, and its categories with one cell for each row."""
    cells = category_cells(metrics, board.groups, rows)
    blocks = []
    for group, part in cells.groupby("group", sort=False):
        categories = []
        for category, line in part.groupby("category", sort=False, observed=True):
            by_row = {str(cell["row"]): cell for cell in line.to_dict("records")}
            first = next(iter(by_row.values()))
            categories.append(
                {
                    "name": category,
                    "images": first["n_other"],
                    "patients": first["n_other_patients"],
                    "few": first["n_other_patients"] < FEWEST_PATIENTS,
                    "cells": [_heat_cell(by_row.get(row)) for row in rows],
                }
            )
        blocks.append({"group": group, "categories": categories})
    return blocks


def _heat_cell(cell: Mapping[Hashable, Any] | None) -> dict[str, Any] | None:
    if cell is None or np.isnan(cell["value"]):
        return None
    value, low, high = cell["value"], cell["low"], cell["high"]
    caution = f" ({cell['caution']})" if cell["caution"] else ""
    interval = (
        f"interval {rounded(low)} to {rounded(high)}{caution}"
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


SECTIONS = (
    Section(
        id="categories",
        title="Category by category",
        nav="Categories",
        order=40,
        data=_data,
        template="categories.html.j2",
    ),
)
