"""How the scores of each row spread over target and other images."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mimbench.report.figures.panels import INK, label_all, panel_grid
from mimbench.report.figures.samples import (
    EXTERNAL_TARGET,
    TARGET,
    standardised,
    standardised_threshold,
)
from mimbench.report.figures.sketch import Sketch, Subject
from mimbench.report.figures.styles import RowStyle
from mimbench.report.leaderboard.groups import Group

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["distribution_figure", "sketches"]


def sketches(subject: Subject) -> Iterator[Sketch]:
    """One, if a row has scores."""
    samples, groups = subject.results.samples, subject.board.groups
    if samples:
        words = (
            "How the scores of target and other images spread, for each score, without the "
            "outermost 1 % on either side and what lies three interquartile ranges outside of "
            "every group; lines are quartiles of what is drawn."
        )
        thresholds = {row: standardised_threshold(own) for row, own in samples.items()}
        if np.isfinite(list(thresholds.values())).any():
            words += (
                " Dashed: the threshold frozen on validation images, median over trained models."
            )
        shown = {row: style for row, style in subject.headline.items() if row in samples}
        figure = partial(distribution_figure, standardised(samples), thresholds, groups, shown)
        yield Sketch("distributions", "distribution", "", words, figure)


def distribution_figure(
    values: pd.DataFrame,
    thresholds: Mapping[str, float],
    groups: Sequence[Group],
    styles: Mapping[str, RowStyle],
) -> "Figure":
    """How the scores of each row spread over target and other images.

    Args:
        values: columns `row`, `group`, `value`, as `standardised` returns them.
        thresholds: the frozen threshold of each row on the same scale; NaN where there is none.
        groups: the groups in order.
        styles: the rows to draw.
    """
    import seaborn as sns  # slow to import, and figures that stand are not drawn again

    at_home = [group.label for group in groups if not group.external]
    abroad = [group.label for group in groups if group.external]
    order = [TARGET, *at_home, *([EXTERNAL_TARGET] * bool(abroad)), *abroad]
    left = 0.25 + 0.07 * max(len(label) for label in order)
    figure, axes = panel_grid(
        len(styles), columns=3, width=2.5, height=0.1 + 0.36 * len(order), left=left, below=0.25
    )
    for axis, (row, style) in zip(axes, styles.items(), strict=True):
        part = values[values["row"] == row]
        low, high = _window(part)
        sns.violinplot(
            data=part[part["value"].between(low, high)],
            x="value",
            y="group",
            order=order,
            ax=axis,
            color=style.colour,
            cut=0,
            inner="quart",
            density_norm="width",
            gridsize=25,  # points of an outline; the page stays small
            linewidth=0.8,
            linecolor=INK,
            alpha=0.7,
        )
        axis.set(xlabel="", ylabel="")
        axis.set_title(row)
        axis.axvline(0, color=INK, linewidth=0.7, alpha=0.5)
        _draw_threshold(axis, thresholds[row], low, high)
    for axis in axes:
        if not axis.get_subplotspec().is_first_col():
            axis.set_yticklabels([])
    label_all(
        figure,
        "score: spreads (interquartile ranges) above the middle target image; "
        "right = less like the target",
    )
    return figure


def _draw_threshold(axis: Any, threshold: float, low: float, high: float) -> None:
    """A line at the threshold, or an arrow where it lies far beyond what is drawn."""
    if abs(threshold - (low + high) / 2) <= high - low:
        axis.axvline(threshold, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
    elif np.isfinite(threshold):  # drawn in place it would squeeze the bodies to lines
        above = threshold > high
        axis.text(
            0.98 if above else 0.02,
            0.03,
            "threshold →" if above else "← threshold",
            ha="right" if above else "left",
            fontsize="small",
            transform=axis.transAxes,
        )


def _window(scores: pd.DataFrame) -> tuple[float, float]:
    """What to draw of a row: neither its outermost 2 % nor what is outlying in every group.

    A fit that gives nearly the same score to all images has outliers a thousand spreads away.
    """
    low, high = np.percentile(scores["value"], [1, 99])
    by_group = scores.groupby("group")["value"]
    lower, upper = by_group.quantile(0.25), by_group.quantile(0.75)
    reach = 3 * (upper - lower)  # Tukey's outer fences
    return max(low, float((lower - reach).min())), min(high, float((upper + reach).max()))
