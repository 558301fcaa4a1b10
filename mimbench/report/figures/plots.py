"""How each figure is drawn: degradation curves, category heat map, ROC, score distributions."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from mimbench.report.figures.styles import RowStyle
from mimbench.report.leaderboard.groups import Group
from mimbench.report.page.panels import (
    INK,
    PAPER,
    label_all,
    label_outside,
    legend_above,
    panel_grid,
)
from mimbench.report.page.samples import EXTERNAL_TARGET, GRID, TARGET, FitSample, mean_roc

__all__ = ["degradation_figure", "distribution_figure", "heat_map_figure", "roc_figure"]

Styles = Mapping[str, RowStyle]


def degradation_figure(curves: pd.DataFrame, styles: Styles, title: str) -> Figure:
    """AUROC by severity, one panel per corruption, with intervals as bands.

    Args:
        curves: columns `row`, `corruption`, `severity` (0 = clean), `value`, `low`, `high`.
        styles: the rows to draw, in the order of the legend.
        title: group and protocol in words.
    """
    corruptions = list(dict.fromkeys(curves["corruption"]))
    figure, axes = panel_grid(
        len(corruptions), columns=5, width=2.0, height=1.5, legend=len(styles) + 4
    )
    bottom = min(0.4, float(np.nanmin(curves[["value", "low"]].to_numpy(float))) - 0.02)
    for axis, corruption in zip(axes, corruptions, strict=True):
        panel = curves[curves["corruption"] == corruption].sort_values("severity")
        _curves(axis, panel, styles)
        axis.set_title(str(corruption).replace("_", " "))
        axis.set_xticks(range(6), ["clean", "1", "2", "3", "4", "5"])
        axis.set_ylim(max(0.0, bottom), 1.01)
        axis.axhline(0.5, color=INK, linewidth=0.7, alpha=0.5)
    label_outside(axes, columns=5)
    label_all(figure, "severity", "AUROC")
    legend_above(figure, styles, title)
    return figure


def _curves(axis: Any, panel: pd.DataFrame, styles: Styles) -> None:
    # A panel costs 5 ms so, and 130 ms with seaborn's lineplot; a run has more than a hundred.
    for row, points in panel.groupby("row", sort=False):
        style = styles[str(row)]
        severity = points["severity"].to_numpy(float)
        axis.plot(
            severity,
            points["value"].to_numpy(float),
            color=style.colour,
            linestyle=style.line,
            linewidth=1.5,
            marker=style.marker,
            markersize=4,
            markeredgecolor=PAPER,
            markeredgewidth=0.4,
        )
        axis.fill_between(
            severity,
            points["low"].to_numpy(float),
            points["high"].to_numpy(float),
            color=style.colour,
            alpha=0.06 if style.control else 0.13,
            linewidth=0,
        )


def heat_map_figure(
    cells: pd.DataFrame, rows: Sequence[str], controls: Collection[str] = ()
) -> Figure:
    """Clean AUROC of every category and row, one block per group.

    Args:
        cells: columns `group`, `label` (category with its n), `row`, `value`.
        rows: columns of the map, in order.
        controls: those that are controls, which their labels say.
    """
    blocks = {
        str(group): part.pivot_table(
            index="label", columns="row", values="value", sort=False, observed=True
        ).reindex(columns=list(rows))
        for group, part in cells.groupby("group", sort=False)
    }
    names = [f"{row} (control)" if row in controls else row for row in rows]
    figure, axes, legend = _heat_map_axes([list(block.index) for block in blocks.values()], names)
    colours = sns.diverging_palette(38, 245, s=85, l=58, as_cmap=True)
    for axis, (group, block) in zip(axes, blocks.items(), strict=True):
        sns.heatmap(
            block,
            ax=axis,
            cmap=colours,
            vmin=0,
            vmax=1,
            annot=True,
            fmt=".2f",
            annot_kws={"size": 7.5},
            linewidths=1,
            linecolor=PAPER,
            cbar=False,
            xticklabels=names if axis is axes[-1] else [],
            yticklabels=list(block.index),
        )
        axis.set(xlabel="", ylabel="")
        axis.grid(visible=False)
        axis.set_title(group, loc="left", fontweight="bold")
        axis.tick_params(axis="y", rotation=0, length=0)
        axis.tick_params(axis="x", length=0)
    for label in axes[-1].get_xticklabels():
        label.set(rotation=45, ha="right", rotation_mode="anchor")
    figure.colorbar(axes[0].collections[0], cax=legend, orientation="horizontal")
    legend.set_title("AUROC (0.5 = coin toss)", loc="left", fontsize=8)
    legend.tick_params(labelsize=8)
    return figure


def _heat_map_axes(
    labels: Sequence[Sequence[str]], names: Sequence[str]
) -> tuple[Figure, list[Any], Any]:
    """Axes of cells of one size for any number of blocks, categories and rows, and a legend.

    Args:
        labels: of the lines of each block.
        names: of the columns.
    """
    across, down, title, head = 0.62, 0.24, 0.32, 0.75  # inches
    slant = 0.055 * max(map(len, names))  # how far a name at 45 degrees reaches left and down
    left = max(0.075 * max(len(label) for block in labels for label in block), slant - across / 2)
    left, below = left + 0.15, slant + 0.2
    inner = across * max(len(names), 4)
    width = left + inner + 0.2
    height = head + sum(title + down * len(block) for block in labels) + below
    figure = Figure(figsize=(width, height))
    axes, top = [], height - head
    for block in labels:
        top -= title + down * len(block)
        box = (left / width, top / height, inner / width, down * len(block) / height)
        axes.append(figure.add_axes(box))
    legend = figure.add_axes((left / width, 1 - 0.35 / height, 1.6 / width, 0.1 / height))
    return figure, axes, legend


def roc_figure(
    samples: Mapping[str, list[FitSample]],
    points: Mapping[tuple[str, Group], tuple[float, float]],
    groups: Sequence[Group],
    styles: Styles,
) -> Figure:
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


def distribution_figure(
    values: pd.DataFrame,
    thresholds: Mapping[str, float],
    groups: Sequence[Group],
    styles: Styles,
) -> Figure:
    """How the scores of each row spread over target and other images.

    Args:
        values: columns `row`, `group`, `value`, as `standardised` returns them.
        thresholds: the frozen threshold of each row on the same scale; NaN where there is none.
        groups: the groups in order.
        styles: the rows to draw.
    """
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
            linewidth=0.8,
            linecolor=INK,
            alpha=0.7,
        )
        axis.set(xlabel="", ylabel="")
        axis.set_title(row)
        axis.axvline(0, color=INK, linewidth=0.7, alpha=0.5)
        if abs(thresholds[row] - (low + high) / 2) <= high - low:
            axis.axvline(thresholds[row], color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
        elif np.isfinite(thresholds[row]):  # drawn in place it would squeeze the bodies to lines
            above = thresholds[row] > high
            axis.text(
                0.98 if above else 0.02,
                0.03,
                "threshold →" if above else "← threshold",
                ha="right" if above else "left",
                fontsize="small",
                transform=axis.transAxes,
            )
    for axis in axes:
        if not axis.get_subplotspec().is_first_col():
            axis.set_yticklabels([])
    label_all(
        figure,
        "score: spreads (interquartile ranges) above the middle target image; "
        "right = less like the target",
    )
    return figure


def _window(scores: pd.DataFrame) -> tuple[float, float]:
    """What to draw of a row: neither its outermost 2 % nor what is outlying in every group.

    A fit that gives nearly the same score to all images has outliers a thousand spreads away.
    """
    low, high = np.percentile(scores["value"], [1, 99])
    by_group = scores.groupby("group")["value"]
    lower, upper = by_group.quantile(0.25), by_group.quantile(0.75)
    reach = 3 * (upper - lower)  # Tukey's outer fences
    return max(low, float((lower - reach).min())), min(high, float((upper + reach).max()))
