"""ROC curves by group, with the frozen thresholds."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mimbench.report.figures.panels import (
    INK,
    PAPER,
    label_all,
    label_outside,
    legend_above,
    panel_grid,
)
from mimbench.report.figures.samples import GRID, FitSample, mean_roc
from mimbench.report.figures.sketch import Sketch, Subject
from mimbench.report.figures.styles import RowStyle
from mimbench.report.leaderboard.groups import Group
from mimbench.scores.tables import CLEAN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["operating_points", "roc_figure", "sketches"]


def sketches(subject: Subject) -> Iterator[Sketch]:
    """One, if a row has scores."""
    samples, groups = subject.results.samples, subject.board.groups
    if samples:
        words = "ROC curves by group: share of other images refused against targets refused."
        points = operating_points(subject.results.operating, groups)
        if any(row in subject.lines for row, _ in points):
            words += " Large markers with a dark edge: the threshold frozen on validation images."
        figure = partial(roc_figure, samples, points, groups, subject.lines)
        yield Sketch("roc", "roc", "", words, figure)


def operating_points(
    operating: pd.DataFrame, groups: Sequence[Group]
) -> dict[tuple[str, Group], tuple[float, float]]:
    """Shares of clean target and other images refused at the frozen threshold, by row and group."""
    clean = operating[(operating["corruption"] == CLEAN) & operating["value"].notna()]
    points = {}
    for group in groups:
        side = group.role if group.external else "target"
        accepted = _of(clean, "sensitivity", side).set_index("row")["value"]
        refused = _of(clean, "specificity", group.role, group.relation)
        for row, value in zip(refused["row"], refused["value"], strict=True):
            if row in accepted:
                points[str(row), group] = (1 - float(accepted[row]), float(value))
    return points


def _of(table: pd.DataFrame, metric: str, role: str, relation: str = "") -> pd.DataFrame:
    own = table[(table["metric"] == metric) & (table["role"] == role)]
    if relation:
        own = own[(own["relation"] == relation) & (own["category"] == "")]
    return own


def roc_figure(
    samples: Mapping[str, list[FitSample]],
    points: Mapping[tuple[str, Group], tuple[float, float]],
    groups: Sequence[Group],
    styles: Mapping[str, RowStyle],
) -> "Figure":
    """ROC per group: the mean over fits and categories at equal shares of refused targets.

    Args:
        samples: clean scores by row.
        points: shares of target and of other images refused at the frozen threshold.
        groups: the panels.
        styles: the rows to draw.
    """
    figure, axes = panel_grid(len(groups), columns=3, width=2.7, height=2.4, legend=len(styles))
    for axis, group in zip(axes, groups, strict=True):
        for place, (row, style) in enumerate(styles.items()):
            curve = mean_roc(samples.get(row, []), group)
            if curve is not None:
                axis.plot(
                    np.r_[0, GRID, 1],
                    np.r_[0, curve, 1],
                    color=style.colour,
                    linestyle=style.line,
                    linewidth=1.4,
                    marker=style.marker,
                    markersize=4,
                    # along the way, not at the same places in every curve
                    markevery=(0.05 + 0.17 * place / len(styles), 0.17),
                    markeredgecolor=PAPER,
                    markeredgewidth=0.4,
                )
            if (row, group) in points:
                axis.plot(*points[row, group], style.marker, color=style.colour, mec=INK, ms=8)
        axis.plot([0, 1], [0, 1], color=INK, linewidth=0.7, alpha=0.5)
        ticks = (0, 0.25, 0.5, 0.75, 1)
        axis.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xticks=ticks, yticks=ticks)
        axis.set_xticklabels(["0", "", "0.5", "", "1"])
        axis.set_title(group.label)
    label_outside(axes, columns=3)
    label_all(figure, "share of target images refused", "share of other images refused")
    legend_above(figure, styles, "")
    return figure
