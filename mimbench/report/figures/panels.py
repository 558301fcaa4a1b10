"""What all figures share: style, colours, a grid of panels with labels and a legend, saving.

Every figure is a matplotlib `Figure` that no pyplot state knows of. What draws is imported where it
does: it takes long, and figures that stand are not drawn again.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd

from mimbench.report.figures.styles import RowStyle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "GRID_INK",
    "INK",
    "PAPER",
    "label_all",
    "label_outside",
    "legend_above",
    "panel_grid",
    "paper_style",
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


@contextmanager
def paper_style() -> Iterator[None]:
    """The style of all figures, and silence for two warnings that seaborn 0.13.2 causes.

    And for letters that no font here has: the page shows the SVG, which leaves them to the browser.
    """
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore", mpl.MatplotlibDeprecationWarning)
        warnings.filterwarnings("ignore", r"Glyph \d+", UserWarning)
        warnings.filterwarnings("ignore", "Matplotlib currently does not support", UserWarning)
        if category := getattr(pd.errors, "Pandas4Warning", None):
            warnings.simplefilter("ignore", category)
        yield


def save_figure(figure: "Figure", stem: Path) -> None:
    """Write `<stem>.png` at 300 dpi and `<stem>.svg`, the same bytes for the same figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    if figure.get_layout_engine() is not None:
        _lay_out(figure)
    # Unlike `savefig`, the canvases draw once per file instead of twice.
    figure.set_dpi(300)
    FigureCanvasAgg(figure).print_png(stem.with_name(stem.name + ".png"))
    with stem.with_name(stem.name + ".svg").open("w", encoding="utf-8") as file:
        FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None})


def _lay_out(figure: "Figure") -> None:
    """Let the layout engine place the axes, once for both files."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    # The engine differs in the last digits from call to call, and SVG ids are hashes.
    for axis in figure.axes:
        axis.set_position(np.round(axis.get_position(original=True).bounds, 5))


def panel_grid(
    panels: int,
    columns: int,
    width: float,
    height: float,
    *,
    left: float = 0.65,
    below: float = 0.0,
    legend: int = 0,
) -> "tuple[Figure, list[Any]]":
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
    from matplotlib.figure import Figure

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


def label_all(figure: "Figure", across: str, up: str = "") -> None:
    """Labels that all panels share."""
    width, height = figure.get_size_inches()
    figure.text(0.5, 0.12 / height, across, ha="center", va="bottom", fontsize=9)
    figure.text(0.1 / width, 0.5, up, ha="left", va="center", rotation=90, fontsize=9)


def label_outside(axes: Sequence[Any], columns: int) -> None:
    """Label only the left and the lowest axes; sharing axes would do so too, but draws slowly."""
    for place, axis in enumerate(axes):
        axis.tick_params(labelleft=place % columns == 0, labelbottom=place >= len(axes) - columns)


def legend_above(figure: "Figure", styles: Mapping[str, RowStyle], title: str) -> None:
    """A legend of the rows over all panels."""
    from matplotlib.lines import Line2D

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
