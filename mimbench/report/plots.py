"""How each figure is drawn: degradation curves, category heat map, ROC, score distributions.

Every figure is a matplotlib `Figure` that no pyplot state knows of.
"""

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mimbench.report.groups import Group
from mimbench.report.samples import GRID, FitSample, mean_roc
from mimbench.report.styles import RowStyle

__all__ = [
    "GRID_INK",
    "INK",
    "PAPER",
    "degradation_figure",
    "distribution_figure",
    "heat_map_figure",
    "label_all",
    "legend_above",
    "panel_grid",
    "paper_style",
    "roc_figure",
    "save_figure",
]

# Neutral colours as the page recognises them, to replace them in dark mode.
INK, GRID_INK, PAPER = "#1c1e22", "#dfe2e7", "#fefefe"
STYLE = {
    "svg.hashsalt": "mimbench",
    "text.parse_math": False,  # a name with dollar signs is a name
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titley": 1.0,  # else every panel measures all its ticks to place the title there
    "axes.labelsize": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID_INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "legend.frameon": False,
}
LEGEND_LINE = 0.18  # inches
Styles = Mapping[str, RowStyle]


@contextmanager
def paper_style() -> Iterator[None]:
    """The style of all figures, and silence for two warnings that seaborn 0.13.2 causes."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore", mpl.MatplotlibDeprecationWarning)
        if category := getattr(pd.errors, "Pandas4Warning", None):
            warnings.simplefilter("ignore", category)
        yield


def save_figure(figure: Figure, stem: Path) -> None:
    """Write `<stem>.png` at 300 dpi and `<stem>.svg`, the same bytes for the same figure."""
    if figure.get_layout_engine() is not None:
        _lay_out(figure)
    # Unlike `savefig`, the canvases draw once per file instead of twice.
    figure.set_dpi(300)
    FigureCanvasAgg(figure).print_png(stem.with_name(stem.name + ".png"))
    with stem.with_name(stem.name + ".svg").open("w", encoding="utf-8") as file:
        FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None})


def _lay_out(figure: Figure) -> None:
    """Let the layout engine place the axes, once for both files."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    # The engine differs in the last digits from call to call, and SVG ids are hashes.
    for axis in figure.axes:
        axis.set_position(np.round(axis.get_position(original=True).bounds, 5))


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
    _label_outside(axes, columns=5)
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
    heights = [len(block) for block in blocks.values()]
    figure = Figure(
        figsize=(3.2 + 0.62 * max(len(rows), 4), 1.1 + 0.24 * sum(heights) + 0.32 * len(heights)),
        layout="constrained",
    )
    axes = np.atleast_1d(figure.subplots(len(blocks), 1, sharex=True, height_ratios=heights))
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
        )
        axis.set(xlabel="", ylabel="")
        axis.grid(visible=False)
        axis.set_title(group, loc="left", fontweight="bold")
        axis.tick_params(axis="y", rotation=0, length=0)
        axis.tick_params(axis="x", rotation=45, length=0)
    names = [f"{row} (control)" if row in controls else row for row in rows]
    axes[-1].set_xticklabels(names, ha="right")
    figure.colorbar(
        axes[0].collections[0], ax=list(axes), label="AUROC (0.5 = coin toss)", shrink=0.6
    )
    return figure


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
    _label_outside(axes, columns=3)
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
    order = ["target", *(group.label for group in groups)]
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


def panel_grid(
    panels: int,
    columns: int,
    width: float,
    height: float,
    *,
    left: float = 0.65,
    below: float = 0.0,
    legend: int = 0,
) -> tuple[Figure, list[Any]]:
    """Panels of `width` x `height` inches at places that need no layout engine to be found.

    Args:
        panels: how many.
        columns: at most.
        width: of a panel, inches.
        height: of a panel, inches.
        left: room for the labels of the vertical axis, inches.
        below: room for tick labels under every panel instead of the lowest alone, inches.
        legend: entries to make room for, above.
    """
    columns = min(columns, panels)
    rows = -(-panels // columns)
    gap_across, gap_down, bottom, right = 0.2, 0.32 + below, 0.6, 0.15
    full_width = left + columns * width + (columns - 1) * gap_across + right
    top = 0.35 + LEGEND_LINE * -(-legend // _legend_columns(full_width))
    full_height = bottom + rows * height + (rows - 1) * gap_down + top
    figure = Figure(figsize=(full_width, full_height))
    axes = np.ravel(
        figure.subplots(
            rows,
            columns,
            squeeze=False,
            gridspec_kw={
                "left": left / full_width,
                "right": 1 - right / full_width,
                "bottom": bottom / full_height,
                "top": 1 - top / full_height,
                "wspace": gap_across / width,
                "hspace": gap_down / height,
            },
        )
    )
    for axis in axes[panels:]:
        figure.delaxes(axis)
    for axis in axes[:panels]:
        # panels have no label of their own, and looking for its place takes as long as their ticks
        axis.xaxis.set_label_coords(0.5, 0.0)
        axis.yaxis.set_label_coords(0.0, 0.5)
    return figure, list(axes[:panels])


def _legend_columns(width: float) -> int:
    return max(1, int(width // 2.7))


def label_all(figure: Figure, across: str, up: str = "") -> None:
    """Labels that all panels share."""
    width, height = figure.get_size_inches()
    figure.text(0.5, 0.12 / height, across, ha="center", va="bottom", fontsize=9)
    figure.text(0.1 / width, 0.5, up, ha="left", va="center", rotation=90, fontsize=9)


def _label_outside(axes: Sequence[Any], columns: int) -> None:
    """Label only the left and the lowest axes; sharing axes would do so too, but draws slowly."""
    for place, axis in enumerate(axes):
        axis.tick_params(labelleft=place % columns == 0, labelbottom=place >= len(axes) - columns)


def legend_above(figure: Figure, styles: Styles, title: str) -> None:
    """A legend of the rows over all panels."""
    lines = [
        Line2D(
            [],
            [],
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            markersize=3,
            label=f"{row} (control)" if style.control else row,
        )
        for row, style in styles.items()
    ]
    width, height = figure.get_size_inches()
    figure.legend(
        handles=lines,
        loc="upper left",
        bbox_to_anchor=(0.1 / width, 1 - 0.04 / height),
        borderaxespad=0,
        ncols=_legend_columns(width),
        title=title or None,
        alignment="left",
        handlelength=4,  # two periods of the longest dashes
        fontsize=8.5,
    )
