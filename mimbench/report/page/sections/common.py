"""What the page's sections show, prepared for the templates."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mimbench.report.figures.curves import category_cells
from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.leaderboard.groups import Group
from mimbench.report.leaderboard.lookup import interval_text, rounded
from mimbench.report.page.samples import FitSample, fit_auroc
from mimbench.runfolder.reading import RunFolder
from mimbench.statistics.tables.subgroups import FEWEST_PATIENTS

__all__ = ["audit_findings", "heat_map", "robustness_lines", "signal_lines", "spread"]


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
        if len({(sample.fold, sample.seed) for sample in of_row}) > 1:
            lines.append({"row": entry.row, "places": places})
    return lines


def robustness_lines(
    robustness: pd.DataFrame, board: Leaderboard, rows: Sequence[str]
) -> tuple[list[dict[str, str]], tuple[str, ...]]:
    """Summaries of degradation on the primary group, both sides corrupted.

    Returns:
        One line per row, and why some of their numbers are not available, each reason once.
    """
    if board.primary is None:
        return [], ()
    chosen = robustness[
        (robustness["question"] == "detection")
        & (robustness["role"] == board.primary.role)
        & (robustness["relation"] == board.primary.relation)
        & (robustness["category"] == "")
        & (robustness["protocol"] == "both")
    ]
    lines = []
    reasons: dict[str, None] = {}
    for row in rows:
        own = chosen[chosen["row"] == row]
        overall = own[own["corruption"] == "*"].set_index("metric")
        worst = own[own["metric"] == "worst_auroc"]
        if overall.empty or worst.empty:
            continue
        name = str(worst["corruption"].iloc[0]).replace("_", " ")
        ratios = overall.loc[overall.index.isin(["ce", "relative_ce"]), "reason"]
        reasons |= dict.fromkeys(str(why) for why in ratios if why)
        lines.append(
            {
                "row": row,
                "area": _estimate(overall, "degradation_area"),
                "worst": f"{_estimate(worst.set_index('metric'), 'worst_auroc')} ({name})",
                "mce": _estimate(overall, "ce"),
                "relative_mce": _estimate(overall, "relative_ce"),
            }
        )
    return lines, tuple(reasons)


def _estimate(table: pd.DataFrame, metric: str) -> str:
    """Value with interval of one metric."""
    if metric not in table.index:
        return "n/a"
    return interval_text(table.loc[[metric]].to_dict("records")[0])


def signal_lines(table: pd.DataFrame, board: Leaderboard) -> list[dict[str, Any]]:
    """Lines of the swap test in the order of the leaderboard; places in percent of an AUROC."""
    place = {entry.row: k for k, entry in enumerate(board.entries)}
    lines = []
    for line in table.to_dict("records"):
        entry = board.entries[place[line["row"]]] if line["row"] in place else None
        bounded = np.isfinite(line["low"])
        lines.append(
            {
                "row": line["row"],
                "headline": entry is None or entry.headline,
                "control": entry is not None and entry.control,
                "group": _signal_group(line),
                "swap": line["swap"],
                "auroc": rounded(line["auroc"]),
                "auroc_swap": rounded(line["auroc_swap"]),
                "text": interval_text(line),
                "place": 0.0 if line["reason"] else round(line["value"] * 100, 1),
                "low": round(line["low"] * 100, 1) if bounded else None,
                "high": round(line["high"] * 100, 1) if bounded else None,
                "over_control": _over_control(line),
                "note": line["note"],
                "reason": line["reason"],
                "refits": "n/a" if np.isnan(line["null_limit"]) else f"±{line['null_limit']:.3f}",
                "seeds": line["seeds"],
            }
        )
    return sorted(lines, key=lambda line: place.get(line["row"], len(place)))


def _signal_group(line: Mapping[Hashable, Any]) -> str:
    if line["role"] == "swap":
        return "the swap category itself"
    return Group(line["role"], line["relation"]).label


def _over_control(line: Mapping[Hashable, Any]) -> str:
    """How far a class signal is above the highest one of a control, and which control."""
    if not line["control"]:
        return "–"
    return f"{interval_text(line, 'over_control', 'over_')} ({line['control']})"


def audit_findings(run: RunFolder) -> list[dict[str, str]]:
    """Severity, check and message of each finding about the images."""
    table = run.extras.get("audit", pd.DataFrame())
    return [{str(key): str(value) for key, value in x.items()} for x in table.to_dict("records")]
