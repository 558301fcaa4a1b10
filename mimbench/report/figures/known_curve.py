"""The known-curve: AUROC on unknown categories against the number of known ones."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mimbench.report.figures.panels import INK, label_all, legend_above, panel_grid
from mimbench.report.figures.sketch import Sketch, Subject
from mimbench.report.figures.styles import RowStyle
from mimbench.report.leaderboard.entries import Leaderboard
from mimbench.report.leaderboard.groups import Group

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["curve_rows", "known_curve_figure", "sketches"]


def sketches(subject: Subject) -> Iterator[Sketch]:
    """One, if the run trained with fewer known categories."""
    curve = subject.results.known_curve
    if len(curve):
        words = (
            "AUROC on unknown categories against the number of known categories that a classifier "
            "was trained on. Bands: 95 % intervals over patients; bars: from the lowest to the "
            "highest order. Level lines: detectors that see no known category, and controls."
        )
        shown = {row: subject.styles[row] for row in curve_rows(curve, subject.board)}
        figure = partial(known_curve_figure, curve, shown)
        yield Sketch("known_curve", "known_curve", "", words, figure)


def curve_rows(table: pd.DataFrame, board: Leaderboard) -> list[str]:
    """One score per detector, and of the controls the best of each group."""
    best = {row for row, _ in board.best_control.values()}
    there = set(table["row"])
    return [
        entry.row
        for entry in board.entries
        if entry.row in there
        and entry.row in board.first_rows
        and (not entry.control or entry.row in best)
    ]


def known_curve_figure(table: pd.DataFrame, styles: Mapping[str, RowStyle]) -> "Figure":
    """One panel per relation of the unknown categories to the target's source.

    Lines with bands are classifiers: mean over the orders with its 95 % interval, and a bar from
    the lowest to the highest order. A mark at "none" with a level line is a detector that sees no
    known category.

    Args:
        table: of `known_curve_table`.
        styles: the rows to draw.
    """
    relations = sorted(set(table["relation"]), reverse=True)
    figure, axes = panel_grid(
        len(relations), columns=2, width=7.0 / len(relations), height=2.5, legend=len(styles)
    )
    counts = sorted(set(table["known"]))
    for axis, relation in zip(axes, relations, strict=True):
        for row, style in styles.items():
            points = table[(table["relation"] == relation) & (table["row"] == row)]
            points = points.dropna(subset="value").sort_values("known")
            if len(points):
                _draw(axis, points, style, counts[-1])
        axis.set_xticks(counts, ["none" if count == 0 else str(count) for count in counts])
        axis.axhline(0.5, color=INK, linewidth=0.7, alpha=0.5)
        axis.set_title(Group("unknown", relation).label)
    lowest = float(np.nanmin(table[["value", "low", "lowest"]].to_numpy(float)))
    for axis in axes:
        axis.set_ylim(max(0.0, min(0.4, lowest - 0.02)), 1.01)
    label_all(
        figure,
        "known categories that the detector was trained on",
        "AUROC on unknown categories",
    )
    legend_above(figure, styles, "")
    return figure


def _draw(axis: Any, points: pd.DataFrame, style: RowStyle, most: int) -> None:
    known, value, low, high, lowest, highest = (
        points[name].to_numpy(float)
        for name in ("known", "value", "low", "high", "lowest", "highest")
    )
    look = {"color": style.colour, "linestyle": style.line, "marker": style.marker}
    if known[-1] == 0:
        axis.plot([0, most], [value[0]] * 2, markevery=[0], markersize=5, linewidth=1.1, **look)
        return
    axis.plot(known, value, markersize=5, **look)
    axis.fill_between(known, low, high, color=style.colour, alpha=0.13, linewidth=0)
    axis.vlines(known, lowest, highest, color=style.colour, linewidth=2.4, alpha=0.45)
