"""The heat map: clean AUROC of every category and score."""

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mimbench.report.figures.panels import PAPER
from mimbench.report.figures.sketch import Sketch, Subject
from mimbench.report.leaderboard.groups import Group
from mimbench.scores.tables import CLEAN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["category_cells", "heat_map_figure", "sketches"]


def sketches(subject: Subject) -> Iterator[Sketch]:
    """One, if a category has a number."""
    rows = list(subject.headline)
    controls = tuple(row for row, style in subject.headline.items() if style.control)
    cells = category_cells(subject.results.metrics, subject.board.groups, rows)
    if len(cells):
        words = "Clean AUROC of every score on every category."
        figure = partial(heat_map_figure, cells, rows, controls)
        yield Sketch("categories", "heat map", "", words, figure)


def category_cells(
    metrics: pd.DataFrame, groups: Sequence[Group], rows: Sequence[str]
) -> pd.DataFrame:
    """Clean AUROC by category and row, in the order of groups and names.

    Returns:
        The metrics rows with `group` (label of the group) and `label` (category and its n).
    """
    cells = metrics[
        (metrics["question"] == "detection")
        & (metrics["category"] != "")
        & (metrics["corruption"] == CLEAN)
        & (metrics["protocol"] == "both")
        & (metrics["metric"] == "auroc")
        & metrics["row"].isin(rows)
    ]
    parts = [cells.assign(group="", label="").iloc[:0]]  # there is one even without groups
    for group in groups:
        part = cells[(cells["role"] == group.role) & (cells["relation"] == group.relation)]
        part = part.sort_values("category", kind="stable")
        label = [
            f"{name} ({images} images, {patients} pat.)"
            for name, images, patients in part[
                ["category", "n_other", "n_other_patients"]
            ].itertuples(index=False)
        ]
        parts.append(part.assign(group=group.label, label=label))
    return pd.concat(parts, ignore_index=True)


def heat_map_figure(
    cells: pd.DataFrame, rows: Sequence[str], controls: Collection[str] = ()
) -> "Figure":
    """Clean AUROC of every category and row, one block per group.

    Args:
        cells: columns `group`, `label` (category with its n), `row`, `value`.
        rows: columns of the map, in order.
        controls: those that are controls, which their labels say.
    """
    import seaborn as sns  # slow to import, and figures that stand are not drawn again

    blocks = {
        # pivot_table would drop a category in which no row has a number
        str(group): part.pivot(index="label", columns="row", values="value").reindex(
            index=part["label"].unique(), columns=list(rows)
        )
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
            xticklabels=[],
            yticklabels=[],
        )
        # not by seaborn: to see whether labels overlap, it makes a canvas for each of them
        axis.set_yticks(np.arange(len(block)) + 0.5, block.index, va="center")
        axis.set(xlabel="", ylabel="")
        axis.grid(visible=False)
        axis.set_title(group, loc="left", fontweight="bold")
        axis.tick_params(axis="y", rotation=0, length=0)
        axis.tick_params(axis="x", length=0)
    axes[-1].set_xticks(
        np.arange(len(names)) + 0.5, names, rotation=45, ha="right", rotation_mode="anchor"
    )
    figure.colorbar(axes[0].collections[0], cax=legend, orientation="horizontal")
    legend.set_title("AUROC (0.5 = coin toss)", loc="left", fontsize=8)
    legend.tick_params(labelsize=8)
    return figure


def _heat_map_axes(
    labels: Sequence[Sequence[str]], names: Sequence[str]
) -> "tuple[Figure, list[Any], Any]":
    """Axes of cells of one size for any number of blocks, categories and rows, and a legend.

    Args:
        labels: of the lines of each block.
        names: of the columns.
    """
    from matplotlib.figure import Figure

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
